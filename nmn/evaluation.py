"""Evaluation: answer a data set's questions and report how many are right."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from nmn.check import check
from nmn.engine import Engine
from nmn.errors import InputError, NmnError
from nmn.parser.clevr import import_program
from nmn.program import Program
from nmn.questions import Question
from nmn.scenes import Scene
from nmn.trace import Answer

Programs = Literal["given", "parsed"]
UNREAD = "unread"
"""Type of a question that has no usable program."""


@dataclass(frozen=True)
class Outcome:
    """What became of one question.

    Attributes:
        question_index: Its number in its file.
        image_index: Number of its image.
        answer: What was answered; None if nothing was.
        expected: The right answer; None if the file does not say.
        correct: Whether they are equal; None without an expected answer.
        confidence: Of the answer; None if there is none.
        error: Why there is no answer; None if there is one.
        type: Operation of the answer's node, such as ``count`` or ``query[color]``.
    """

    question_index: int
    image_index: int
    answer: str | None
    expected: str | None
    correct: bool | None
    confidence: float | None
    error: str | None
    type: str


@dataclass(frozen=True)
class Score:
    """How many of some questions are right.

    Attributes:
        questions: All of them.
        judged: Those whose right answer the file gives.
        correct: Of those, how many were answered so.
        failed: Of all, how many have no answer.
    """

    questions: int
    judged: int
    correct: int
    failed: int

    @property
    def accuracy(self) -> float | None:
        """The share of the judged that is right, 0 to 1; None of none."""
        return self.correct / self.judged if self.judged else None

    def to_json(self) -> dict[str, Any]:
        """The fields and the accuracy."""
        return {"accuracy": self.accuracy, **asdict(self)}


@dataclass(frozen=True)
class Report:
    """The outcome of every question of an evaluation, in the order of the file."""

    outcomes: tuple[Outcome, ...]
    seconds: float

    @property
    def score(self) -> Score:
        """Of all questions; one without an answer counts as wrong."""
        return _score(self.outcomes)

    @property
    def by_type(self) -> Mapping[str, Score]:
        """Of each type of question, by name."""
        groups: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            groups[outcome.type].append(outcome)
        return {name: _score(groups[name]) for name in sorted(groups)}

    def to_json(self) -> dict[str, Any]:
        """``{"accuracy", "questions", "judged", "correct", "failed", "seconds", "by_type": {}, "answers": []}``."""
        by_type = {name: score.to_json() for name, score in self.by_type.items()}
        answers = [asdict(outcome) for outcome in self.outcomes]
        return {**self.score.to_json(), "seconds": self.seconds, "by_type": by_type, "answers": answers}


def _score(outcomes: Sequence[Outcome]) -> Score:
    judged = [outcome for outcome in outcomes if outcome.expected is not None]
    right = sum(outcome.correct is True for outcome in judged)
    return Score(len(outcomes), len(judged), right, sum(outcome.error is not None for outcome in outcomes))


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
    images: Callable[[Question], Any],
    *,
    programs: Programs = "given",
    batch_size: int = 256,
    workers: int = 1,
    advance: Callable[[int], None] = lambda number: None,
) -> Report:
    """Answer questions and compare with the expected answers.

    Args:
        engine: What answers.
        questions: What to answer.
        images: Gives the image that a question is about.
        programs: Run the programs that the file gives, or parse the questions' texts.
        batch_size: How many questions run together.
        workers: Threads that load images.
        advance: Told how many questions are done, as they are.
    """
    started = perf_counter()
    order = _by_image(questions)
    read: dict[int, Program | InputError] = {}

    def pairs() -> Iterator[tuple[Any, Program | InputError]]:
        for place in order:
            read[place] = read_program(engine, questions[place], programs)
            yield _try(images, questions[place]), read[place]

    outcomes: dict[int, Outcome] = {}
    for place, found in zip(order, engine.answer_many(pairs(), batch_size=batch_size, workers=workers), strict=True):
        outcomes[place] = _outcome(questions[place], found, read[place])
        advance(1)
    return Report(tuple(outcomes[place] for place in range(len(questions))), perf_counter() - started)


def _by_image(questions: Sequence[Question]) -> list[int]:
    """Places of the questions, those on one image next to one another, images in the order they come."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        places[question.image_index].append(place)
    return [place for each in places.values() for place in each]


def _try(images: Callable[[Question], Any], question: Question) -> Any:
    try:
        return images(question)
    except InputError as error:
        return error


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


def _outcome(question: Question, found: Answer | NmnError, program: Program | InputError) -> Outcome:
    kind = UNREAD if isinstance(program, InputError) else program.nodes[program.root].head
    answer = found.value if isinstance(found, Answer) else None
    return Outcome(
        question_index=question.question_index,
        image_index=question.image_index,
        answer=answer,
        expected=question.answer,
        correct=None if question.answer is None else answer == question.answer,
        confidence=found.confidence if isinstance(found, Answer) else None,
        error=str(found).split("\n")[0] if isinstance(found, NmnError) else None,
        type=kind,
    )
