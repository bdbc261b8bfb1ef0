"""Images of many sizes in one batch: none pays for the largest, and answers stay those of each alone."""

from random import Random

import pytest
import torch
from worlds import FactPerceiver, random_facts, random_scene

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.soft import FEW, WIDEST, SoftBackend, split_by_size

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()


def test_every_image_is_in_one_part_and_no_part_pads_beyond_the_bound() -> None:
    sizes = [1, 100, 3, 40, 17, 0, 16, 60, 55, 9]
    perceiver = FactPerceiver(CLEVR, tuple(random_facts(index, CLEVR, size) for index, size in enumerate(sizes)), [])
    glance = perceiver.glance(range(len(sizes)))
    parts = split_by_size(glance)
    assert sorted(image for images, _ in parts for image in images) == list(range(len(sizes)))
    for images, part in parts:
        own = [sizes[image] for image in images]
        assert part.mask.sum(1).tolist() == own
        assert part.mask.shape[1] == max(own)
        assert max(own) <= max(FEW, WIDEST * min(own))
        for row, image in enumerate(images):
            torch.testing.assert_close(part.presence[row, : sizes[image]], glance.presence[image, : sizes[image]])


def test_answers_do_not_depend_on_the_sizes_of_other_images() -> None:
    random = Random(0)
    sizes = [random.choice([0, 2, 5, 12, 30, 70]) for _ in range(12)]
    facts = tuple(random_facts(index, CLEVR, size) for index, size in enumerate(sizes))
    backend = SoftBackend(FactPerceiver(CLEVR, facts, []), REGISTRY)
    programs = [sample_program(Random(seed), CLEVR, REGISTRY, depth=6) for seed in range(36)]
    positions = [index % len(sizes) for index in range(36)]
    together = backend.run(range(len(sizes)), programs, positions)
    for program, position, answer in zip(programs, positions, together, strict=True):
        (alone,) = backend.run([position], [program], [0])
        assert answer.confidence == pytest.approx(alone.confidence, abs=1e-5)
        for value, probability in alone.distribution.items():
            assert answer.distribution[value] == pytest.approx(probability, abs=1e-5)


def test_scenes_of_a_detector_may_differ_in_size() -> None:
    engine = Engine.for_scenes("clevr")
    from dataclasses import replace

    scenes = [replace(random_scene(Random(size), CLEVR, size), predicted=True) for size in (1, 30, 4, 60)]
    program = sample_program(Random(1), CLEVR, REGISTRY, depth=5)
    assert len(engine.answer(scenes, [program] * 4)) == 4


@pytest.mark.parametrize("policy", ["lazy", "everything"])
def test_policies_give_the_same_answers(policy: str) -> None:
    facts = tuple(random_facts(index, CLEVR, 6) for index in range(4))
    programs = [sample_program(Random(seed), CLEVR, REGISTRY, depth=7) for seed in range(40)]
    positions = [index % 4 for index in range(40)]
    backends = [SoftBackend(FactPerceiver(CLEVR, facts, []), REGISTRY, policy=each) for each in ("lazy", policy)]
    for one, other in zip(*(each.run(range(4), programs, positions) for each in backends), strict=True):
        assert one.distribution == pytest.approx(other.distribution, abs=1e-5)
