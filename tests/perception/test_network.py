"""Maps, folding and features."""

import copy
from types import SimpleNamespace

import pytest
import torch

from nmn.perception.heads import Places, polynomial, sample
from nmn.perception.layers import ConvNorm, fold
from nmn.perception.losses import coordinate_loss, difference_loss
from nmn.perception.network_config import NetworkConfig


def test_folding_the_normalisation_changes_nothing(tiny: SimpleNamespace) -> None:
    model = tiny.model()
    folded = copy.deepcopy(model)
    fold(folded)
    assert not any(isinstance(part, torch.nn.BatchNorm2d) for part in folded.modules())
    images = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        before, after = model.network(images), folded.network(images)
    for name in ("centres", "geometry", "fine", "coarse", "context"):
        torch.testing.assert_close(getattr(before, name), getattr(after, name), atol=1e-4, rtol=1e-4)


def test_folding_twice_is_folding_once(tiny: SimpleNamespace) -> None:
    model = tiny.model()
    fold(model)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    fold(model)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in state.items())


def test_the_maps_have_the_strides_they_state(tiny: SimpleNamespace) -> None:
    maps = tiny.model().network(torch.rand(1, 3, 64, 96))
    assert maps.centres.shape == (1, 16, 24)
    assert maps.geometry.shape == (1, 6, 16, 24)
    assert maps.coarse.shape[2:] == (8, 12)


@pytest.mark.parametrize(("size", "stride"), [(3, 1), (3, 2), (1, 1), (6, 4)])
def test_a_convolution_divides_the_size_by_its_stride(size: int, stride: int) -> None:
    assert ConvNorm(3, 4, size=size, stride=stride)(torch.rand(2, 3, 32, 64)).shape == (
        2,
        4,
        32 // stride,
        64 // stride,
    )


def test_a_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiples"):
        NetworkConfig(width=100)


def test_sampling_at_cell_centres_reads_the_cells_and_between_them_the_mean() -> None:
    cells = torch.arange(24.0).reshape(1, 2, 3, 4)
    points = torch.tensor([[[2.0, 2.0], [6.0, 10.0], [4.0, 2.0], [-50.0, 500.0]]])
    read = sample(cells, torch.zeros(1, dtype=torch.int64), points, 4)
    assert read.shape == (1, 4, 2)
    expected = [cells[0, :, 0, 0], cells[0, :, 2, 1], cells[0, :, 0, :2].mean(1), cells[0, :, 2, 0]]
    torch.testing.assert_close(read[0], torch.stack(expected))


def test_features_of_a_row_do_not_depend_on_the_others(tiny: SimpleNamespace) -> None:
    model = tiny.model()
    maps = model.network(torch.rand(2, 3, 64, 96))
    corners = torch.rand(5, 2) * 40
    places = Places(torch.tensor([0, 1, 1, 0, 1]), corners + 5, torch.cat((corners, corners + 10), 1))
    together = model.encoder(maps, places)
    for row in range(5):
        one = slice(row, row + 1)
        alone = model.encoder(maps, Places(places.images[one], places.centres[one], places.boxes[one]))
        torch.testing.assert_close(alone[0], together[row], atol=1e-5, rtol=1e-5)


def test_the_polynomial_base_is_fitted_by_least_squares(tiny: SimpleNamespace) -> None:
    model = tiny.model()
    centres = torch.rand(200, 2) * torch.tensor([96.0, 64.0])
    truth = torch.stack((centres[:, 0] * 0.01 - centres[:, 1] ** 2 * 1e-3, 2 - centres[:, 1] * 0.05), 1)
    model.fit_base(centres, truth)
    torch.testing.assert_close(model.coordinates.base(polynomial(centres, tiny.config)), truth, atol=1e-3, rtol=1e-3)


def test_gradients_reach_every_parameter(tiny: SimpleNamespace) -> None:
    from nmn.perception.losses import LossConfig, losses

    model = tiny.model().train()
    batch = tiny.image_set().subset(range(4)).batch(range(4))
    nudges = LossConfig().nudges(batch, torch.Generator().manual_seed(0))
    parts = losses(model, model.network(batch.images), batch, LossConfig(), nudges)
    assert set(parts) == {"centre", "offset", "box", "coordinate", "difference", *tiny.sizes}
    sum(parts.values()).backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()] == []


def test_an_error_that_all_objects_of_an_image_share_costs_no_difference() -> None:
    truth = torch.tensor([[0.0, 1.0], [2.0, -1.0], [5.0, 5.0]])
    images = torch.tensor([0, 0, 1])
    variance = torch.full((3, 2), -4.0)
    moved = truth + torch.tensor([[0.3, -0.2], [0.3, -0.2], [9.0, 9.0]])
    torch.testing.assert_close(
        difference_loss(moved, variance, truth, images), difference_loss(truth, variance, truth, images)
    )
    assert float(coordinate_loss(moved, truth)) > 0


def test_the_variance_that_is_learned_is_that_of_differences() -> None:
    draw = torch.Generator().manual_seed(0)
    truth = torch.zeros(400, 1)
    images = torch.arange(400) // 4
    shared = torch.randn(100, 1, generator=draw)[images]
    mean = shared + 0.1 * torch.randn(400, 1, generator=draw)
    log_variance = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.Adam([log_variance], 0.1)
    for _ in range(200):
        optimiser.zero_grad()
        difference_loss(mean, log_variance.expand(400, 1), truth, images).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert float(log_variance.detach().exp()) == pytest.approx(0.01, rel=0.2)


def test_objects_without_coordinates_cost_nothing() -> None:
    truth = torch.tensor([[float("nan")], [1.0]])
    mean = torch.ones(2, 1, requires_grad=True)
    loss = difference_loss(mean, torch.zeros(2, 1), truth, torch.tensor([0, 0])) + coordinate_loss(mean, truth)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == 0
    assert mean.grad is not None
    assert torch.equal(mean.grad, torch.zeros(2, 1))
