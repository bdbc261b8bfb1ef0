"""Modal: the one likeliest world of a question, run without a table of worlds, and how likely it is at least.

Most questions are sure at a glance. For them it is enough to run the exact rules once, with every facet at its likeliest value,
and to note which doubtful facets were read: unless one of those is otherwise, the answer is the same.
"""

from collections.abc import Iterable

import numpy as np

from nmn.exact import NotOne
from nmn.exact.compiled import Compiled
from nmn.exact.scene import objects_of
from nmn.perceiver import PRESENCE
from nmn.policies.belief import Belief


class Modal:
    """An image with every facet at its likeliest value. A :class:`nmn.exact.ExactScene` that notes what is read.

    As worlds do, it reads whether an object is there before a doubtful attribute of it, and where a set is consumed.

    Args:
        belief: What is thought of the image.
    """

    def __init__(self, belief: Belief) -> None:
        self.belief = belief
        chances = belief.chances[PRESENCE]
        self.everything = _mask(chances > belief.tolerance)
        self._there = _mask(chances > 0.5)
        self._doubts = {PRESENCE: np.minimum(chances, 1.0 - chances).tolist()}
        self._unsure = _mask(np.minimum(chances, 1.0 - chances) > belief.tolerance)
        self._values: dict[int, tuple[list[int], dict[int, int], int]] = {}
        self._rows: dict[tuple[int, int], int] = {}
        self._read: dict[str, int] = {}

    def answer(self, compiled: Compiled) -> tuple[str | None, float]:
        """The answer, None where something that is taken for granted does not hold, and its least probability."""
        self._read = {}
        values: list[int] = []
        answer: str | None = None
        try:
            for index, consumed in enumerate(compiled.consumed):
                seen = values
                if consumed:
                    seen = values.copy()
                    for source in consumed:
                        seen[source] = self._present(values[source])
                values.append(compiled.step(index, self, seen))
            answer = compiled.words[values[-1]]
        except NotOne:
            pass
        return answer, self._likely()

    def _likely(self) -> float:
        """Least probability that all that was read is as it is thought to be."""
        doubt = 0.0
        for name, members in self._read.items():
            doubts = self._doubts[name]
            doubt += sum(doubts[index] for index in objects_of(members))
        return 1.0 - doubt

    def fitting(self, concept: int, members: int) -> int:
        """Those of ``members`` that carry a concept."""
        attribute = self.belief.attribute_of[concept]
        _, carrying, unsure = self._attribute(attribute)
        doubtful = members & unsure
        members &= ~doubtful | self._present(doubtful)
        self._note(self.belief.domain.attributes[attribute].name, members & unsure)
        return members & carrying.get(concept, 0)

    def value(self, attribute: int, subject: int) -> int:
        """The concept that is an object's value of an attribute."""
        values, _, unsure = self._attribute(attribute)
        self._note(self.belief.domain.attributes[attribute].name, 1 << subject & unsure)
        return values[subject]

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to ``anchor``; never itself."""
        return self.belief.related(relation, anchor) & self.everything

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        """The attributes of which two objects share a value, of those that the domain compares objects by."""
        comparable = self.belief.comparable
        return tuple(each for each in comparable if self.value(each, first) == self.value(each, second))

    def _present(self, members: int) -> int:
        if members & self._unsure:
            self._note(PRESENCE, members & self._unsure)
        return members & self._there

    def _note(self, name: str, members: int) -> None:
        self._read[name] = self._read.get(name, 0) | members

    def _attribute(self, attribute: int) -> tuple[list[int], dict[int, int], int]:
        """Concepts of all objects, the objects that carry each, and those in doubt."""
        found = self._values.get(attribute)
        if found is None:
            name = self.belief.domain.attributes[attribute].name
            chances = self.belief.chances[name]
            first, _ = self.belief.domain.span(name)
            doubts = 1.0 - chances.max(1) if len(chances) else chances.sum(1)
            self._doubts[name] = doubts.tolist()
            values = [first + place for place in chances.argmax(1).tolist()] if len(chances) else []
            carrying: dict[int, int] = {}
            for index, concept in enumerate(values):
                carrying[concept] = carrying.get(concept, 0) | 1 << index
            found = self._values[attribute] = (values, carrying, _mask(doubts > self.belief.tolerance))
        return found


def _mask(flags: Iterable[bool]) -> int:
    return sum(1 << index for index, each in enumerate(flags) if each)
