"""GQA: run the programs of its questions on scene graphs and note what became of each."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Protocol

from nmn.check import check
from nmn.datasets.gqa import GqaQuestion, GqaScene
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.evaluation.outcome import DATA_FAILURES, UNREAD, Failure, Outcome
from nmn.evaluation.report import Report
from nmn.evaluation.run import OnError
from nmn.parser.gqa import import_program
from nmn.program import Program
from nmn.registry import Registry
from nmn.scenes import Scene
from nmn.trace import Answer

STRUCTURE = "structural"
"""Key of a question's structural type among its types: query, verify, logical, choose or compare."""


class Runner(Protocol):
    """Runs programs on described scenes, as :class:`nmn.scene_backend.SceneBackend` does."""

    def run(self, images: Sequence[Scene], programs: Sequence[Program], positions: Sequence[int]) -> list[Answer]:
        """Answer checked programs, each on the scene at its position. Raises: InputError."""
        ...


def evaluate_gqa(
    runner: Runner,
    questions: Mapping[str, GqaQuestion],
    graphs: Mapping[str, GqaScene],
    domain: Domain,
    registry: Registry,
    *,
    on_error: OnError = "count",
    batch_size: int = 256,
    advance: Callable[[int], None] = lambda number: None,
) -> Report:
    """Answer questions by their programs and compare with the expected answers. Every question has its outcome.

    Answers are compared as GQA does: as strings. In the report a question's number is its place among the questions, an
    image's the place of its first question, and a family is a structural type.

    Args:
        runner: What answers.
        questions: What to answer, by key.
        graphs: The scene graphs, by key of the image.
        domain: What programs and scene graphs speak of.
        registry: The operations.
        on_error: What to do where the data is at fault: there is no scene graph, or no program that is well formed.
        batch_size: How many questions run together.
        advance: Told how many questions are done, as they are.

    Raises:
        InputError: with ``on_error="fail"``, naming the first question of the file whose data is at fault.
    """
    started = perf_counter()
    numbers: dict[str, int] = {}
    for place, each in enumerate(questions.values()):
        numbers.setdefault(each.image, place)
    outcomes: list[Outcome] = []
    pending = list(questions.values())
    for first in range(0, len(pending), batch_size):
        batch = pending[first : first + batch_size]
        read = [_read(question, graphs, domain, registry) for question in batch]
        answers = iter(_answers(runner, batch, read, graphs))
        for question, found in zip(batch, read, strict=True):
            if on_error == "fail" and not isinstance(found, Program):
                raise found[1]
            answer = next(answers) if isinstance(found, Program) else None
            at = (len(outcomes), numbers[question.image])
            outcomes.append(_outcome(question, at, found, answer, skips=on_error == "skip"))
        advance(len(batch))
    return Report(tuple(outcomes), perf_counter() - started)


Refused = tuple[Failure, InputError]


def _read(
    question: GqaQuestion, graphs: Mapping[str, GqaScene], domain: Domain, registry: Registry
) -> Program | Refused:
    """The program to run, or why there is none to run."""
    if question.image not in graphs:
        return "image", InputError(f"question {question.key}: no scene graph of image {question.image}")
    try:
        program = import_program(question.program, domain, where=f"question {question.key}").program
        check(program, domain, registry)
    except InputError as error:
        return "program", error
    return program


def _answers(
    runner: Runner, batch: Sequence[GqaQuestion], read: Sequence[Program | Refused], graphs: Mapping[str, GqaScene]
) -> list[Answer]:
    """The answers of those that can be run, each image's scene once."""
    ready = [(each.image, found) for each, found in zip(batch, read, strict=True) if isinstance(found, Program)]
    images = {image: place for place, image in enumerate(dict.fromkeys(image for image, _ in ready))}
    scenes = [graphs[image].scene for image in images]
    return runner.run(scenes, [program for _, program in ready], [images[image] for image, _ in ready])


def _outcome(
    question: GqaQuestion, at: tuple[int, int], read: Program | Refused, answer: Answer | None, *, skips: bool
) -> Outcome:
    failure, error = (None, None) if isinstance(read, Program) else read
    value = None if answer is None else answer.value
    unjudged = question.answer is None or (skips and failure in DATA_FAILURES)
    return Outcome(
        question_index=at[0],
        image_index=at[1],
        answer=value,
        expected=question.answer,
        correct=None if unjudged else value == question.answer,
        confidence=None if answer is None else answer.confidence,
        error=None if error is None else str(error).split("\n")[0],
        type=read.nodes[read.root].head if isinstance(read, Program) else UNREAD,
        failure=failure,
        declined=answer is not None and value is None,
        guess=value,
        family=question.types.get(STRUCTURE),
        length=None if question.program is None else len(question.program),
    )
