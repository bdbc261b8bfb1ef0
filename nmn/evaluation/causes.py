"""Causes: which stage made an answer wrong, found by putting the truth in its place, stage by stage.

The true program runs on what was seen; then with the true objects, keeping what was seen of those that were; then with their
true attributes; then with their true relations. The first of these with which the answer is right is the cause.

Source: the error analyses of modular models by substituted ground truth (Johnson et al. 2017, "Inferring and Executing
Programs", section 4.2; Mao et al. 2019, NS-CL, section 4.2), one step further: of perception too, and question by question.
"""

from collections.abc import Iterator
from typing import TypeAlias

import torch

from nmn.decode import best_of_loop
from nmn.engine import Engine
from nmn.evaluation.calibration import guess_is_right
from nmn.evaluation.outcome import Outcome
from nmn.evaluation.records import Cause
from nmn.evaluation.run import Programs, read_program
from nmn.evaluation.sight import Sight, rows_of
from nmn.executor import Modules
from nmn.loop import Looper
from nmn.perceiver import Rows
from nmn.program import Program
from nmn.questions import Question
from nmn.scene import FacetStore
from nmn.scene_perceiver import ScenePerceiver

Stages: TypeAlias = "tuple[tuple[Cause, FacetStore], ...]"


class CauseFinder:
    """Finds what caused wrong answers.

    Args:
        engine: What gave them.
        programs: Whether it ran the file's programs, or parsed the texts.
    """

    def __init__(self, engine: Engine, programs: Programs) -> None:
        self.engine = engine
        self.programs = programs
        self.looper = Looper(engine.domain, Modules(engine.registry))
        self.perceiver = ScenePerceiver(engine.domain)

    def stages(self, sight: Sight) -> Stages:
        """What the engine saw with more and more of the truth in its place, each named after the cause that it takes away."""
        with torch.no_grad():
            return (
                ("parse", sight.store),
                ("presence", self._substituted(sight, attributes=True, relations=True)),
                ("attribute", self._substituted(sight, attributes=False, relations=True)),
                ("relation", self._substituted(sight, attributes=False, relations=False)),
            )

    def cause(self, question: Question, outcome: Outcome, stages: Stages) -> Cause:
        """The cause of one wrong answer about an image that was seen.

        Args:
            question: What was asked.
            outcome: What became of it; wrong.
            stages: Of the image, from :meth:`stages`.
        """
        if outcome.declined and guess_is_right(outcome):
            return "declined"
        if outcome.failure == "program":
            return "other"
        true = read_program(self.engine, question, "given")
        if isinstance(true, Program):
            misread = self.programs == "parsed" and outcome.program_correct is False
            return next(self._right_from(true, question, stages if misread else stages[1:]), "other")
        read = read_program(self.engine, question, "parsed")  # the file gives no program: take the question as read
        if not isinstance(read, Program):
            return "parse"
        return next(self._right_from(read, question, stages[1:]), "parse")

    def _right_from(self, program: Program, question: Question, stages: Stages) -> Iterator[Cause]:
        for cause, store in stages:
            with torch.no_grad():
                answer, _ = best_of_loop(self.looper.run(program, 0, store))
            if answer == question.answer:
                yield cause

    def _substituted(self, sight: Sight, *, attributes: bool, relations: bool) -> FacetStore:
        """The true objects, with what was seen of their attributes and relations where that is to be kept.

        Of an object that was not even proposed nothing was seen: its facets are true ones.
        """
        store = FacetStore.look(self.perceiver, [sight.scene])
        store.compute_everything()
        true = list(sight.proposed)
        if not true:
            return store
        its, mine = (
            rows_of(true, store.presence),
            rows_of([sight.proposed[each] for each in true], sight.store.presence),
        )
        rows = Rows(torch.zeros_like(its), its)
        domain = self.engine.domain
        for attribute in domain.attributes if attributes else ():
            first, end = domain.span(attribute.name)
            seen = sight.store.attributes[first:end, 0].index_select(1, mine).t()
            store.set_attribute(attribute.name, rows, seen.to(store.presence))
        for number, relation in enumerate(domain.relations if relations else ()):
            odds = store.relations[number, 0].index_select(0, its)
            seen = sight.store.relations[number, 0].index_select(0, mine).index_select(1, mine)
            odds[:, its] = seen.to(odds)
            store.set_relation(relation.name, rows, odds)
        return store
