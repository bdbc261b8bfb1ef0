"""Looks: what can be bought, what it costs, and what is known of an image while policies choose."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from nmn.exact.compiled import Compiled
from nmn.policies.belief import Belief
from nmn.policies.modal import Modal
from nmn.policies.survey import Sure, Survey


class Look(NamedTuple):
    """A closer look at one object through one pathway; only these two say what is bought."""

    object: int
    pathway: str


@dataclass(frozen=True)
class Prices:
    """What looks cost, in milliseconds.

    Attributes:
        opening: The first look at an image: its file is decoded in full.
        crop: The first look at an object: its crop is cut.
        setups: The first look of an image through a pathway, by pathway.
        each: One more, by pathway.
        glance: The glance and all that is always done for one question.
    """

    opening: float
    crop: float
    setups: Mapping[str, float]
    each: Mapping[str, float]
    glance: float = 0.0

    def of(self, look: Look, taken: "set[Look]") -> float:
        """The price of a look, given those of the image that are paid for."""
        price = self.each[look.pathway]
        if not taken:
            price += self.opening
        if all(each.object != look.object for each in taken):
            price += self.crop
        if all(each.pathway != look.pathway for each in taken):
            price += self.setups[look.pathway]
        return price

    def least(self, look: Look) -> float:
        """The price of a look at an image that another was taken of, of another object or through another pathway."""
        return self.each[look.pathway] + min(self.crop, self.setups[look.pathway])


@dataclass(frozen=True)
class Reason:
    """Why a look was bought.

    Attributes:
        look: Which.
        question: The question that it was worth most to, by its place among the image's.
        answers: What was thought of that question's answer then, the likeliest first.
        value: What it was worth to all questions; None where it was not weighed.
        price: Milliseconds.
    """

    look: Look
    question: int
    answers: tuple[tuple[str | None, float], ...]
    value: float | None
    price: float


@dataclass
class Pending:
    """One image with its questions, while looks at it are chosen.

    Attributes:
        belief: What is thought of its objects.
        questions: Compiled programs; None for one that has no exact rules.
        attributes: For each question, the attributes that its program reads.
        pathways: What each pathway tells.
        detail: What the perceiver's glance kept of the image.
        surveys: For each question, its worlds, or that it is sure; None where they are not known, or no longer right.
        taken: Looks that were bought.
        rounds: How often looks were chosen.
        spent: Milliseconds that the looks cost.
        reasons: Why each look was bought, where the policy says so.
    """

    belief: Belief
    questions: Sequence[Compiled | None]
    attributes: Sequence[frozenset[str]]
    pathways: Mapping[str, tuple[str, ...]]
    detail: Any = None
    surveys: list[Survey | Sure | None] = field(default_factory=list)
    taken: set[Look] = field(default_factory=set)
    rounds: int = 0
    spent: float = 0.0
    reasons: list[Reason] = field(default_factory=list)

    _modal: Modal | None = None

    def __post_init__(self) -> None:
        self.surveys = [None] * len(self.questions)

    def pathways_of(self, names: Iterable[str]) -> list[str]:
        """The pathways that tell any of these facets."""
        wanted = set(names)
        return [pathway for pathway, told in self.pathways.items() if wanted.intersection(told)]

    @property
    def modal(self) -> Modal:
        """The image as it is likeliest."""
        if self._modal is None:
            self._modal = Modal(self.belief)
        return self._modal

    def forget(self, told: set[tuple[int, str]]) -> None:
        """Drop what is known of questions that read any of the facets that looks have told: their worlds are others now."""
        self._modal = None
        for number, found in enumerate(self.surveys):
            if isinstance(found, Sure) or (found is not None and not told.isdisjoint(found.read.values())):
                self.surveys[number] = None


class Policy(Protocol):
    """Chooses looks, one image at a time and round by round; the looks of all images of a round are run together.

    What is chosen for an image depends on nothing but the image and its questions, so it is the same in any batch.
    """

    def choose(self, image: Pending) -> list[Look]:
        """The looks to buy now; none when nothing more is worth it. Looks that were taken are not chosen again."""
        ...
