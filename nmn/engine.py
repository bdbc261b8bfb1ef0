"""Engine: a question about an image in, an answer out."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, overload

from nmn.asked import Asked, Reader
from nmn.domain import Domain
from nmn.errors import InputError, NmnError, PresuppositionError
from nmn.parse import Parse, Parser
from nmn.perceiver import Perceiver
from nmn.program import Program
from nmn.registry import Registry, default_registry
from nmn.trace import Answer

if TYPE_CHECKING:
    import torch

    from nmn.module_weights import LoadedModules
    from nmn.soft import Policy

_LOG = logging.getLogger(__name__)

IMAGES_AT_A_TIME = 128
"""How many images are run together: enough to fill a core, few enough that what they need stays in its cache."""


EXECUTION_GUIDED = False
"""Whether the readings of an ambiguous question are weighed by how they fit the image; docs/guides/cascade.md has why."""


class Backend(Protocol):
    """Runs programs on images."""

    def run(
        self, images: Sequence[Any], programs: Sequence[Program], positions: Sequence[int], *, trace: bool = False
    ) -> list[Answer]:
        """Answer checked programs, each on the image at its position. Raises: InputError."""
        ...


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
        policy: Which facets that back end computes, and when (:data:`nmn.soft.Policy`).
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
        policy: "Policy" = "read",
        execution_guided: bool = EXECUTION_GUIDED,
    ) -> None:
        self.perceiver = perceiver
        self.registry = default_registry() if registry is None else registry
        self.parser = _default(perceiver.domain) if parser is None else parser
        self.backend = _soft(perceiver, self.registry, policy) if backend is None else backend
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
        policy: "Policy" = "read",
        parser: Parser | None = None,
        registry: Registry | None = None,
        execution_guided: bool = EXECUTION_GUIDED,
    ) -> "Engine":
        """Load an engine that looks at pixels, and the weights of its modules as far as they fit (``loaded_modules``).

        Args:
            source: A folder that :meth:`save_pretrained` wrote; the weights that ship with the package if None.
            device: Where it computes.
            policy: Which facets are computed, and when (:data:`nmn.soft.Policy`).
            parser: Reads questions, as for the engine itself.
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
        engine = Engine(perceiver, policy=policy, parser=parser, registry=known, execution_guided=execution_guided)
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
        """Write the perceiver's weights and configuration, and the modules'; :meth:`from_pretrained` reads them.

        Raises: InputError when the perceiver has nothing to save.
        """
        save = getattr(self.perceiver, "save_pretrained", None)
        if save is None:
            raise InputError(f"{type(self.perceiver).__name__} has no weights to save")
        save(folder)
        modules = getattr(self.backend, "modules", None)
        if modules is not None:
            from nmn.module_weights import write_module_weights

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
    def answer(self, image: Any, question: str | Program, *, trace: bool = ..., strict: bool = ...) -> Answer: ...

    @overload
    def answer(
        self, image: Any, question: Sequence[str | Program], *, trace: bool = ..., strict: bool = ...
    ) -> list[Answer]: ...

    def answer(
        self,
        image: Any,
        question: str | Program | Sequence[str | Program],
        *,
        trace: bool = False,
        strict: bool = False,
    ) -> Answer | list[Answer]:
        """Answer a question about an image, or a list of questions.

        Args:
            image: What the perceiver looks at, such as a file's path. With a list of questions, one image for all of
                them, or a list with one for each; an image that occurs more than once is looked at once.
            question: A question, or a program to run as it is, or a list of either.
            trace: Attach what ran to each answer.
            strict: Refuse to answer where what a question takes for granted does not hold.

        Raises:
            InputError: when an image, a question or a program cannot be used; it says which.
            PresuppositionError: in strict mode.
        """
        questions = [question] if isinstance(question, str | Program) else list(question)
        images = list(image) if isinstance(image, list | tuple) else [image] * len(questions)
        if len(images) != len(questions):
            raise InputError(
                f"{len(images)} images for {len(questions)} questions: give one image, or one for each question"
            )
        asked: list[Asked] = []
        for each in self._reader.read(questions):
            if isinstance(each, NmnError):
                raise each
            asked.append(each)
        found = self._run_asked(images, asked, trace)
        if strict:
            for answer in found:
                _insist(answer)
        return found[0] if isinstance(question, str | Program) else found

    def run(self, images: Sequence[Any], programs: Sequence[Program], *, trace: bool = False) -> list[Answer]:
        """Run checked programs, one image for each; equal images are looked at once.

        Raises: InputError when an image cannot be used.
        """
        found: list[Answer | None] = [None] * len(programs)
        for distinct, chunk in _chunks(images):
            loaded = [self.perceiver.load(image) for image in distinct]
            chosen = [programs[place] for place, _ in chunk]
            answered = self.backend.run(loaded, chosen, [position for _, position in chunk], trace=trace)
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

        Yields:
            For each item its answer, or the error that kept it from one.
        """
        source = iter(items)
        with ThreadPoolExecutor(max(1, workers)) as pool:
            ahead: deque[_Batch] = deque()
            for _ in range(2):
                ahead.append(_Batch.of(self.perceiver, pool, list(islice(source, batch_size))))
            while ahead[0].items:
                batch = ahead.popleft()
                yield from self._answer_batch(batch, trace)
                ahead.append(_Batch.of(self.perceiver, pool, list(islice(source, batch_size))))

    def _answer_batch(self, batch: "_Batch", trace: bool) -> "list[Answer | NmnError]":
        images = {key: _outcome(loading) for key, loading in batch.images.items()}
        loaded = [images[_key(image)] for image, _ in batch.items]
        failed = [each if isinstance(each, NmnError) else None for each in loaded]
        questions = [failure or question for failure, (_, question) in zip(failed, batch.items, strict=True)]
        read = self._reader.read(questions)
        ready = [(image, each) for image, each in zip(loaded, read, strict=True) if isinstance(each, Asked)]
        answers = iter(self._run_asked([image for image, _ in ready], [each for _, each in ready], trace))
        return [next(answers) if isinstance(each, Asked) else each for each in read]

    def _run_asked(self, images: Sequence[Any], asked: Sequence[Asked], trace: bool) -> list[Answer]:
        """Run all readings of all questions together and choose."""
        repeated = [image for image, each in zip(images, asked, strict=True) for _ in each.programs]
        found = iter(self.run(repeated, [program for each in asked for program in each.programs], trace=trace))
        return [each.answer(list(islice(found, len(each.programs)))) for each in asked]


class _Batch:
    """Some items of a stream, their images being loaded."""

    def __init__(self, items: list[tuple[Any, Any]], images: "dict[Any, Future[Any]]") -> None:
        self.items = items
        self.images = images

    @staticmethod
    def of(perceiver: Perceiver, pool: ThreadPoolExecutor, items: list[tuple[Any, Any]]) -> "_Batch":
        images: dict[Any, Future[Any]] = {}
        for image, _ in items:
            if _key(image) not in images:
                images[_key(image)] = pool.submit(_load, perceiver, image)
        return _Batch(items, images)


def _load(perceiver: Perceiver, image: Any) -> Any:
    return image if isinstance(image, NmnError) else perceiver.load(image)


def _outcome(loading: "Future[Any]") -> Any:
    try:
        return loading.result()
    except NmnError as error:
        return error


def _insist(found: Answer) -> None:
    """Raises: PresuppositionError when something that a question takes for granted does not hold."""
    if found.presuppositions:
        failed = found.presuppositions[0]
        message = f"{failed.words} (program node {failed.node})"
        raise PresuppositionError(message, node=failed.node, candidates=failed.candidates)


def _default(domain: Domain) -> Parser:
    from nmn.parser.links import default_parser

    return default_parser(domain)


def _soft(perceiver: Perceiver, registry: Registry, policy: "Policy") -> Backend:
    from nmn.soft import SoftBackend

    return SoftBackend(perceiver, registry, policy=policy)


def _key(image: Any) -> Any:
    """What tells images apart: their path, or which object they are."""
    return image if isinstance(image, str | Path) else id(image)


def _chunks(images: Sequence[Any]) -> list[tuple[list[Any], list[tuple[int, int]]]]:
    """Split work at a bounded number of distinct images: (distinct images, [(place, position of its image)])."""
    order: dict[Any, list[int]] = {}
    for place, image in enumerate(images):
        order.setdefault(_key(image), []).append(place)
    keys = list(order)
    chunks = []
    for start in range(0, len(keys), IMAGES_AT_A_TIME):
        part = keys[start : start + IMAGES_AT_A_TIME]
        distinct = [images[order[key][0]] for key in part]
        chunks.append((distinct, [(place, position) for position, key in enumerate(part) for place in order[key]]))
    return chunks
