"""Outcome: what became of one question; Score: how many of some questions are right."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Failure = Literal["image", "program", "question"]
"""Why there is no answer: the image or scene is missing or damaged, the file's program is missing or not well formed, or
the question cannot be read. The first two are the data's fault, the third is the engine's."""

DATA_FAILURES: tuple[Failure, ...] = ("image", "program")

UNREAD = "unread"
"""Type of a question that has no usable program."""

UNKNOWN = "unknown"
"""Family and length of a question whose file does not say."""

LENGTH_BIN = 5
"""Calls of a program that are counted together: 1-5, 6-10, and so on."""


@dataclass(frozen=True)
class Outcome:
    """What became of one question.

    Attributes:
        question_index: Its number in its file.
        image_index: Number of its image.
        answer: What was answered; None if nothing was.
        expected: The right answer; None if the file does not say.
        correct: Whether they are equal; None without an expected answer, and of a question that is skipped.
        confidence: Of the answer, or of the guess where the answer is "I don't know"; None if there is none.
        error: Why there is no answer; None if there is one or it is "I don't know".
        type: Operation of the answer's node, such as ``count`` or ``query[color]``.
        failure: The kind of error; None without one.
        declined: Whether the answer is "I don't know"; it counts as not correct.
        guess: The likeliest answer, known or not; None if there is none.
        link: Name of the parser that read the question; None if its program was given, or nobody read it.
        family: Template and number of the question's family; None where the file does not say.
        length: Calls of the file's program; of the one that was run where the file gives none; None without any.
        program_correct: Whether the question was read as the file's program; None where that cannot be told.
    """

    question_index: int
    image_index: int
    answer: str | None
    expected: str | None
    correct: bool | None
    confidence: float | None
    error: str | None
    type: str
    failure: Failure | None = None
    declined: bool = False
    guess: str | None = None
    link: str | None = None
    family: str | None = None
    length: int | None = None
    program_correct: bool | None = None

    @property
    def skipped(self) -> bool:
        """Whether it has an expected answer and is not judged all the same."""
        return self.expected is not None and self.correct is None

    @property
    def lengths(self) -> str:
        """The bin of its program's length, such as ``6-10``."""
        if self.length is None:
            return UNKNOWN
        first = (max(self.length, 1) - 1) // LENGTH_BIN * LENGTH_BIN + 1
        return f"{first}-{first + LENGTH_BIN - 1}"

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return dict(vars(self))  # all are plain, and there may be hundreds of thousands


@dataclass(frozen=True)
class Score:
    """How many of some questions are right.

    Attributes:
        questions: All of them.
        judged: Those whose right answer the file gives and that are not skipped.
        correct: Of those, how many were answered so.
        failed: Of all, how many have no answer because something is wrong.
        declined: Of all, how many were answered "I don't know".
        skipped: Of all, how many have a right answer and are not judged, because the data is at fault.
        interval: Between what the accuracy lies, at 95 %; None where that was not asked for or cannot be told.
    """

    questions: int
    judged: int
    correct: int
    failed: int
    declined: int = 0
    skipped: int = 0
    interval: tuple[float, float] | None = None

    @staticmethod
    def of(outcomes: Sequence[Outcome], interval: tuple[float, float] | None = None) -> "Score":
        """Count."""
        judged = [outcome for outcome in outcomes if outcome.correct is not None]
        return Score(
            questions=len(outcomes),
            judged=len(judged),
            correct=sum(outcome.correct is True for outcome in judged),
            failed=sum(outcome.error is not None for outcome in outcomes),
            declined=sum(outcome.declined for outcome in outcomes),
            skipped=sum(outcome.skipped for outcome in outcomes),
            interval=interval,
        )

    @property
    def accuracy(self) -> float | None:
        """The share of the judged that is right, 0 to 1; None of none."""
        return self.correct / self.judged if self.judged else None

    def to_json(self) -> dict[str, Any]:
        """The fields and the accuracy."""
        return {"accuracy": self.accuracy, **asdict(self), "interval": self.interval and list(self.interval)}
