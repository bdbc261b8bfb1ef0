"""Backbones: ours and those of transformers, behind one interface."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from nmn.errors import InputError
from nmn.perception.backbone import ResidualBackbone, TransformersBackbone, backbone_record, load_pretrained
from nmn.perception.network import Network
from nmn.perception.network_config import NetworkConfig

RECORD = json.dumps(
    {
        "model_type": "resnet",
        "embedding_size": 8,
        "hidden_sizes": [8, 12, 16, 20],
        "depths": [1, 1, 1, 1],
        "layer_type": "basic",
    }
)


def test_ours_halves_from_stride_four(tiny: SimpleNamespace) -> None:
    backbone = ResidualBackbone(tiny.config)
    maps = backbone(torch.rand(2, 3, 64, 96))
    assert [found.shape[1] for found in maps] == list(backbone.channels)
    assert [96 // found.shape[-1] for found in maps] == [4, 8, 16, 32]


def test_one_of_transformers_stands_in_its_place(tiny: SimpleNamespace) -> None:
    config = replace(tiny.config, backbone=RECORD)
    network = Network(config).eval()
    assert isinstance(network.backbone, TransformersBackbone)
    assert network.backbone.channels == (8, 12, 16, 20)
    maps = network(torch.rand(1, 3, 64, 96))
    assert maps.centres.shape == (1, 16, 24)
    assert NetworkConfig.from_record(json.loads(json.dumps(config.__dict__))) == config


def test_its_pretrained_weights_are_taken_by_name(tmp_path: Path) -> None:
    from transformers import ResNetBackbone, ResNetConfig

    record = json.loads(RECORD)
    record.pop("model_type")
    theirs = ResNetBackbone(ResNetConfig(**record)).eval()
    theirs.save_pretrained(tmp_path)
    mine = TransformersBackbone(backbone_record(str(tmp_path)), 1).eval()
    load_pretrained(mine, str(tmp_path))
    assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.body.state_dict().items())


@pytest.mark.parametrize("record", ["{}", "no json", '{"model_type": "no-such"}', '{"model_type": "bert"}'])
def test_what_is_no_backbone_is_refused(record: str) -> None:
    with pytest.raises(ValueError, match="no backbone of transformers"):
        TransformersBackbone(record, 1)


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no backbone"):
        backbone_record(str(tmp_path))


def test_weights_of_before_are_read(tiny: SimpleNamespace) -> None:
    network, other = Network(tiny.config), Network(tiny.config)
    before = {name.removeprefix("backbone."): value for name, value in network.state_dict().items()}
    other.load_state_dict(before)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in network.state_dict().items())
