"""How well a trained perception sees: exact scenes, objects found, attributes, relations."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from nmn.matching import match
from nmn.perceiver import Rows
from nmn.perception.data import Subset
from nmn.perception.heads import Perception
from nmn.perception.proposals import Detections, ProposalConfig, detect

if TYPE_CHECKING:
    from nmn.perception.detector import PixelPerceiver


@dataclass(frozen=True)
class Report:
    """Counts over a set of images; the properties are shares, 0 to 1."""

    images: int
    exact: int  # scenes with the right multiset of attribute values
    objects: int
    found: int  # true objects with a detection above one half at their place
    spurious: int  # detections above one half without a true object
    right: tuple[int, ...]  # of the found, by attribute
    attributes: tuple[str, ...]
    pairs: int  # ordered pairs of found objects, by axis
    pairs_right: int  # whose difference has the right sign
    error: float  # median absolute coordinate error of found objects, world units
    wrong_images: tuple[str, ...]

    @property
    def exact_share(self) -> float:
        """Share of scenes seen exactly."""
        return self.exact / max(1, self.images)

    @property
    def relation_share(self) -> float:
        """Share of relations between found objects that are right."""
        return self.pairs_right / max(1, self.pairs)

    def attribute_shares(self) -> dict[str, float]:
        """Share of found objects with the right value, by attribute."""
        return {name: right / max(1, self.found) for name, right in zip(self.attributes, self.right, strict=True)}

    def line(self) -> str:
        """One line for people."""
        shares = " ".join(f"{name} {share:.4f}" for name, share in self.attribute_shares().items())
        return (
            f"exact {self.exact_share:.3f} ({self.exact}/{self.images})  found {self.found}/{self.objects}"
            f" +{self.spurious}  {shares}  relations {self.relation_share:.5f}  coordinate {self.error:.3f}"
        )


@dataclass(frozen=True)
class Seen:
    """What was seen of one image, beside the truth."""

    centres: Tensor  # [found, 2]
    values: Tensor  # [found, attributes]
    coordinates: Tensor  # [found, axes]


def see(model: Perception, detections: Detections, images: int, least: float) -> list[Seen]:
    """Decide: objects whose log-odds exceed ``least``, each with its likeliest values."""
    values = [model.read_attribute(name, detections.features).argmax(1) for name in model.attributes]
    table = torch.stack(values, 1)
    kept = detections.logits > least
    seen = []
    for image in range(images):
        rows = (kept & (detections.places.images == image)).nonzero()[:, 0]
        seen.append(Seen(detections.places.centres[rows], table[rows], detections.coordinates[rows]))
    return seen


@torch.no_grad()
def evaluate(
    model: Perception, subset: Subset, proposals: ProposalConfig, *, least: float = 0.0, batch_size: int = 16
) -> Report:
    """Report on a subset; ``least`` is the raw log-odds above which an object counts as present."""
    seen: list[Seen] = []
    for start in range(0, len(subset), batch_size):
        batch = subset.batch(range(start, min(start + batch_size, len(subset))))
        seen += see(model, detect(model, batch.images, proposals), len(batch.images), least)
    return compare(model.attributes, subset, seen)


@torch.no_grad()
def measure(perceiver: "PixelPerceiver", subset: Subset, *, batch_size: int = 16) -> Report:
    """Report on a subset, at the frame's resolution, of what a perceiver decides with all its stages."""
    seen: list[Seen] = []
    names = perceiver.model.attributes
    for start in range(0, len(subset), batch_size):
        frames = [subset.whole.pixels[row] for row in subset.rows[start : start + batch_size]]
        glance = perceiver.glance(frames)
        coordinates, _ = perceiver.coordinates(glance)
        for image, detail in enumerate(glance.details):
            objects = ((glance.presence[image] > 0) & glance.mask[image]).nonzero()[:, 0]
            rows = Rows(torch.full_like(objects, image), objects)
            values = [perceiver.look_attribute(glance, name, rows).argmax(1) for name in names]
            seen.append(Seen(detail.centres[objects], torch.stack(values, 1), coordinates[image, objects]))
    return compare(names, subset, seen)


def compare(attributes: Sequence[str], subset: Subset, seen: Sequence[Seen]) -> Report:
    """Count what is right."""
    exact = objects = found = spurious = pairs = pairs_right = 0
    right = torch.zeros(len(attributes), dtype=torch.int64)
    errors: list[Tensor] = []
    wrong: list[str] = []
    for row, view in zip(subset.rows, seen, strict=True):
        target = subset.whole.targets[row]
        labels, coordinates = torch.from_numpy(target.labels), torch.from_numpy(target.coordinates)
        same = Counter(map(tuple, view.values.tolist())) == Counter(map(tuple, labels.tolist()))
        exact += same
        if not same:
            wrong.append(target.image)
        matched = match(view.centres, torch.from_numpy(target.centres))
        objects, found, spurious = (
            objects + len(labels),
            found + len(matched),
            spurious + len(view.values) - len(matched),
        )
        mine, its = [a for a, _ in matched], [b for _, b in matched]
        right += (view.values[mine] == labels[its]).sum(0)
        errors.append((view.coordinates[mine] - coordinates[its]).abs().flatten())
        told = [row for row, b in enumerate(its) if not coordinates[b].isnan().any()]
        mine, its = [mine[row] for row in told], [its[row] for row in told]
        differences = view.coordinates[mine][:, None] - view.coordinates[mine]
        truth = coordinates[its][:, None] - coordinates[its]
        apart = truth != 0
        pairs += int(apart.sum())
        pairs_right += int((apart & (differences.sign() == truth.sign())).sum())
    error = float(torch.cat(errors).nanmedian()) if found else float("nan")
    counts = tuple(int(number) for number in right)
    return Report(
        len(subset), exact, objects, found, spurious, counts, tuple(attributes), pairs, pairs_right, error, tuple(wrong)
    )
