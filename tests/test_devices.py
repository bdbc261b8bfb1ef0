"""Other number formats and devices run, and give the same answers within what they can tell apart."""

from random import Random

import pytest
import torch
from worlds import FactPerceiver, Facts, random_facts

from nmn.decode import answer_of_loop, answers, log_likelihood
from nmn.domain import Domain
from nmn.executor import Modules, Run, execute
from nmn.loop import Looper
from nmn.planner import Planner
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.scene import FacetStore

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
PROGRAMS = [sample_program(Random(seed), CLEVR, REGISTRY, depth=7) for seed in range(40)]


def moved(facts: Facts, device: str) -> Facts:
    return Facts(
        facts.presence.to(device),
        {name: value.to(device) for name, value in facts.attributes.items()},
        {name: value.to(device) for name, value in facts.relations.items()},
    )


class DevicePerceiver(FactPerceiver):
    def glance(self, images):
        glance = super().glance(images)
        device = self.facts[0].presence.device
        return type(glance)(*(getattr(glance, name).to(device) for name in ("presence", "mask", "boxes", "features")))


def run_on(facts: list[Facts]) -> Run:
    store = FacetStore.look(DevicePerceiver(CLEVR, tuple(facts), []), list(range(len(facts))))
    plan = Planner(CLEVR, REGISTRY).plan(PROGRAMS, [index % len(facts) for index in range(len(PROGRAMS))])
    return execute(plan, store, Modules(REGISTRY))


FACTS = [random_facts(seed, CLEVR, 6) for seed in range(3)]


def test_bfloat16_autocast_runs_forward_and_backward() -> None:
    leaves = [each.presence.clone().requires_grad_() for each in FACTS]
    facts = [Facts(leaf, each.attributes, each.relations) for leaf, each in zip(leaves, FACTS, strict=True)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        run = run_on(facts)
        loss = -log_likelihood(run, ["yes"] * len(PROGRAMS)).mean()
    loss.backward()
    assert all(leaf.grad is not None and torch.isfinite(leaf.grad).all() for leaf in leaves)
    for low, full in zip(answers(run), answers(run_on(FACTS)), strict=True):
        for name, probability in full.distribution.items():
            assert low.distribution[name] == pytest.approx(probability, abs=0.05)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_gives_the_same_answers() -> None:
    facts = [moved(each, "cuda") for each in FACTS]
    for there, here in zip(answers(run_on(facts)), answers(run_on(FACTS)), strict=True):
        assert there.distribution == pytest.approx(here.distribution, abs=1e-4)
    store = FacetStore.look(DevicePerceiver(CLEVR, (facts[0],), []), [0])
    answer = answer_of_loop(Looper(CLEVR, Modules(REGISTRY)).run(PROGRAMS[0], 0, store))
    assert answer.distribution == pytest.approx(answers(run_on(FACTS))[0].distribution, abs=1e-4)
