"""What a report holds beside its outcomes: cost, scenes, causes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nmn.evaluation.bootstrap import Interval

Cause = Literal["image", "parse", "declined", "presence", "attribute", "relation", "other"]
"""What made an answer wrong.

``image``: it could not be loaded, or its scene is not there to tell. ``parse``: the question was read wrongly or not at
all. ``declined``: the answer was "I don't know", and the guess was right. ``presence``: an object was missed or seen where
there is none. ``attribute``, ``relation``: of objects that were seen. ``other``: the given program on the true scene does not
give the expected answer either.
"""

CAUSES: tuple[Cause, ...] = ("image", "parse", "declined", "presence", "attribute", "relation", "other")


@dataclass(frozen=True)
class Compute:
    """What answering cost.

    Attributes:
        cpu_ms_per_question: Processor time of the whole run, all threads, reading files included, by questions.
        flops_per_question: Of a question by itself, two for a multiply-add: its program and the facets that it reads,
            without the first look at the image.
        glance_flops_per_image: Of the first look, which all questions on an image share.
        facet_rows_per_question: Facets of single objects that a question by itself needs.
        possible_facet_rows: Those that there could be: every attribute and relation of every object proposed.
        traced: From how many questions, evenly spread over the file, all but the first is the mean.
        looks_per_image: Closer looks that a policy took of each image, in the mean; None where none chooses them.
    """

    cpu_ms_per_question: float
    flops_per_question: float
    glance_flops_per_image: float
    facet_rows_per_question: float
    possible_facet_rows: float
    traced: int
    looks_per_image: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class SceneCounts:
    """How one image was seen, or several together.

    Attributes:
        images: How many.
        exact: Those with the right multiset of attribute values.
        objects: True objects.
        found: Those with a present object (probability above one half) at their place.
        spurious: Present objects where there is none.
        right: Of the found, how many have the right value, by attribute.
        pairs: Of ordered pairs of found objects, how many there are, by relation.
        pairs_right: Of those, for how many it was told rightly whether the relation holds.
    """

    images: int = 0
    exact: int = 0
    objects: int = 0
    found: int = 0
    spurious: int = 0
    right: Mapping[str, int] = field(default_factory=dict)
    pairs: Mapping[str, int] = field(default_factory=dict)
    pairs_right: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: "SceneCounts") -> "SceneCounts":
        return SceneCounts(
            self.images + other.images,
            self.exact + other.exact,
            self.objects + other.objects,
            self.found + other.found,
            self.spurious + other.spurious,
            _sum(self.right, other.right),
            _sum(self.pairs, other.pairs),
            _sum(self.pairs_right, other.pairs_right),
        )


@dataclass(frozen=True)
class SceneAccuracy:
    """How well images were seen, all together.

    Attributes:
        counts: Over all images.
        intervals: Of the share of exact scenes, of objects found, and of each attribute, by name; None where untold.
        wrong_images: Numbers of the images that were not seen exactly.
        unseen: Images without a true scene, or that could not be loaded.
    """

    counts: SceneCounts
    intervals: Mapping[str, Interval | None]
    wrong_images: tuple[int, ...]
    unseen: int = 0

    def to_json(self) -> dict[str, Any]:
        """Counts, shares with their intervals, and the numbers of images that were not seen exactly."""
        counts = self.counts
        return {
            "images": counts.images,
            "unseen": self.unseen,
            "exact": self._share("exact", counts.exact, counts.images),
            "objects": self._share("objects", counts.found, counts.objects),
            "spurious": counts.spurious,
            "attributes": {name: self._share(name, right, counts.found) for name, right in counts.right.items()},
            "relations": {
                name: self._share(name, counts.pairs_right[name], pairs) for name, pairs in counts.pairs.items()
            },
            "wrong_images": list(self.wrong_images),
        }

    def _share(self, name: str, right: int, total: int) -> dict[str, Any]:
        interval = self.intervals.get(name)
        share = right / total if total else None
        return {"accuracy": share, "correct": right, "judged": total, "interval": interval and list(interval)}


@dataclass(frozen=True)
class Causes:
    """What caused each wrong answer.

    Attributes:
        by_question: The cause of every wrong answer, by question index.
        by_type: How often each was the cause, by type of question; causes that never were are left out.
    """

    by_question: Mapping[int, Cause]
    by_type: Mapping[str, Mapping[str, int]]

    @property
    def total(self) -> Mapping[str, int]:
        """How often each was the cause."""
        found = list(self.by_question.values())
        return {cause: found.count(cause) for cause in CAUSES if cause in found}

    def to_json(self) -> dict[str, Any]:
        """``{"total": {cause: number}, "by_type": {type: {cause: number}}, "questions": {question_index: cause}}``."""
        questions = {str(index): cause for index, cause in self.by_question.items()}
        by_type = {name: dict(counts) for name, counts in self.by_type.items()}
        return {"total": dict(self.total), "by_type": by_type, "questions": questions}


def causes_of(pairs: Sequence[tuple[int, str, Cause]]) -> Causes:
    """Gather (question index, type, cause) of every wrong answer."""
    by_type: dict[str, dict[str, int]] = {}
    for _, kind, cause in pairs:
        counts = by_type.setdefault(kind, {})
        counts[cause] = counts.get(cause, 0) + 1
    ordered: dict[str, Mapping[str, int]] = {
        kind: {str(each): by_type[kind][each] for each in CAUSES if each in by_type[kind]} for kind in sorted(by_type)
    }
    return Causes({index: cause for index, _, cause in pairs}, ordered)


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in dict.fromkeys([*one, *other])}
