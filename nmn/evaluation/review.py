"""Review: go back over an evaluation with the true scenes at hand: how well images were seen, what went wrong and why."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nmn.engine import Engine
from nmn.errors import InputError
from nmn.evaluation.causes import CauseFinder
from nmn.evaluation.gallery import Box, Exhibit, Picture
from nmn.evaluation.outcome import Outcome
from nmn.evaluation.records import Cause, SceneCounts, causes_of
from nmn.evaluation.report import Report, worst
from nmn.evaluation.run import ImageFolder, Images, Programs, read_program, traced_answer
from nmn.evaluation.sight import Sight, scene_accuracy, see
from nmn.evaluation.steps import steps_of, true_names
from nmn.exact import ExactBackend
from nmn.images import load_image
from nmn.program import Program
from nmn.questions import Question
from nmn.scenes import Scene
from nmn.trace import Trace

WORST = 50
"""Errors that are shown."""

LIKELIEST = 4
"""Possible answers that are shown of each."""


@dataclass(frozen=True)
class Review:
    """An evaluation and what it was made from.

    Attributes:
        engine: What answered.
        questions: What was asked.
        images: Gives the image that a question is about.
        programs: Whether the file's programs were run, or the texts parsed.
        scenes: What is truly there, by image index; empty where it is not known.
    """

    engine: Engine
    questions: Sequence[Question]
    images: Images
    programs: Programs
    scenes: Mapping[int, Scene]

    def compare(self, report: Report, *, causes: bool, advance: Callable[[int], None] = lambda number: None) -> Report:
        """The report with how well images were seen and, if asked for, what caused each wrong answer.

        Args:
            report: Of the same questions, in the same order.
            causes: Whether to find causes; takes as long as a few more questions for each wrong answer.
            advance: Told how many images are done, as they are.
        """
        finder = CauseFinder(self.engine, self.programs) if causes else None
        asked: dict[int, list[tuple[Question, Outcome]]] = defaultdict(list)
        for question, outcome in zip(self.questions, report.outcomes, strict=True):
            asked[question.image_index].append((question, outcome))
        counted: list[tuple[int, SceneCounts]] = []
        found: list[tuple[int, str, Cause]] = []
        for index, pairs in asked.items():
            usable = next((question for question, outcome in pairs if outcome.failure != "image"), pairs[0][0])
            sight = self.sight(usable)
            if sight is not None:
                counted.append((index, sight.counts()))
            if finder is not None:
                found += _causes(finder, pairs, sight)
            advance(1)
        scenes = scene_accuracy(counted, unseen=len(asked) - len(counted))
        return replace(report, scenes=scenes, causes=causes_of(found) if finder is not None else None)

    def exhibits(self, report: Report, most: int = WORST) -> list[Exhibit]:
        """The worst errors with all that can be shown of them, worst first."""
        exact = ExactBackend(self.engine.domain, self.engine.registry)
        by_outcome = {id(outcome): question for outcome, question in zip(report.outcomes, self.questions, strict=True)}
        causes = {} if report.causes is None else report.causes.by_question
        return [
            self._exhibit(by_outcome[id(outcome)], outcome, exact, causes.get(outcome.question_index))
            for outcome in worst(report.outcomes, most)
        ]

    def sight(self, question: Question) -> Sight | None:
        """A question's image as it was seen, beside the truth; None where either is not there or cannot be used."""
        scene = self.scenes.get(question.image_index)
        if scene is None or not isinstance(self.images, ImageFolder):
            return None
        try:
            return see(self.engine.perceiver, self.images(question), scene)
        except InputError:
            return None

    def _exhibit(self, question: Question, outcome: Outcome, exact: ExactBackend, cause: str | None) -> Exhibit:
        sight = self.sight(question)
        pixels = self._pixels(question)
        true = read_program(self.engine, question, "given")
        shown = Exhibit(outcome, question.text, cause=cause)
        try:
            answer = traced_answer(self.engine, question, self.images, self.programs)
        except InputError:
            return replace(shown, picture=None if pixels is None else Picture(pixels))
        other = isinstance(true, Program) and true.canonical() != answer.program.canonical()
        likeliest = sorted((answer.guess or answer).distribution.items(), key=lambda pair: -pair[1])[:LIKELIEST]
        return replace(
            shown,
            program=answer.program.text,
            true_program=str(true) if other else None,
            steps=() if answer.trace is None else steps_of(answer.trace, sight, exact),
            picture=None if pixels is None or answer.trace is None else _picture(pixels, answer.trace, sight),
            distribution=tuple(likeliest),
        )

    def _pixels(self, question: Question) -> NDArray[np.uint8] | None:
        try:
            return load_image(self.images(question)) if isinstance(self.images, ImageFolder) else None
        except InputError:
            return None


def _causes(
    finder: CauseFinder, pairs: Sequence[tuple[Question, Outcome]], sight: Sight | None
) -> list[tuple[int, str, Cause]]:
    """The cause of every wrong answer on one image."""
    wrong = [(question, outcome) for question, outcome in pairs if outcome.correct is False]
    stages = None if sight is None or not wrong else finder.stages(sight)
    found: list[tuple[int, str, Cause]] = []
    for question, outcome in wrong:
        unseen = stages is None or outcome.failure == "image"
        cause: Cause = "image" if unseen or stages is None else finder.cause(question, outcome, stages)
        found.append((outcome.question_index, outcome.type, cause))
    return found


def _picture(pixels: NDArray[np.uint8], trace: Trace, sight: Sight | None) -> Picture:
    seen = tuple(
        (str(number), box)
        for number, (box, presence) in enumerate(zip(trace.boxes, trace.presence, strict=True))
        if box is not None and presence >= 0.5
    )
    return Picture(pixels, seen, () if sight is None else _missed(sight))


def _missed(sight: Sight) -> tuple[tuple[str, Box], ...]:
    names = true_names(sight)
    boxes = ((names[true], _box(sight.scene, true)) for true in sight.missed)
    return tuple((name, box) for name, box in boxes if box is not None)


def _box(scene: Scene, true: int) -> Box | None:
    each = scene.objects[true]
    if each.box is not None or each.pixel is None:
        return each.box
    column, row, _ = each.pixel
    return column - 10, row - 10, column + 10, row + 10
