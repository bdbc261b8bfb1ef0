"""Outcomes: what a glance at images gives and what every look at them would report, kept as plain arrays.

What policies are fitted to and compared on: with the outcomes of all looks at hand, any policy can be run without a network.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from torch import Tensor

from nmn.perceiver import PRESENCE, Glance, Rows, Staged

Numbers = NDArray[np.float32]

IMAGES_A_FILE = 25


@dataclass(frozen=True)
class Outcome:
    """One image: all proposals of the glance, and what every look at them reports.

    Attributes:
        presence: [objects] raw log-odds of the glance.
        circumstances: [objects, 2] see :meth:`nmn.perceiver.Staged.circumstances`.
        logits: Of the glance, [objects, values] by attribute.
        reports: Of looks, [objects, values] log-probabilities by attribute, [objects] log-odds of PRESENCE.
        relations: [relations, objects, objects] log-odds, from the glance.
    """

    presence: Numbers
    circumstances: Numbers
    logits: Mapping[str, Numbers]
    reports: Mapping[str, Numbers]
    relations: Numbers

    @staticmethod
    def of(perceiver: Staged, glance: Glance, image: int) -> "Outcome":
        """Take every look at one image of a glance."""
        objects = glance.mask[image].nonzero()[:, 0]
        rows = Rows(torch.full_like(objects, image), objects)
        domain = perceiver.domain
        reports: dict[str, Tensor] = {}
        for pathway in perceiver.pathways if len(objects) else ():
            reports |= perceiver.look(glance, pathway, rows)
        relations = [perceiver.look_relation(glance, each.name, rows)[:, objects] for each in domain.relations]
        return Outcome(
            _plain(glance.presence[image, objects]),
            _plain(perceiver.circumstances(glance)[image, objects]),
            {each.name: _plain(perceiver.read(glance, each.name, rows)) for each in domain.attributes},
            {name: _plain(value) for name, value in reports.items()},
            _plain(torch.stack(relations) if relations else torch.zeros(0, len(objects), len(objects))),
        )

    def tensors(self, prefix: str) -> dict[str, Numbers]:
        """The arrays by name."""
        named = {"presence": self.presence, "circumstances": self.circumstances, "relations": self.relations}
        named |= {f"logits.{name}": value for name, value in self.logits.items()}
        named |= {f"reports.{name}": value for name, value in self.reports.items()}
        return {f"{prefix}{name}": np.ascontiguousarray(value) for name, value in named.items()}

    @staticmethod
    def from_tensors(tensors: Mapping[str, Numbers]) -> "Outcome":
        """What :meth:`tensors` gave, without the prefix."""

        def part(start: str) -> dict[str, Numbers]:
            return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}

        return Outcome(
            tensors["presence"], tensors["circumstances"], part("logits."), part("reports."), tensors["relations"]
        )

    @property
    def reported(self) -> NDArray[np.bool_]:
        """[objects] bool, of which looks report that they are there."""
        return self.reports.get(PRESENCE, self.presence) > 0


def gather(
    perceiver: Staged,
    images: Sequence[Any],
    cache: Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Outcome]:
    """The outcomes of images; with a folder as cache, what it holds is not computed again.

    Raises: InputError when an image cannot be used.
    """
    found: list[Outcome] = []
    for start in range(0, len(images), IMAGES_A_FILE):
        part = images[start : start + IMAGES_A_FILE]
        path = None if cache is None else cache / f"{start:06d}-{len(part):02d}.safetensors"
        if path is not None and path.is_file():
            found += _read(path)
        else:
            fresh = list(_look_at(perceiver, part))
            if path is not None:
                _write(path, fresh)
            found += fresh
        advance(len(part))
    return found


def _look_at(perceiver: Staged, images: Sequence[Any]) -> Iterator[Outcome]:
    glance = perceiver.glance([perceiver.load(image) for image in images])
    for image in range(len(images)):
        yield Outcome.of(perceiver, glance, image)


def _write(path: Path, outcomes: Sequence[Outcome]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors: dict[str, Numbers] = {}
    for number, outcome in enumerate(outcomes):
        tensors |= outcome.tensors(f"{number}.")
    temporary = path.with_name(f".{path.name}.part")
    save_file(tensors, temporary)
    temporary.replace(path)


def _read(path: Path) -> list[Outcome]:
    images: dict[int, dict[str, Numbers]] = {}
    for name, value in load_file(path).items():
        number, _, rest = name.partition(".")
        images.setdefault(int(number), {})[rest] = value
    return [Outcome.from_tensors(images[number]) for number in sorted(images)]


def _plain(values: Tensor) -> Numbers:
    return np.asarray(values.detach().cpu().numpy(), np.float32)
