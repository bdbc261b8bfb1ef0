"""Run: answer a data set's questions and note what became of each."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from nmn.check import check
from nmn.engine import Engine
from nmn.errors import ImageError, InputError, NmnError, SceneError
from nmn.evaluation.outcome import DATA_FAILURES, UNREAD, Failure, Outcome
from nmn.evaluation.report import Report
from nmn.parser.clevr import import_program
from nmn.program import Program
from nmn.questions import Question
from nmn.scenes import Scene
from nmn.trace import Answer

Programs = Literal["given", "parsed"]
OnError = Literal["count", "skip", "fail"]
"""What to do where the data is at fault (:data:`nmn.evaluation.outcome.DATA_FAILURES`): count the question as wrong, list it
without judging it, or stop at the first one. A question that cannot be read is the engine's fault and always counts."""

Images = Callable[[Question], Any]
"""Gives the image that a question is about. Raises: InputError."""


@dataclass(frozen=True)
class ImageFolder:
    """The images of an evaluation, as files."""

    folder: Path

    def __call__(self, question: Question) -> Any:
        """The file of a question's image. Raises: InputError."""
        if question.image_filename is None:
            raise InputError(f"question {question.question_index} names no image file")
        return self.folder / question.image_filename


@dataclass(frozen=True)
class SceneTable:
    """The images of an evaluation, as described scenes by image index."""

    scenes: Mapping[int, Scene]

    def __call__(self, question: Question) -> Any:
        """The scene of a question's image. Raises: InputError."""
        if question.image_index not in self.scenes:
            raise InputError(
                f"no scene for image {question.image_index}, which question {question.question_index} is about"
            )
        return self.scenes[question.image_index]


def evaluate(
    engine: Engine,
    questions: Sequence[Question],
    images: Images,
    *,
    programs: Programs = "given",
    on_error: OnError = "count",
    batch_size: int = 256,
    workers: int = 1,
    advance: Callable[[int], None] = lambda number: None,
) -> Report:
    """Answer questions and compare with the expected answers. Every question has its outcome, in every mode.

    Args:
        engine: What answers.
        questions: What to answer.
        images: Gives the image that a question is about.
        programs: Run the programs that the file gives, or parse the questions' texts.
        on_error: What to do where the data is at fault.
        batch_size: How many questions run together.
        workers: Threads that load images.
        advance: Told how many questions are done, as they are.

    Raises:
        InputError: with ``on_error="fail"``, naming the first question in the file whose image or program cannot be used.
    """
    started = perf_counter()
    order = list(range(len(questions))) if on_error == "fail" else _by_image(questions)

    def items() -> Iterator[tuple[Any, str | Program | NmnError]]:
        for place in order:
            question = questions[place]
            asked = question.text if programs == "parsed" else read_program(engine, question, programs)
            yield _try(images, question), asked

    outcomes: dict[int, Outcome] = {}
    for place, found in zip(order, engine.answer_many(items(), batch_size=batch_size, workers=workers), strict=True):
        outcome = _outcome(engine, questions[place], found, programs, on_error)
        if on_error == "fail" and outcome.failure in DATA_FAILURES:
            raise InputError(f"question {outcome.question_index}: {outcome.error}")
        outcomes[place] = outcome
        advance(1)
    return Report(tuple(outcomes[place] for place in range(len(questions))), perf_counter() - started)


def _by_image(questions: Sequence[Question]) -> list[int]:
    """Places of the questions, those on one image next to one another, images in the order they come."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        places[question.image_index].append(place)
    return [place for each in places.values() for place in each]


def _try(images: Images, question: Question) -> Any:
    try:
        return images(question)
    except InputError as error:
        return error if isinstance(error, ImageError | SceneError) else ImageError(str(error))


def read_program(engine: Engine, question: Question, programs: Programs) -> Program | InputError:
    """The program to run for a question, or why there is none."""
    try:
        if programs == "parsed":
            program = engine.parse(question.text).program
        elif question.program is None:
            return InputError("the file gives no program for this question")
        else:
            program = import_program(question.program, engine.domain, where=f"question {question.question_index}")
        check(program, engine.domain, engine.registry)
    except InputError as error:
        return error
    return program


def traced_answer(engine: Engine, question: Question, images: Images, programs: Programs) -> Answer:
    """Answer one question by itself, with what ran. Raises: InputError when it cannot be answered."""
    asked = question.text if programs == "parsed" else read_program(engine, question, programs)
    if isinstance(asked, InputError):
        raise asked
    return engine.answer(images(question), asked, trace=True)


def _outcome(
    engine: Engine, question: Question, found: Answer | NmnError, programs: Programs, on_error: OnError
) -> Outcome:
    answer = found if isinstance(found, Answer) else None
    program = read_program(engine, question, programs) if answer is None else answer.program
    run = program if isinstance(program, Program) else None
    failure = _failure(found, programs) if isinstance(found, NmnError) else None
    skipped = on_error == "skip" and failure in DATA_FAILURES
    best = None if answer is None else answer.guess or answer
    value = None if answer is None else answer.value
    return Outcome(
        question_index=question.question_index,
        image_index=question.image_index,
        answer=value,
        expected=question.answer,
        correct=None if question.answer is None or skipped else value == question.answer,
        confidence=None if best is None else best.confidence,
        error=str(found).split("\n")[0] if isinstance(found, NmnError) else None,
        type=UNREAD if run is None else run.nodes[run.root].head,
        failure=failure,
        declined=answer is not None and value is None,
        guess=None if best is None else best.value,
        link=None if answer is None or answer.reading is None else answer.reading.link,
        family=_family(question),
        length=len(question.program) if question.program else None if run is None else len(run.nodes),
        program_correct=_reads_right(engine, question, run) if programs == "parsed" else None,
    )


def _failure(error: NmnError, programs: Programs) -> Failure:
    if isinstance(error, ImageError | SceneError):
        return "image"
    return "question" if programs == "parsed" else "program"


def _family(question: Question) -> str | None:
    if question.family is None:
        return question.template
    return f"{question.template or 'family'}#{question.family}"


def _reads_right(engine: Engine, question: Question, read: Program | None) -> bool | None:
    """Whether a question was read as the file's program; None where the file gives none that is well formed."""
    true = read_program(engine, question, "given")
    if not isinstance(true, Program):
        return None
    return read is not None and read.canonical() == true.canonical()
