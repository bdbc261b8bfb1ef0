"""Telling: why closer looks were taken, in words."""

from nmn.domain import Domain
from nmn.perceiver import PRESENCE, Staged
from nmn.policies.looks import Pending
from nmn.trace import Looking, LookTaken


def looked_closer(image: Pending, question: int, perceiver: Staged, domain: Domain) -> Looking:
    """The looks at an image, those that one of its questions asked for told with what hung on them."""
    taken = []
    for reason in image.reasons:
        told = " and ".join(perceiver.pathways[reason.look.pathway])
        named = "whether it is one" if told == PRESENCE else told
        where = "the answer depended on it" if reason.question == question else "another question depended on it"
        chances = [(answer, chance) for answer, chance in reason.answers if chance >= 0.005]
        weighed = f" ({_weighed(chances)})" if reason.question == question and len(chances) > 1 else ""
        words = f"looked closer at object {reason.look.object} for {named}: {where}{weighed}"
        taken.append(
            LookTaken(reason.look.object, reason.look.pathway, words, perceiver.look_cost(reason.look.pathway))
        )
    noted = {reason.look for reason in image.reasons}
    taken += [
        LookTaken(look.object, look.pathway, f"looked closer at object {look.object}: {look.pathway}",
                  perceiver.look_cost(look.pathway))
        for look in sorted(image.taken - noted)
    ]  # fmt: skip
    names = image.attributes[question] | {PRESENCE}
    possible = len(image.pathways_of(names)) * image.belief.objects
    return Looking(tuple(taken), possible)


def _weighed(answers: list[tuple[str | None, float]]) -> str:
    names = " or ".join("none that fits" if answer is None else answer for answer, _ in answers)
    return f"{names} {' / '.join(f'{chance:.2f}' for _, chance in answers)}"
