"""Tally: what looking has cost so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nmn.perceiver import Staged
from nmn.policies.looks import Pending, Prices


@dataclass
class Tally:
    """Counts over all that a back end has answered.

    Attributes:
        images: Glanced at.
        questions: Answered.
        opened: Images that were looked at more closely at all.
        looks: Taken, by pathway.
        flops: Of glances and looks, two for a multiply-add; modules are left out.
    """

    images: int = 0
    questions: int = 0
    opened: int = 0
    looks: dict[str, int] = field(default_factory=dict)
    flops: int = 0

    def add(self, pending: Sequence[Pending], questions: int, perceiver: Staged) -> None:
        """Note a batch that was answered."""
        self.images += len(pending)
        self.questions += questions
        self.flops += perceiver.glance_cost(len(pending))
        for image in pending:
            self.opened += bool(image.taken)
            for look in image.taken:
                self.looks[look.pathway] = self.looks.get(look.pathway, 0) + 1
                self.flops += perceiver.look_cost(look.pathway)
            for name in frozenset[str]().union(*image.attributes):
                self.flops += image.belief.objects * perceiver.read_cost(name)

    def price(self, prices: Prices) -> float:
        """Milliseconds of a question by a table of costs; every look pays its set-up and crop, so no less than it takes."""
        each = {name: prices.setups[name] + prices.each[name] + prices.crop for name in self.looks}
        looks = sum(count * each[name] for name, count in self.looks.items())
        glances = prices.glance * self.images
        return (glances + looks + self.opened * prices.opening) / max(1, self.questions)
