"""Hard limit: a module's ``forward`` on certain facts against its rule ``exact``."""

from collections.abc import Callable
from random import Random

import torch
from torch import Tensor

from nmn.exact import NotOne, exact_scene
from nmn.logic import LIMIT
from nmn.scene import FacetStore
from nmn.scene_perceiver import ScenePerceiver
from nmn.signature import BRACKET_KIND, INPUT_KINDS
from nmn.testing.facts import random_scene
from nmn.testing.law import Breach
from nmn.testing.probe import ModuleProbe, view

SURE = 0.99
"""Probability from which a result counts as certain."""

SCENES = 5
"""Certain scenes for each example: they cost little."""


def follows_its_rule(probe: ModuleProbe) -> None:
    """Raises: Breach where ``forward`` and ``exact`` differ. A module without a rule keeps the law."""
    rule = getattr(probe.declared, "exact", None)
    if rule is None:
        return
    perceiver = ScenePerceiver(probe.domain)
    for seed in range(probe.seed, probe.seed + SCENES * probe.examples):
        random = Random(seed)
        scene = random_scene(random, probe.domain, random.randint(1, 5))
        ids = _plain(probe, random, len(scene.objects))
        values = [_certain(probe, kind, each, len(scene.objects)) for kind, each in ids]
        outputs = probe.run(view(FacetStore.look(perceiver, [scene]), [0]), values)
        given = f"{_shown(ids)}, on seed {seed}: " + "; ".join(
            f"{number} {' '.join(each.attributes.values())}" for number, each in enumerate(scene.objects)
        )
        try:
            wanted = int(rule(exact_scene(scene, probe.domain), *(each for _, each in ids)))
        except NotOne:
            if probe.signature.presupposes and float(outputs[1][0].exp()) > 1 - SURE:
                chance = f"a presupposition of probability {float(outputs[1][0].exp()):.3g}"
                raise Breach(given, chance, "near 0: exact says that it does not hold") from None
            continue
        _compare(probe.signature.output, outputs[0][0], wanted, given)
        if probe.signature.presupposes and float(outputs[1][0].exp()) < SURE:
            raise Breach(given, f"a presupposition of probability {float(outputs[1][0].exp()):.3g}", "near 1")


def _plain(probe: ModuleProbe, random: Random, objects: int) -> list[tuple[str, int]]:
    """A random plain value for each parameter, as rules take them."""
    domain = probe.domain
    attribute = random.randrange(len(domain.attributes))
    own = (
        range(*domain.span(domain.attributes[attribute].name))
        if probe.signature.bracket
        else range(len(domain.concepts))
    )
    draw: dict[str, Callable[[], int]] = {
        "ObjectSet": lambda: random.randrange(2**objects),
        "Object": lambda: random.randrange(objects),
        "Count": lambda: random.randint(0, objects),
        "Bool": lambda: random.random() < 0.5,
        "Value": lambda: random.choice(own),
        "Choice": lambda: random.randrange(2),
        "AttributeName": lambda: random.randrange(len(domain.attributes)),
        "Concept": lambda: random.randrange(len(domain.concepts)),
        "Relation": lambda: random.randrange(len(domain.relations)),
        BRACKET_KIND: lambda: attribute,
    }
    return [(parameter.kind, draw[parameter.kind]()) for parameter in probe.signature.parameters]


def _certain(probe: ModuleProbe, kind: str, value: int, objects: int) -> Tensor:
    """[1, ...] the tensor of a plain value."""
    if kind not in INPUT_KINDS:
        return torch.tensor([value])
    if kind == "ObjectSet":
        return torch.tensor([[LIMIT if value >> each & 1 else -LIMIT for each in range(objects)]])
    if kind == "Bool":
        return torch.tensor([LIMIT if value else -LIMIT])
    if kind == "Object":
        return torch.full((1, objects), -LIMIT).scatter(1, torch.tensor([[value]]), 0.0).log_softmax(-1)
    widths = {"Count": objects + 1, "Choice": 2}
    widths |= {"Value": len(probe.domain.concepts), "AttributeName": len(probe.domain.attributes)}
    return torch.zeros(1, widths[kind]).scatter(1, torch.tensor([[value]]), 1.0)


def _compare(kind: str, found: Tensor, wanted: int, given: str) -> None:
    if kind == "ObjectSet":
        chances = found.sigmoid()
        members = [each for each in range(len(chances)) if wanted >> each & 1]
        right = torch.tensor([1.0 if wanted >> each & 1 else 0.0 for each in range(len(chances))])
        if float((chances - right).abs().max()) > 1 - SURE:
            raise Breach(given, f"members {_rounded(chances)}", f"exactly the objects {members}")
        return
    if kind == "Bool":
        chance = float(found.sigmoid())
        if abs(chance - wanted) > 1 - SURE:
            raise Breach(given, f"yes with probability {chance:.3g}", "yes" if wanted else "no")
        return
    chances = found.exp() if kind == "Object" else found
    if float(chances[wanted]) < SURE:
        raise Breach(given, f"{kind} {_rounded(chances)}", f"number {wanted} for certain")


def _rounded(chances: Tensor) -> list[float]:
    return [round(each, 3) for each in chances.tolist()]


def _shown(ids: list[tuple[str, int]]) -> str:
    return ", ".join(f"{kind} {bin(value) if kind == 'ObjectSet' else value}" for kind, value in ids) or "no parameters"
