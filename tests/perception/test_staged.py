"""The stages of a perceiver by themselves: with all looks taken nothing is different, and no more is decoded than needed."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from nmn.engine import Engine
from nmn.errors import ImageError, InputError
from nmn.images import load_image, load_reduced
from nmn.perceiver import PRESENCE, Glance, Rows
from nmn.perception.calibration import Calibration
from nmn.perception.crops import CropConfig
from nmn.perception.detector import PixelPerceiver
from nmn.perception.focus import PLACE, FocusConfig, PathwayConfig
from nmn.perception.network_config import NetworkConfig
from nmn.perception.proposals import ProposalConfig
from nmn.perception.staged import StagedPerceiver, quicker_precision
from nmn.perception.weights import PerceiverConfig, build
from nmn.program import Program
from nmn.soft import SoftBackend

THIN = NetworkConfig(
    width=96, height=64, stem=8, stages=(8, 12), depths=(0, 1), pyramid=8, fine=0, window=5, hidden=16, scale=2
)
FOCUS = FocusConfig(
    CropConfig(size=16, least=12.0),
    {
        "form": PathwayConfig(("size", "shape"), blind=True, stem=8, stages=(8,), depths=(0,), hidden=8),
        "gloss": PathwayConfig(("material",), stem=8, stages=(8,), depths=(0,), hidden=8),
        PLACE: PathwayConfig((), stem=8, stages=(8,), depths=(0,), hidden=8),
    },
)


@pytest.fixture(scope="module")
def whole(tiny: SimpleNamespace) -> PixelPerceiver:
    """A random perceiver of two stages whose centre map has peaks."""
    torch.manual_seed(0)
    calibration = Calibration(
        dict.fromkeys(tiny.sizes, 1.3), (1.1, 0.9), 1.2, -0.1, dict.fromkeys(tiny.sizes, 0.5), 0.5
    )
    config = PerceiverConfig(THIN, ProposalConfig(threshold=0.3, most=6), calibration, 0.4, FOCUS, 3.5)
    model, focus = build(config, tiny.domain)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model.network(torch.rand(4, 3, THIN.height // 2, THIN.width // 2))
        model.network.read.weight[:4] *= 10
        model.network.read.bias[:4] = 0.0
    return PixelPerceiver(model, config, tiny.domain, focus=focus)


def pixels(seed: int, height: int = 64, width: int = 96) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def seen(perceiver: StagedPerceiver, number: int) -> tuple[Glance, Rows]:
    glance = perceiver.glance([perceiver.load(pixels(seed)) for seed in range(number)])
    where = glance.mask.nonzero()
    return glance, Rows(where[:, 0], where[:, 1])


def test_with_every_look_taken_the_report_is_that_of_the_whole_perceiver(whole: PixelPerceiver) -> None:
    staged = StagedPerceiver(whole)
    glance, rows = seen(staged, 2)
    full = whole.glance([pixels(seed) for seed in range(2)])
    presence = staged.look(glance, PLACE, rows)[PRESENCE]
    assert presence.sort().values == pytest.approx(full.presence[full.mask].sort().values, abs=1e-5)
    place = full.mask.nonzero()
    every = Rows(place[:, 0], place[:, 1])
    for name in (each.name for each in whole.domain.attributes):
        one = staged.look_attribute(glance, name, rows).exp().sum(0)
        assert one == pytest.approx(whole.look_attribute(full, name, every).exp().sum(0), abs=1e-4)


def test_looks_are_the_same_alone_and_together(whole: PixelPerceiver) -> None:
    staged = StagedPerceiver(whole)
    glance, rows = seen(staged, 2)
    together = staged.look(glance, "form", rows)
    other, _ = seen(staged, 2)
    for row in (0, len(rows) - 1):
        alone = staged.look(other, "form", Rows(rows.images[row : row + 1], rows.objects[row : row + 1]))
        for name, values in alone.items():
            assert values[0] == pytest.approx(together[name][row], abs=1e-5)


def test_pathways_tell_their_attributes_and_cost_what_they_cost(whole: PixelPerceiver) -> None:
    staged = StagedPerceiver(whole)
    assert staged.pathways == {"form": ("size", "shape"), "gloss": ("material",), PLACE: (PRESENCE,)}
    assert staged.attribute_cost("shape") == staged.read_cost("shape") + staged.look_cost("form")
    assert staged.glance_cost(2) == 2 * staged.glance_cost(1)
    assert staged.glance_cost(1) < whole.glance_cost(1)


def test_a_glance_in_sixteen_bits_sees_next_to_the_same(whole: PixelPerceiver) -> None:
    images = [pixels(seed) for seed in range(3)]
    one, other = (StagedPerceiver(whole, precision) for precision in ("float32", "bfloat16"))
    full, rounded = (each.glance([each.load(image) for image in images]) for each in (one, other))
    assert rounded.presence.dtype == torch.float32
    assert float(rounded.presence.max()) == pytest.approx(float(full.presence.max()), abs=0.5)
    assert quicker_precision(whole) in ("float32", "bfloat16")


def test_weights_of_one_stage_have_nothing_to_look_closer_with(tiny: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="of one stage"):
        StagedPerceiver(tiny.perceiver())


def test_a_jpeg_is_decoded_in_full_only_when_looked_at(whole: PixelPerceiver, tmp_path: Path) -> None:
    path = tmp_path / "image.jpg"
    Image.fromarray(pixels(0)).resize((192, 128)).save(path)
    staged = StagedPerceiver(whole)
    picture = staged.load(path)
    assert picture.frame is None
    assert picture.small.shape == (32, 48, 3)
    assert staged.load(picture) is picture
    glance = staged.glance([picture])
    assert glance.mask.any()
    staged.look(glance, PLACE, Rows(torch.tensor([0]), torch.tensor([0])))
    assert picture.frame is not None
    assert picture.frame.shape == (64, 96, 3)


@pytest.mark.parametrize(("size", "least"), [((480, 320), (240, 160)), ((320, 480), (240, 160)), ((100, 60), (96, 64))])
def test_a_reduced_image_is_no_smaller_than_asked_for(
    tmp_path: Path, size: tuple[int, int], least: tuple[int, int]
) -> None:
    path = tmp_path / "image.jpg"
    Image.new("RGB", size, "red").save(path)
    found, whole = load_reduced(path, *least)
    assert whole == size
    scale = min(least[0] / size[0], least[1] / size[1], 1.0)
    assert found.shape[1] >= size[0] * scale - 1
    assert found.shape[0] >= size[1] * scale - 1


def test_a_reduced_image_is_upright(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (480, 320), "red").save(path, exif=exif)
    found, whole = load_reduced(path, 120, 120)
    assert whole == (320, 480)
    assert found.shape[0] > found.shape[1]
    assert load_image(path).shape == (480, 320, 3)


def test_what_cannot_be_reduced_is_read_whole_and_what_is_broken_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.new("RGB", (64, 64), "red").save(path)
    assert load_reduced(path, 16, 16)[0].shape == (64, 64, 3)
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    with pytest.raises(ImageError, match="not an image that can be read"):
        load_reduced(tmp_path / "broken.jpg", 16, 16)
    with pytest.raises(ImageError, match="no image file"):
        load_reduced(tmp_path / "none.jpg", 16, 16)


def test_everything_by_the_engine_is_the_soft_back_end_to_the_bit(whole: PixelPerceiver) -> None:
    from nmn.parser.text import parse_program

    engine = Engine(whole)
    program: Program = parse_program("count(filter(scene(), shape=cube))", engine.registry).program
    images = [pixels(seed) for seed in range(3)]
    plain = SoftBackend(whole, engine.registry, policy="everything").run(images, [program] * 3, range(3))
    by_name = [engine.answer(image, program, policy="everything") for image in images]
    together = engine.answer(images, [program] * 3, policy="everything")
    assert [each.distribution for each in together] == [each.distribution for each in plain]
    assert [each.value for each in by_name] == [each.value for each in plain]


def test_policies_that_choose_looks_need_a_focus_and_what_was_fitted(tiny: SimpleNamespace) -> None:
    with pytest.raises(InputError, match="needs weights with a focus"):
        Engine(tiny.perceiver()).answer(pixels(0), "How many cubes are there?", policy="value")
