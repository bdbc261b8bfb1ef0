"""What is counted as right, and calibration."""

from types import SimpleNamespace

import pytest
import torch

from nmn.matching import match
from nmn.perception.calibration import Calibration, Evidence, fit, gather, least_separation
from nmn.perception.proposals import ProposalConfig, detect, peaks
from nmn.perception.report import Seen, compare


def perfect(images: SimpleNamespace) -> list[Seen]:
    return [
        Seen(torch.from_numpy(t.centres), torch.from_numpy(t.labels), torch.from_numpy(t.coordinates))
        for t in images.targets
    ]


def test_seeing_the_truth_is_perfect(tiny: SimpleNamespace) -> None:
    images = tiny.image_set(6)
    report = compare(tuple(tiny.sizes), images.subset(range(6)), perfect(images))
    assert report.exact_share == report.relation_share == 1.0
    assert set(report.attribute_shares().values()) == {1.0}
    assert report.found == report.objects
    assert report.spurious == 0
    assert report.error == 0.0


def test_mistakes_are_counted_where_they_are(tiny: SimpleNamespace) -> None:
    images = tiny.image_set(6)
    seen = perfect(images)
    wrong = seen[0].values.clone()
    wrong[0, 1] = (wrong[0, 1] + 1) % 8
    seen[0] = Seen(seen[0].centres, wrong, seen[0].coordinates)
    seen[1] = Seen(seen[1].centres[:0], seen[1].values[:0], seen[1].coordinates[:0])
    report = compare(tuple(tiny.sizes), images.subset(range(6)), seen)
    assert report.exact == 4
    assert report.wrong_images == ("0.png", "1.png")
    assert report.found == report.objects - len(images.targets[1].centres)
    assert report.right[1] == report.found - 1
    assert "exact 0.667" in report.line()


def test_matching_pairs_the_nearest_first_and_nobody_far_off() -> None:
    found, true = torch.tensor([[0.0, 0.0], [3.0, 0.0], [90.0, 0.0]]), torch.tensor([[2.0, 0.0], [-8.0, 0.0]])
    assert match(found, true) == [(1, 0), (0, 1)]
    assert match(found[:0], true) == []


def test_nearby_peaks_are_thinned_and_the_rest_capped(tiny: SimpleNamespace) -> None:
    model = tiny.model()
    maps = model.network(torch.rand(2, 3, 64, 96))
    for most in (0, 2, 5):
        places, logits = peaks(maps, ProposalConfig(threshold=0.01, most=most, apart=8.0))
        for image in range(2):
            mine = places.images == image
            assert int(mine.sum()) <= most
            assert logits[mine].tolist() == sorted(logits[mine].tolist(), reverse=True)
            distance = torch.cdist(places.centres[mine], places.centres[mine])
            assert (distance.fill_diagonal_(99) >= 8.0).all()


def test_detections_of_nothing_have_no_rows(tiny: SimpleNamespace) -> None:
    found = detect(tiny.model(), torch.rand(1, 3, 64, 96), ProposalConfig(threshold=0.999999))
    assert found.features.shape == (0, 16)
    assert found.coordinates.shape == (0, 2)


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_a_temperature_undoes_overconfidence(factor: float) -> None:
    generator = torch.Generator().manual_seed(0)
    honest = torch.randn(4000, 3, generator=generator) * 1.5
    labels = torch.multinomial(honest.softmax(1), 1, generator=generator)[:, 0]
    real = torch.bernoulli((honest[:, 0] * 2).sigmoid(), generator=generator).bool()
    truth = (torch.rand(4000, generator=generator) - 0.5) * 4
    truth = torch.where(truth.abs() < 0.4, truth.sign() * 0.4 + truth, truth)
    measured = truth + 0.4 * torch.randn(4000, generator=generator)
    pairs = ((measured, truth, torch.full((4000,), (0.4 / factor) ** 2)),)
    found = fit(Evidence(honest[:, 0] * 2, real, {"a": (honest * factor, labels)}, pairs), margin=0.2, separation=0.4)
    assert found.temperature("a") == pytest.approx(factor, rel=0.12)
    assert found.spread[0] == pytest.approx(factor, rel=0.15)
    assert found.presence_scale == pytest.approx(1.0, abs=0.12)
    assert found.presence_shift == pytest.approx(0.0, abs=0.12)


def test_calibration_of_a_faultless_detector_stays_finite() -> None:
    logits = torch.cat((torch.full((50,), 8.0), torch.full((50,), -2.0)))
    pair = torch.tensor([1.0, -1.0])
    evidence = Evidence(logits, logits > 0, {"a": (torch.eye(3) * 20, torch.arange(3))}, ((pair, pair, pair.abs()),))
    found = fit(evidence, margin=0.2, separation=0.4)
    assert 0 < found.presence_scale < 10
    assert -2 < found.least_logit < 8
    assert 0.29 <= found.temperature("a") <= 5.0


def test_evidence_is_gathered_over_images(tiny: SimpleNamespace) -> None:
    images = tiny.image_set(6)
    evidence = gather(tiny.perceiver(), images.subset(range(6)), batch_size=4)
    assert len(evidence.logits) == len(evidence.real)
    found = int(evidence.real.sum())
    assert all(len(labels) == found for _, labels in evidence.attributes.values())


def test_the_separation_is_measured_and_below_the_margin_not_believed(tiny: SimpleNamespace) -> None:
    images = tiny.image_set(6)
    for target in images.targets:
        target.coordinates[:] = [[0.0, 0.0], [0.457, 5.0], [9.0, -7.0]][: len(target.coordinates)]
    assert least_separation(images.subset(range(6)), 2, 0.2) == 0.45
    assert least_separation(images.subset(range(6)), 2, 0.5) == 0.0


def test_neutral_calibration_changes_nothing() -> None:
    neutral = Calibration.neutral(("a",), 2)
    odds = torch.tensor([-1.0, 0.0, 2.0])
    assert torch.equal(neutral.presence(odds), odds)
    assert neutral.temperature("a") == 1.0
