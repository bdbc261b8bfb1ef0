"""An attribute that a module of one's own sees: spoken of, computed when asked for, learned from answers."""

from random import Random

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import DomainError
from nmn.executor import Modules
from nmn.learning import LearningConfig, Lesson, learn
from nmn.parser.text import parse_program
from nmn.perceiver import Glance, Rows
from nmn.providing import Providing
from nmn.registry import default_registry
from nmn.scene_perceiver import ScenePerceiver
from nmn.soft import SoftBackend
from nmn.testing import check_perceiver
from nmn.testing.facts import random_scene
from nmn.vocabulary import Attribute

CLEVR = Domain.load("clevr")
WORTH = Attribute("worth", ("cheap", "precious"), ("worth",), (("cheap",), ("precious", "dear")))
SCENES = [random_scene(Random(seed), CLEVR, objects) for seed, objects in enumerate((3, 0, 2))]


class Worth(nn.Module):
    """Learns what things are worth from their values."""

    attribute = WORTH
    flops = 2 * 4 * 2

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.read = nn.Linear(len(CLEVR.attributes), 2)

    def forward(self, glance: Glance, rows: Rows) -> Tensor:
        self.asked += len(rows)
        return log_softmax(self.read(glance.features[rows.images, rows.objects, : len(CLEVR.attributes)]), -1)


def test_it_keeps_the_laws_of_perceivers() -> None:
    with torch.no_grad():
        check_perceiver(Providing(ScenePerceiver(CLEVR), Worth()), SCENES)


def test_english_speaks_of_it_and_it_is_computed_when_asked_for() -> None:
    provider = Worth()
    perceiver = Providing(ScenePerceiver(CLEVR), provider)
    engine = Engine(perceiver, backend=SoftBackend(perceiver, default_registry()))
    engine.answer(SCENES[0], "How many cubes are there?")
    assert provider.asked == 0
    answer = engine.answer(SCENES[0], "How many dear things are there?")
    assert answer.program is not None
    assert answer.program.text == "count(filter(scene(), worth=precious))"
    assert provider.asked == len(SCENES[0].objects)
    assert perceiver.attribute_cost("worth") == 16


def test_it_is_learned_from_answers() -> None:
    perceiver = Providing(ScenePerceiver(CLEVR), Worth())
    program = parse_program("exist(filter(scene(), worth=precious))", default_registry()).program
    losses: list[float] = []
    lessons = [Lesson(SCENES[0], program, "no")]
    how = LearningConfig(steps=30, batch_size=2, rate=0.3)
    learn(lessons, perceiver, Modules(default_registry()), how, advance=lambda _, loss: losses.append(loss))
    assert losses[-1] < 0.5 * losses[0]


def test_what_is_there_already_is_refused() -> None:
    with pytest.raises(DomainError, match="has an attribute 'worth' already"):
        Providing(Providing(ScenePerceiver(CLEVR), Worth()), Worth())
    with pytest.raises(DomainError, match="provides nothing"):
        Providing(ScenePerceiver(CLEVR), nn.Linear(1, 1))
    loud = Worth()
    loud.attribute = Attribute("noise", ("loud",), ("noise",), (("red",),))
    with pytest.raises(DomainError, match="'red' stands for something of clevr already"):
        Providing(ScenePerceiver(CLEVR), loud)
