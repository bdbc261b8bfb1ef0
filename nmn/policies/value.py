"""Value: buy the looks that are worth their price to the questions that are still in doubt.

Each round surveys the questions of an image, adds up what every look is worth to all of them, and buys those whose value over
their price exceeds the rate; pairs count where two looks say together what neither says alone. It stops when every answer is
sure enough. If nothing is worth its price, or after the last round, what the worlds of the doubtful questions read is
looked at.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nmn.exact.compiled import Compiled
from nmn.policies.looks import Look, Pending, Prices, Reason
from nmn.policies.survey import MOST_WORLDS, Sure, Survey, survey
from nmn.worlds.world import Facet

ROUNDS = 3
SHOWN = 3  # answers that a reason names


@dataclass(frozen=True)
class Value:
    """Buys looks by what they are worth to the answers.

    Attributes:
        doubt: Probability of another answer that is tolerated.
        rate: Value a millisecond from which a look is worth its price.
        prices: What looks cost.
        budget: Milliseconds that looks at one image may cost together; None for no bound.
        rounds: How often looks are chosen by their value.
    """

    doubt: float
    rate: float
    prices: Prices
    budget: float | None = None
    rounds: int = ROUNDS

    def choose(self, image: Pending) -> list[Look]:
        """The looks worth their price now."""
        doubtful = self.doubtful(image)
        if not doubtful:
            return []
        offers = Offers.of(image, doubtful, lambda look: self.rate * self.prices.least(look))
        if not offers.worth:
            return []
        chosen = self._worth_it(image, offers) if image.rounds < self.rounds else []
        weighed = bool(chosen)
        if not chosen:
            chosen = sorted(offers.worth)
        return self._paid(image, chosen, offers, weighed)

    def doubtful(self, image: Pending) -> dict[int, Survey]:
        """The questions whose answer is not sure enough, by their place."""
        found: dict[int, Survey] = {}
        for number, compiled in enumerate(image.questions):
            if compiled is None:
                continue
            known = image.surveys[number]
            if known is None:
                known = image.surveys[number] = self._known(image, compiled)
            if isinstance(known, Survey) and known.doubt > self.doubt:
                found[number] = known
        return found

    def _known(self, image: Pending, compiled: Compiled) -> Survey | Sure:
        answer, likely = image.modal.answer(compiled)
        if answer is not None and likely >= 1.0 - self.doubt:
            return Sure(answer, 1.0 - likely)
        return survey(compiled, image.belief, self.doubt, MOST_WORLDS)

    def _worth_it(self, image: Pending, offers: "Offers") -> list[Look]:
        """Looks whose value over their price exceeds the rate; what is paid once is paid by the best of them."""
        taken, chosen = set(image.taken), []
        for look in sorted(offers.worth, key=lambda each: (-offers.worth[each], each)):
            if offers.worth[look] > self.rate * self.prices.of(look, taken):
                chosen.append(look)
                taken.add(look)
        for (first, second), worth in sorted(offers.pairs.items(), key=lambda entry: (-entry[1], entry[0])):
            if first in taken or second in taken:
                continue
            price = self.prices.of(first, taken) + self.prices.of(second, taken | {first})
            if worth > self.rate * price:
                chosen += [first, second]
                taken |= {first, second}
        return chosen

    def _paid(self, image: Pending, chosen: Sequence[Look], offers: "Offers", weighed: bool) -> list[Look]:
        """Those that the budget has room for; why each was bought is noted."""
        bought: list[Look] = []
        taken = set(image.taken)
        for look in chosen:
            price = self.prices.of(look, taken)
            if self.budget is not None and image.spent + price > self.budget:
                continue
            image.spent += price
            bought.append(look)
            taken.add(look)
            number, found = offers.most[look]
            answers = tuple(found.likeliest[:SHOWN])
            image.reasons.append(Reason(look, number, answers, offers.worth[look] if weighed else None, price))
        return bought


@dataclass(frozen=True)
class Offers:
    """What looks at an image are worth to all its doubtful questions together.

    Attributes:
        worth: By look; of all that tell anything that is read.
        pairs: Likewise.
        most: For each look, the question that it is worth most to.
    """

    worth: Mapping[Look, float]
    pairs: Mapping[tuple[Look, Look], float]
    most: Mapping[Look, tuple[int, Survey]]

    @staticmethod
    def of(image: Pending, doubtful: Mapping[int, Survey], least: Callable[[Look], float]) -> "Offers":
        """Add up the values of looks over questions.

        A look at facets of which all but the likeliest values have the probability e together is worth at most 2 e, so
        those of which this is less than ``least`` are offered as worth nothing without being valued.
        """
        pathways = {name: pathway for pathway, told in image.pathways.items() for name in told}
        worth: dict[Look, float] = {}
        pairs: dict[tuple[Look, Look], float] = {}
        most: dict[Look, tuple[int, Survey]] = {}
        best: dict[Look, float] = {}
        for number, found in doubtful.items():
            telling: dict[Look, list[Facet]] = {}
            for facet, (index, name) in found.read.items():
                if name in pathways:
                    telling.setdefault(Look(index, pathways[name]), []).append(facet)
            looks = sorted(telling)
            worthy = {
                place: telling[look]
                for place, look in enumerate(looks)
                if 2.0 * len(doubtful) * found.unsure(telling[look]) >= least(look)
            }
            alone, joint = found.values(worthy)
            for place, look in enumerate(looks):
                value = alone.get(place, 0.0)
                worth[look] = worth.get(look, 0.0) + value
                if value > best.get(look, -1.0):
                    best[look], most[look] = value, (number, found)
            for (first, second), value in joint.items():
                pair = looks[first], looks[second]
                pairs[pair] = pairs.get(pair, 0.0) + value
        return Offers(worth, pairs, most)
