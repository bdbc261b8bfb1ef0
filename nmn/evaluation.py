"""Evaluation: answer a data set's questions and report how many are right."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from nmn.check import check
from nmn.engine import Engine
from nmn.errors import InputError
from nmn.images import load_image
from nmn.parser.clevr import import_program
from nmn.program import Program
from nmn.questions import Question
from nmn.scenes import Scene

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
    """How many of some questions are right."""

    questions: int
    correct: int
    failed: int

    @property
    def accuracy(self) -> float | None:
        """The share that is right, 0 to 1; None of no questions."""
        return self.correct / self.questions if self.questions else None

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
        """``{"accuracy", "questions", "correct", "failed", "seconds", "by_type": {...}, "answers": [...]}``."""
        by_type = {name: score.to_json() for name, score in self.by_type.items()}
        answers = [asdict(outcome) for outcome in self.outcomes]
        return {**self.score.to_json(), "seconds": self.seconds, "by_type": by_type, "answers": answers}


def _score(outcomes: Sequence[Outcome]) -> Score:
    judged = [outcome for outcome in outcomes if outcome.expected is not None]
    right = sum(outcome.correct is True for outcome in judged)
    return Score(len(judged), right, sum(outcome.error is not None for outcome in outcomes))


@dataclass(frozen=True)
class ImageFolder:
    """The images of an evaluation, as files."""

    folder: Path

    def __call__(self, question: Question) -> Any:
        """Pixels of a question's image. Raises: InputError."""
        if question.image_filename is None:
            raise InputError(f"question {question.question_index} names no image file")
        return load_image(self.folder / question.image_filename)


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
    batch_size: int = 32,
    workers: int = 1,
    advance: Callable[[int], None] = lambda number: None,
) -> Report:
    """Answer questions and compare with the expected answers.

    Args:
        engine: What answers.
        questions: What to answer.
        images: Gives the image that a question is about.
        programs: Run the programs that the file gives, or parse the questions' texts.
        batch_size: How many images are looked at together.
        workers: Threads that load images.
        advance: Told how many questions are done, as they are.
    """
    started = perf_counter()
    outcomes: dict[int, Outcome] = {}
    with ThreadPoolExecutor(max(1, workers)) as pool:
        for part in _by_images(questions, batch_size):
            first = {question.image_index: question for question in reversed([questions[place] for place in part])}
            loaded = dict(zip(first, pool.map(lambda question: _try(images, question), first.values()), strict=True))
            outcomes.update(_answer_part(engine, questions, part, loaded, programs))
            advance(len(part))
    return Report(tuple(outcomes[place] for place in range(len(questions))), perf_counter() - started)


def _by_images(questions: Sequence[Question], images: int) -> Iterator[list[int]]:
    """Places of the questions, split so that each part is about a bounded number of images."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, question in enumerate(questions):
        places[question.image_index].append(place)
    indices = list(places)
    for start in range(0, len(indices), images):
        yield [place for index in indices[start : start + images] for place in places[index]]


def _try(images: Callable[[Question], Any], question: Question) -> Any:
    try:
        return images(question)
    except InputError as error:
        return error


def _answer_part(
    engine: Engine, questions: Sequence[Question], part: Sequence[int], loaded: Mapping[int, Any], programs: Programs
) -> Iterator[tuple[int, Outcome]]:
    ready: list[tuple[int, Any, Program]] = []
    for place in part:
        question = questions[place]
        image = loaded[question.image_index]
        program = read_program(engine, question, programs)
        failure = next((each for each in (image, program) if isinstance(each, InputError)), None)
        if failure is not None or isinstance(program, InputError):
            kind = UNREAD if isinstance(program, InputError) else program.nodes[-1].head
            message = " ".join(str(failure).split("\n")[:1])
            yield place, _outcome(question, None, None, message, kind)
        else:
            ready.append((place, image, program))
    found = engine.run([image for _, image, _ in ready], [program for _, _, program in ready])
    for (place, _, program), answer in zip(ready, found, strict=True):
        kind = program.nodes[program.root].head
        yield place, _outcome(questions[place], answer.value, answer.confidence, None, kind)


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


def _outcome(question: Question, answer: str | None, confidence: float | None, error: str | None, kind: str) -> Outcome:
    correct = None if question.answer is None else answer == question.answer
    return Outcome(
        question.question_index, question.image_index, answer, question.answer, correct, confidence, error, kind
    )
