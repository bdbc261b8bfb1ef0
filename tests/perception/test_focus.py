"""Crops and the pathways that look at them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nmn.perceiver import Rows
from nmn.perception.calibration import Calibration
from nmn.perception.crops import MEASURES, CropConfig, cut, marks, measures, windows
from nmn.perception.detector import PixelPerceiver
from nmn.perception.focus import PLACE, Crops, Focus, FocusConfig, PathwayConfig, standardised
from nmn.perception.network_config import NetworkConfig
from nmn.perception.proposals import ProposalConfig
from nmn.perception.weights import PerceiverConfig, build

CROP = CropConfig(size=16, least=12.0)
FOCUS = FocusConfig(
    CROP,
    {
        "form": PathwayConfig(("size", "shape"), blind=True, stem=8, stages=(8, 12), depths=(1, 0), hidden=12),
        "gloss": PathwayConfig(("material",), stem=8, stride=4, stages=(8,), depths=(0,), hidden=8),
        PLACE: PathwayConfig((), stem=8, stages=(8,), depths=(1,), hidden=8),
    },
)
THIN = NetworkConfig(
    width=96, height=64, stem=8, stages=(8, 12), depths=(0, 1), pyramid=8, fine=0, window=5, hidden=16, scale=2
)


def random_crops(rows: int, size: int = CROP.size, seed: int = 0) -> Crops:
    draw = torch.Generator().manual_seed(seed)
    return Crops.of(
        torch.rand(rows, 3, size, size, generator=draw),
        torch.rand(rows, 2, size, size, generator=draw),
        torch.randn(rows, MEASURES, generator=draw),
    )


def staged(tiny: SimpleNamespace, *, closer: float = 0.5, least: float = 0.0) -> PixelPerceiver:
    """A random perceiver of two stages whose centre map has peaks."""
    torch.manual_seed(0)
    calibration = Calibration(
        dict.fromkeys(tiny.sizes, 1.3), (1.1, 0.9), 1.2, -0.1, dict.fromkeys(tiny.sizes, closer), closer, least
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


def test_a_window_is_square_holds_its_box_and_lies_in_the_frame() -> None:
    boxes = torch.tensor([[10.0, 10.0, 30.0, 50.0], [0.0, 0.0, 5.0, 5.0], [80.0, 40.0, 96.0, 64.0]])
    views = windows(boxes, 96, 64, CROP)
    sides = views[:, 2:] - views[:, :2]
    torch.testing.assert_close(sides[:, 0], sides[:, 1])
    assert (sides[:, 0] >= CROP.least).all()
    assert (views[:, :2] >= 0).all()
    assert (views[:, 2] <= 96).all()
    assert (views[:, 3] <= 64).all()
    assert (views[:, :2] <= boxes[:, :2]).all()
    assert (views[:, 2:] >= boxes[:, 2:]).all()


def test_a_window_is_never_larger_than_the_frame() -> None:
    views = windows(torch.tensor([[0.0, 0.0, 96.0, 64.0]]), 96, 64, CROP)
    torch.testing.assert_close(views, torch.tensor([[16.0, 0.0, 80.0, 64.0]]))


def test_a_crop_of_its_own_size_is_the_pixels_themselves() -> None:
    frame = np.random.default_rng(0).integers(0, 255, (64, 96, 3), np.uint8)
    crop = cut([frame], [0], torch.tensor([[20.0, 30.0, 36.0, 46.0]]), 16)
    assert np.array_equal(crop[0].permute(1, 2, 0).numpy(), frame[30:46, 20:36])


def test_a_crop_is_the_same_whether_cut_from_the_whole_frame_or_with_others() -> None:
    draw = np.random.default_rng(0)
    frames = [draw.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(2)]
    views = torch.tensor([[3.2, 5.1, 47.7, 49.6], [40.0, 20.0, 61.5, 41.5], [60.1, 28.0, 96.0, 63.9]])
    together = cut(frames, [0, 1, 1], views, 16)
    for row, place in enumerate([0, 1, 1]):
        assert torch.equal(together[row], cut([frames[place]], [0], views[row : row + 1], 16)[0])
    from PIL import Image

    whole = Image.fromarray(frames[0]).resize((16, 16), Image.Resampling.BILINEAR, tuple(views[0].tolist()))
    assert np.abs(together[0].permute(1, 2, 0).numpy().astype(int) - np.asarray(whole).astype(int)).max() <= 1


def test_marks_say_which_object_is_meant() -> None:
    boxes = torch.tensor([[10.0, 10.0, 20.0, 30.0]])
    views = torch.tensor([[5.0, 5.0, 37.0, 37.0]])
    box, bump = marks(boxes, torch.tensor([[15.0, 20.0]]), views, 32)[0]
    assert float(box[15, 10]) == 1.0
    assert float(box[2, 2]) == 0.0
    assert float(box.sum()) == pytest.approx(10 * 20, rel=0.1)
    assert divmod(int(bump.argmax()), 32) in {(14, 9), (14, 10), (15, 9), (15, 10)}


def test_measures_are_as_many_as_is_said() -> None:
    boxes = torch.tensor([[10.0, 10.0, 20.0, 30.0]])
    assert measures(boxes, boxes[:, :2], windows(boxes, 96, 64, CROP), 96, 64).shape == (1, MEASURES)


def test_the_blind_see_no_change_when_all_colours_shift_or_contrast_doubles() -> None:
    pixels = 0.25 + 0.25 * torch.rand(4, 3, 8, 8)
    seen = standardised(pixels, blind=True)
    shifted = standardised(pixels + torch.tensor([0.1, -0.1, 0.05])[:, None, None], blind=True)
    torch.testing.assert_close(seen, shifted, atol=1e-4, rtol=1e-4)
    assert not torch.allclose(standardised(pixels, blind=False), standardised(pixels + 0.1, blind=False))


def test_a_row_never_depends_on_another(tiny: SimpleNamespace) -> None:
    focus = Focus(FOCUS, tiny.sizes).eval()
    crops = random_crops(5)
    for name in focus.names:
        together = focus.look(name, crops)
        for row in range(len(crops)):
            one = slice(row, row + 1)
            alone = focus.look(name, crops.rows(one))
            for key, values in together.items():
                torch.testing.assert_close(values[one], alone[key], atol=1e-5, rtol=1e-5)


def test_each_pathway_reads_what_it_tells(tiny: SimpleNamespace) -> None:
    focus = Focus(FOCUS, tiny.sizes).eval()
    read = {key: values.shape for name in focus.names for key, values in focus.look(name, random_crops(3)).items()}
    assert read == {PLACE: (3, 1)} | {a: (3, tiny.sizes[a]) for a in ("size", "shape", "material")}


def test_pathways_share_nothing(tiny: SimpleNamespace) -> None:
    focus = Focus(FOCUS, tiny.sizes).train()
    sum(values.sum() for values in focus.look("form", random_crops(4)).values()).backward()  # type: ignore[union-attr]
    for name, pathway in zip(focus.names, focus.pathways, strict=True):
        assert all((parameter.grad is not None) == (name == "form") for parameter in pathway.parameters())


@pytest.mark.parametrize(
    ("pathways", "said"),
    [
        ({"form": PathwayConfig(("shape",))}, "presence"),
        ({PLACE: PathwayConfig(), "a": PathwayConfig(("shape",)), "b": PathwayConfig(("shape",))}, "one pathway"),
        ({PLACE: PathwayConfig(stages=(8,) * 4, depths=(0,) * 4)}, "halved"),
    ],
)
def test_a_wrong_config_is_refused(pathways: dict[str, PathwayConfig], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FocusConfig(CROP, pathways)


def test_saved_and_loaded_both_stages_see_the_same(tiny: SimpleNamespace, tmp_path: object) -> None:
    perceiver = staged(tiny)
    perceiver.save_pretrained(str(tmp_path))
    loaded = PixelPerceiver.from_pretrained(str(tmp_path))
    assert loaded.config == perceiver.config
    images = tiny.pictures(3)
    mine, its = perceiver.glance(images), loaded.glance(images)
    assert torch.equal(mine.presence, its.presence)
    rows = Rows(*mine.mask.nonzero().unbind(1))
    for name in tiny.sizes:
        assert torch.equal(perceiver.look_attribute(mine, name, rows), loaded.look_attribute(its, name, rows))


def test_one_image_alone_is_seen_as_in_a_batch(tiny: SimpleNamespace) -> None:
    perceiver, images = staged(tiny), tiny.pictures(3)
    together = perceiver.glance(images)
    assert together.mask.any()
    for row, image in enumerate(images):
        alone = perceiver.glance([image])
        width = alone.mask.shape[1]
        torch.testing.assert_close(alone.presence[0], together.presence[row, :width], atol=1e-4, rtol=1e-4)
        objects = alone.mask[0].nonzero()[:, 0]
        for name in tiny.sizes:
            torch.testing.assert_close(
                perceiver.look_attribute(alone, name, Rows(torch.zeros_like(objects), objects)),
                perceiver.look_attribute(together, name, Rows(torch.full_like(objects, row), objects)),
                atol=1e-4,
                rtol=1e-4,
            )


def test_a_closer_look_without_weight_changes_nothing(tiny: SimpleNamespace) -> None:
    with_focus = staged(tiny, closer=0.0)
    glance = with_focus.glance(tiny.pictures(2))
    rows = Rows(*glance.mask.nonzero().unbind(1))
    for name in tiny.sizes:
        raw = with_focus.model.read_attribute(name, glance.features[rows.images, rows.objects, : THIN.hidden])
        plain = with_focus.config.calibration.attribute_alone(name, raw)
        torch.testing.assert_close(with_focus.look_attribute(glance, name, rows), plain)


def test_each_crop_is_cut_once(tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    perceiver = staged(tiny)
    glance = perceiver.glance(tiny.pictures(2))
    rows = Rows(*glance.mask.nonzero().unbind(1))
    before = perceiver.look_attribute(glance, "shape", rows)
    monkeypatch.setattr("nmn.perception.closer.cut", lambda *_: pytest.fail("cut again"))
    perceiver.look_attribute(glance, "material", rows)
    backwards = Rows(rows.images.flip(0), rows.objects.flip(0))
    torch.testing.assert_close(perceiver.look_attribute(glance, "shape", backwards).flip(0), before)


def test_an_attribute_without_pathway_costs_no_closer_look(tiny: SimpleNamespace) -> None:
    perceiver = staged(tiny)
    assert perceiver.attribute_cost("color") < perceiver.attribute_cost("material") < perceiver.attribute_cost("shape")


def test_proposals_below_the_least_probability_are_dropped(tiny: SimpleNamespace) -> None:
    every, few = staged(tiny), staged(tiny, least=0.6)
    pictures = tiny.pictures(4)
    likely = (every.glance(pictures).presence.sigmoid() >= 0.6) & every.glance(pictures).mask
    assert torch.equal(few.glance(pictures).mask.sum(1), likely.sum(1))


def test_presence_falls_along_the_rows(tiny: SimpleNamespace) -> None:
    glance = staged(tiny).glance(tiny.pictures(4))
    odds = glance.presence.masked_fill(~glance.mask, -torch.inf)
    assert (odds[:, :-1] >= odds[:, 1:]).all()
