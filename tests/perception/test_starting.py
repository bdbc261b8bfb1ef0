"""Fine-tuning: training begins with finished weights."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nmn.domain import Domain
from nmn.errors import InputError
from nmn.perception.heads import Perception
from nmn.perception.starting import begin
from nmn.perception.training import Trainer, TrainingConfig

OTHER = """
name = "desk"
version = 1
nouns = ["thing"]

[attributes.kind]
words = ["kind"]
values_are = "nouns"
values = ["mug", "pen"]

[attributes.material]
words = ["material"]
values = ["rubber", "metal"]

[geometry]
margin = 0.0

[relations.west]
words = ["west of"]
axis = 0
sign = -1

[relations.south]
words = ["south of"]
axis = 1
sign = 1
"""


@pytest.fixture
def finished(tiny: SimpleNamespace, tmp_path: Path) -> Path:
    tiny.perceiver().save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


def test_what_was_finished_is_computed_again(tiny: SimpleNamespace, finished: Path) -> None:
    torch.manual_seed(3)
    model = Perception(tiny.config, tiny.sizes)
    images = torch.rand(6, 3, tiny.config.height, tiny.config.width)
    assert begin(model, tiny.domain, finished, images) == ()
    theirs = tiny.perceiver().model
    with torch.no_grad():
        mine, its, training = model.eval().network(images), theirs.network(images), model.train().network(images)
    torch.testing.assert_close(mine.centres, its.centres, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(training.centres, its.centres, atol=1e-2, rtol=1e-2)
    features = torch.rand(4, tiny.config.hidden)
    for name in tiny.sizes:
        torch.testing.assert_close(model.read_attribute(name, features), theirs.read_attribute(name, features))


def test_heads_of_another_domain_begin_anew(tiny: SimpleNamespace, finished: Path, tmp_path: Path) -> None:
    file = tmp_path / "desk.toml"
    file.write_text(OTHER, encoding="utf-8")
    domain = Domain.load(file)
    model = Perception(tiny.config, {each.name: len(each.values) for each in domain.attributes})
    images = torch.rand(2, 3, tiny.config.height, tiny.config.width)
    assert begin(model, domain, finished, images) == ("kind", "coordinates")
    features = torch.rand(4, tiny.config.hidden)
    theirs = tiny.perceiver().model
    torch.testing.assert_close(model.read_attribute("material", features), theirs.read_attribute("material", features))


def test_weights_of_other_sizes_are_refused(tiny: SimpleNamespace, finished: Path) -> None:
    model = Perception(replace(tiny.config, stem=12), tiny.sizes)
    with pytest.raises(InputError, match="other sizes"):
        begin(model, tiny.domain, finished, torch.rand(2, 3, tiny.config.height, tiny.config.width))


def test_a_run_begins_with_finished_weights(tiny: SimpleNamespace, finished: Path) -> None:
    images = tiny.image_set(6).subset(range(6))
    trainer = Trainer(TrainingConfig(steps=2, batch_size=2, network=tiny.config, half=False), tiny.domain, images)
    assert trainer.begin(finished) == ()
    batch = images.batch(range(2)).images
    with torch.no_grad():
        mine, its = trainer.average.network(batch), tiny.perceiver().model.network(batch)
    torch.testing.assert_close(mine.centres, its.centres, atol=1e-3, rtol=1e-3)
    trainer.advance()
