"""Engine: a question about an image in, an answer out."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack, cast, overload

from nmn.asked import Asked, Reader
from nmn.batches import Backend, Batch, Load, chunks_of, key_of, outcome
from nmn.domain import Domain
from nmn.errors import InputError, NmnError, PresuppositionError
from nmn.parse import Parse, Parser
from nmn.perceiver import Perceiver
from nmn.policies.choice import Choice, LookOptions, choice_of
from nmn.program import Program
from nmn.registry import Registry, default_registry
from nmn.trace import Answer

if TYPE_CHECKING:
    import torch

    from nmn.module_weights import LoadedModules
    from nmn.policies.selecting import StagedBackends

_LOG = logging.getLogger(__name__)

EXECUTION_GUIDED = False
"""Whether the readings of an ambiguous question are weighed by how they fit the image; docs/guides/cascade.md has why."""


class Engine:
    """Answers questions about images.

    ::

        engine = Engine.from_pretrained()
        answer = engine.answer("photo.jpg", "How many red things are left of the cube?")
        print(answer.value, answer.confidence)

    Args:
        perceiver: Looks at images; decides what an image is (a file, pixels, a described scene).
        parser: Reads questions; if None, the cascade of the parsers that there are for the perceiver's domain
            (:func:`nmn.parser.links.default_parser`).
        registry: The operations; those of the module library and of plug-ins if None.
        backend: Runs programs; by probabilities over what the perceiver sees if None.
        policy: How closely images are looked at (:mod:`nmn.policies.choice`) where :meth:`answer` does not say: ``value``
            where what it needs was fitted for the weights, else ``read``, if None.
        staged: The perceiver stage by stage, for the policies that choose looks.
        execution_guided: Of a question with several readings, choose the one that fits the image best
            (:mod:`nmn.asked`).
    """

    def __init__(
        self,
        perceiver: Perceiver,
        *,
        parser: Parser | None = None,
        registry: Registry | None = None,
        backend: Backend | None = None,
        policy: str | Choice | None = None,
        staged: "StagedBackends | None" = None,
        execution_guided: bool = EXECUTION_GUIDED,
    ) -> None:
        self.perceiver = perceiver
        self.registry = default_registry() if registry is None else registry
        if parser is None:
            from nmn.parser.links import default_parser

            parser = default_parser(perceiver.domain)
        if backend is None:
            from nmn.soft import SoftBackend

            backend = SoftBackend(perceiver, self.registry)
        self.parser, self.backend = parser, backend
        self.staged = staged
        fitted = staged is not None and staged.fitted
        self._backends: dict[Choice, Backend] = {}
        named = "value" if policy is None and fitted else policy
        self.choice = named if isinstance(named, Choice) else choice_of(policy=named)
        self.loaded_modules: LoadedModules | None = None
        self.execution_guided = execution_guided
        self._reader = Reader(self.parser, self.domain, self.registry, execution_guided)

    @property
    def domain(self) -> Domain:
        """What can be talked about."""
        return self.perceiver.domain

    @staticmethod
    def from_pretrained(
        source: str | Path | None = None,
        *,
        device: "str | torch.device" = "cpu",
        policy: str | None = None,
        parser: Parser | None = None,
        registry: Registry | None = None,
        execution_guided: bool = EXECUTION_GUIDED,
    ) -> "Engine":
        """Load an engine that looks at pixels, and the weights of its modules as far as they fit (``loaded_modules``).

        Args:
            source: A folder that :meth:`save_pretrained` wrote; the weights that ship with the package if None.
            device: Where it computes.
            policy: How closely images are looked at, as for the engine itself.
            parser: Reads questions, likewise.
            registry: The operations, as for the engine itself; of their variants those that the weights are of.
            execution_guided: How readings are chosen, as for the engine itself.

        Raises:
            WeightsError: when the weights are missing, broken, or of another domain.
        """
        from nmn.module_weights import saved_choices
        from nmn.perception.detector import PixelPerceiver

        perceiver = PixelPerceiver.from_pretrained(source, device=device)
        known = default_registry() if registry is None else registry
        if source is not None:
            known = known.chosen(saved_choices(Path(source), known))
        from nmn.policies.selecting import StagedBackends

        staged = StagedBackends.of_weights(perceiver, source)
        engine = Engine(
            perceiver, policy=policy, parser=parser, registry=known, staged=staged, execution_guided=execution_guided
        )
        return engine if source is None else engine._with_modules(Path(source), device)

    @staticmethod
    def for_scenes(
        domain: Domain | str = "clevr", *, parser: Parser | None = None, execution_guided: bool = EXECUTION_GUIDED
    ) -> "Engine":
        """An engine for scenes that are already described (:class:`nmn.scenes.Scene`).

        Scenes of which everything is certain are answered by exact rules, a detector's by probabilities.

        Args:
            domain: What the scenes speak of, or its name.
            parser: Reads questions, as for the engine itself.
            execution_guided: How readings are chosen, as for the engine itself.
        """
        from nmn.scene_backend import SceneBackend
        from nmn.scene_perceiver import ScenePerceiver

        perceiver = ScenePerceiver(Domain.load(domain) if isinstance(domain, str) else domain)
        registry = default_registry()
        backend = SceneBackend(perceiver, registry)
        return Engine(perceiver, registry=registry, backend=backend, parser=parser, execution_guided=execution_guided)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the perceiver's weights, the modules' and what policies need; :meth:`from_pretrained` reads them.

        Raises: InputError when the perceiver has nothing to save.
        """
        save = getattr(self.perceiver, "save_pretrained", None)
        if save is None:
            raise InputError(f"{type(self.perceiver).__name__} has no weights to save")
        save(folder)
        if self.staged is not None and self.staged.fitted:
            self.staged.settings.write(Path(folder))
        from nmn.module_weights import write_module_weights

        modules = getattr(self.backend, "modules", None)
        if modules is not None:
            write_module_weights(Path(folder), modules)

    def _with_modules(self, folder: Path, device: "str | torch.device") -> "Engine":
        """This engine with the weights of modules in a folder, as far as they fit; the log says what does not."""
        from nmn.module_weights import read_module_weights

        modules = getattr(self.backend, "modules", None)
        if modules is not None:
            self.loaded_modules = read_module_weights(folder, modules.to(device))
            for complaint in self.loaded_modules.complaints:
                _LOG.warning("%s: %s", folder, complaint)
        return self

    def parse(self, question: str) -> Parse:
        """The likeliest reading of a question, which may be but a guess (``known``). Raises: QuestionError."""
        return self.parser.parse(question)[0]

    @overload
    def answer(
        self,
        image: Any,
        question: str | Program,
        *,
        trace: bool = ...,
        strict: bool = ...,
        **looking: Unpack[LookOptions],
    ) -> Answer: ...

    @overload
    def answer(
        self,
        image: Any,
        question: Sequence[str | Program],
        *,
        trace: bool = ...,
        strict: bool = ...,
        **looking: Unpack[LookOptions],
    ) -> list[Answer]: ...

    def answer(
        self,
        image: Any,
        question: str | Program | Sequence[str | Program],
        *,
        trace: bool = False,
        strict: bool = False,
        **looking: Unpack[LookOptions],
    ) -> Answer | list[Answer]:
        """Answer a question about an image, or a list of questions.

        Args:
            image: What the perceiver looks at, such as a file's path. With a list of questions, one image for all of
                them, or a list with one for each; an image that occurs more than once is looked at once.
            question: A question, or a program to run as it is, or a list of either.
            trace: Attach what ran to each answer.
            strict: Refuse to answer where what a question takes for granted does not hold.
            looking: How closely the images are looked at (:class:`nmn.policies.choice.LookOptions`); as the engine does by
                itself if nothing is said.

        Raises:
            InputError: when an image, a question, a program or the policy cannot be used; it says which.
            WeightsError: when the weights lack what the policy needs.
            PresuppositionError: in strict mode.
        """
        questions = [question] if isinstance(question, str | Program) else list(question)
        images = list(image) if isinstance(image, list | tuple) else [image] * len(questions)
        if len(images) != len(questions):
            raise InputError(
                f"{len(images)} images for {len(questions)} questions: give one image, or one for each question"
            )
        backend = self.backend_for(choice_of(**looking))
        asked: list[Asked] = []
        for each in self._reader.read(questions):
            if isinstance(each, NmnError):
                raise each
            asked.append(each)
        found = self._run_asked(images, asked, trace, backend)
        if strict:
            for answer in found:
                _insist(answer)
        return found[0] if isinstance(question, str | Program) else found

    def backend_for(self, choice: Choice | None = None) -> Backend:
        """What answers by a choice of policy; by the engine's own if None.

        Raises: InputError when this engine has no such policy, WeightsError when the weights lack what it needs.
        """
        chosen = self.choice if choice is None else choice
        if chosen is None:
            return self.backend
        found = self._backends.get(chosen)
        if found is None:
            from nmn.policies.selecting import backend_of

            found = self._backends[chosen] = backend_of(chosen, self.backend, self.staged)
        return found

    def run(
        self,
        images: Sequence[Any],
        programs: Sequence[Program],
        *,
        trace: bool = False,
        backend: Backend | None = None,
    ) -> list[Answer]:
        """Run checked programs, one image for each; equal images are looked at once.

        What runs them is from :meth:`backend_for`, that of the engine's own policy if None. Raises: InputError.
        """
        backend = self.backend_for() if backend is None else backend
        load = self._load(backend)
        found: list[Answer | None] = [None] * len(programs)
        for distinct, chunk in chunks_of(images):
            loaded = [load(image) for image in distinct]
            chosen = [programs[place] for place, _ in chunk]
            answered = backend.run(loaded, chosen, [position for _, position in chunk], trace=trace)
            for (place, _), each in zip(chunk, answered, strict=True):
                found[place] = each
        return [each for each in found if each is not None]

    def answer_many(
        self,
        items: "Iterable[tuple[Any, str | Program | NmnError]]",
        *,
        batch_size: int = 256,
        workers: int = 1,
        trace: bool = False,
        choice: Choice | None = None,
    ) -> "Iterator[Answer | NmnError]":
        """Answer a stream of questions, in order and in bounded memory.

        While one batch is answered, the next one's images are loaded. An item that cannot be used gives its error in its
        place, and the others go on; so does one that is an error already.

        Args:
            items: (image, question or program), or (image, error). Questions on one image are best next to one another:
                within a batch an image is looked at once.
            batch_size: How many questions run together.
            workers: Threads that load images.
            trace: Attach what ran to each answer.
            choice: How closely images are looked at; as the engine does by itself if None.

        Yields:
            For each item its answer, or the error that kept it from one.
        """
        source = iter(items)
        backend = self.backend_for(choice)
        load = self._load(backend)
        with ThreadPoolExecutor(max(1, workers)) as pool:
            ahead: deque[Batch] = deque()
            for _ in range(2):
                ahead.append(Batch.of(load, pool, list(islice(source, batch_size))))
            while ahead[0].items:
                batch = ahead.popleft()
                yield from self._answer_batch(batch, trace, backend)
                ahead.append(Batch.of(load, pool, list(islice(source, batch_size))))

    def _answer_batch(self, batch: Batch, trace: bool, backend: Backend) -> "list[Answer | NmnError]":
        images = {key: outcome(loading) for key, loading in batch.images.items()}
        loaded = [images[key_of(image)] for image, _ in batch.items]
        failed = [each if isinstance(each, NmnError) else None for each in loaded]
        questions = [failure or question for failure, (_, question) in zip(failed, batch.items, strict=True)]
        read = self._reader.read(questions)
        ready = [(image, each) for image, each in zip(loaded, read, strict=True) if isinstance(each, Asked)]
        answers = iter(self._run_asked([image for image, _ in ready], [each for _, each in ready], trace, backend))
        return [next(answers) if isinstance(each, Asked) else each for each in read]

    def _load(self, backend: Backend) -> Load:
        """What makes images ready for a back end: one that looks in stages decodes no more than it needs."""
        return cast(Load, getattr(backend, "load", self.perceiver.load))

    def _run_asked(self, images: Sequence[Any], asked: Sequence[Asked], trace: bool, backend: Backend) -> list[Answer]:
        """Run all readings of all questions together and choose."""
        repeated = [image for image, each in zip(images, asked, strict=True) for _ in each.programs]
        programs = [program for each in asked for program in each.programs]
        found = iter(self.run(repeated, programs, trace=trace, backend=backend))
        return [each.answer(list(islice(found, len(each.programs)))) for each in asked]


def _insist(found: Answer) -> None:
    """Raises: PresuppositionError when something that a question takes for granted does not hold."""
    if found.presuppositions:
        failed = found.presuppositions[0]
        message = f"{failed.words} (program node {failed.node})"
        raise PresuppositionError(message, node=failed.node, candidates=failed.candidates)
