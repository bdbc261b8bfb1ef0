"""Engine: a question about an image in, an answer out."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from nmn.check import check
from nmn.decode import answer_of_loop, answers
from nmn.domain import Domain
from nmn.errors import InputError, PresuppositionError
from nmn.executor import Modules, execute
from nmn.loop import Looper
from nmn.parse import Parse, Parser
from nmn.perceiver import Perceiver
from nmn.planner import Planner
from nmn.program import Program
from nmn.registry import Registry, default_registry
from nmn.scene import FacetStore
from nmn.trace import Answer

if TYPE_CHECKING:
    import torch

IMAGES_AT_A_TIME = 64
"""How many images are looked at together: enough to fill a core, few enough to stay in cache."""


PLANNED_FROM = 4
"""Fewer questions than this are run one call at a time: planning them would take longer than it saves."""


class Engine:
    """Answers questions about images.

    ::

        engine = Engine.from_pretrained()
        answer = engine.answer("photo.jpg", "How many red things are left of the cube?")
        print(answer.value, answer.confidence)

    Args:
        perceiver: Looks at images; decides what an image is (a file, pixels, a described scene).
        parser: Reads questions; the English grammar of the perceiver's domain if None.
        registry: The operations; those of the module library and of plug-ins if None.
    """

    def __init__(self, perceiver: Perceiver, *, parser: Parser | None = None, registry: Registry | None = None) -> None:
        self.perceiver = perceiver
        self.registry = default_registry() if registry is None else registry
        self.parser = _english(perceiver.domain) if parser is None else parser
        self.modules = Modules(self.registry)
        self.planner = Planner(self.domain, self.registry)
        self.looper = Looper(self.domain, self.modules)

    @property
    def domain(self) -> Domain:
        """What can be talked about."""
        return self.perceiver.domain

    @staticmethod
    def from_pretrained(source: str | Path | None = None, *, device: "str | torch.device" = "cpu") -> "Engine":
        """Load an engine that looks at pixels.

        Args:
            source: A folder that :meth:`save_pretrained` wrote; the weights that ship with the package if None.
            device: Where perception runs.

        Raises:
            WeightsError: when the weights are missing, broken, or of another domain.
        """
        from nmn.perception.detector import PixelPerceiver

        return Engine(PixelPerceiver.from_pretrained(source, device=device))

    @staticmethod
    def for_scenes(domain: Domain | str = "clevr") -> "Engine":
        """An engine for scenes that are already described (:class:`nmn.scenes.Scene`)."""
        from nmn.scene_perceiver import ScenePerceiver

        return Engine(ScenePerceiver(Domain.load(domain) if isinstance(domain, str) else domain))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the perceiver's weights and configuration; :meth:`from_pretrained` reads them.

        Raises: InputError when the perceiver has nothing to save.
        """
        save = getattr(self.perceiver, "save_pretrained", None)
        if save is None:
            raise InputError(f"{type(self.perceiver).__name__} has no weights to save")
        save(folder)

    def parse(self, question: str) -> Parse:
        """The likeliest reading of a question. Raises: QuestionError."""
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
        programs = [self._program(each) for each in questions]
        found = self.run(images, programs, trace=trace)
        named = [self._finished(each, asked, strict) for each, asked in zip(found, questions, strict=True)]
        return named[0] if isinstance(question, str | Program) else named

    def run(self, images: Sequence[Any], programs: Sequence[Program], *, trace: bool = False) -> list[Answer]:
        """Run checked programs, one image for each; equal images are looked at once.

        Raises: InputError when an image cannot be used.
        """
        import torch

        found: list[Answer | None] = [None] * len(programs)
        for distinct, chunk in _chunks(images):
            with torch.no_grad():
                store = FacetStore.look(self.perceiver, distinct)
                chosen = [programs[place] for place, _ in chunk]
                answered = self._run_chunk(chosen, [position for _, position in chunk], store, trace)
            for (place, _), each in zip(chunk, answered, strict=True):
                found[place] = each
        return [each for each in found if each is not None]

    def _run_chunk(self, programs: list[Program], images: list[int], store: FacetStore, trace: bool) -> list[Answer]:
        if len(programs) < PLANNED_FROM:
            pairs = zip(programs, images, strict=True)
            return [answer_of_loop(self.looper.run(program, image, store, trace=trace)) for program, image in pairs]
        run = execute(self.planner.plan(programs, images), store, self.modules, trace=trace)
        return answers(run, trace=trace)

    def _program(self, question: str | Program) -> Program:
        program = question if isinstance(question, Program) else self.parse(question).program
        check(program, self.domain, self.registry)
        return program

    @staticmethod
    def _finished(found: Answer, question: str | Program, strict: bool) -> Answer:
        if strict and found.presuppositions:
            failed = found.presuppositions[0]
            message = f"{failed.words} (program node {failed.node})"
            raise PresuppositionError(message, node=failed.node, candidates=failed.candidates)
        return found if isinstance(question, Program) else found.asked(question)


def _english(domain: Domain) -> Parser:
    from nmn.parser.english import EnglishParser

    return EnglishParser(domain)


def _chunks(images: Sequence[Any]) -> list[tuple[list[Any], list[tuple[int, int]]]]:
    """Split work at a bounded number of distinct images: (distinct images, [(place, position of its image)])."""
    order: dict[Any, list[int]] = {}
    for place, image in enumerate(images):
        key = image if isinstance(image, str | Path) else id(image)
        order.setdefault(key, []).append(place)
    keys = list(order)
    chunks = []
    for start in range(0, len(keys), IMAGES_AT_A_TIME):
        part = keys[start : start + IMAGES_AT_A_TIME]
        distinct = [images[order[key][0]] for key in part]
        chunks.append((distinct, [(place, position) for position, key in enumerate(part) for place in order[key]]))
    return chunks
