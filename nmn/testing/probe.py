"""ModuleProbe: random inputs for a module's ``forward``, by the kinds of its parameters, and what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from nmn.domain import Domain
from nmn.logic import ABSENT, LIMIT
from nmn.registry import class_signature
from nmn.scene import FacetStore, SceneGraph
from nmn.signature import BRACKET_KIND, INPUT_KINDS, Signature
from nmn.testing.facts import FactPerceiver, Facts, random_facts

BY_OBJECT = ("ObjectSet", "Object")
"""Kinds with a number for each object."""

PADDING = {"ObjectSet": -LIMIT, "Object": ABSENT, "Count": 0.0}
"""What stands in the columns that an image with fewer objects does not have."""


@dataclass(frozen=True)
class ModuleProbe:
    """A module class with what it is tried on.

    Attributes:
        declared: The class.
        make: Makes an instance.
        domain: What scenes speak of.
        examples: How many random inputs a law is tried on.
        seed: Of the first of them.
    """

    declared: type[nn.Module]
    make: Callable[[], nn.Module]
    domain: Domain
    examples: int
    seed: int

    @cached_property
    def signature(self) -> Signature:
        """From the annotations. Raises: RegistryError."""
        return class_signature(self.declared)

    @cached_property
    def module(self) -> nn.Module:
        """One instance, used by all laws."""
        return self.make()

    @property
    def seeds(self) -> range:
        """Those of the examples."""
        return range(self.seed, self.seed + self.examples)

    def facts(self, seed: int, objects: int, dtype: torch.dtype = torch.float32) -> Facts:
        """Facts of one image."""
        return random_facts(seed, self.domain, objects, dtype=dtype)

    def store(self, *facts: Facts, complete: bool = False) -> FacetStore:
        """A store of images with these facts, none looked at yet unless complete."""
        store = FacetStore.look(FactPerceiver(self.domain, facts, []), range(len(facts)))
        if complete:
            store.compute_everything()
        return store

    def scene(self, seed: int, objects: int, batch: int = 2, dtype: torch.dtype = torch.float32) -> SceneGraph:
        """A view of one image, for a batch of rows."""
        return view(self.store(self.facts(seed, objects, dtype)), [0] * batch)

    def inputs(self, seed: int, objects: int, batch: int = 2, dtype: torch.dtype = torch.float32) -> list[Tensor]:
        """A random value for each parameter, of a batch whose rows name different constants."""
        random = Random(seed)
        domain = self.domain
        attribute = torch.tensor([random.randrange(len(domain.attributes)) for _ in range(batch)])
        draw = _Draw(domain, seed, objects, batch, dtype)
        values = []
        for position, parameter in enumerate(self.signature.parameters):
            if parameter.kind == BRACKET_KIND:
                values.append(attribute)
            elif parameter.kind in INPUT_KINDS:
                values.append(draw.value(parameter.kind, position, attribute if self.signature.bracket else None))
            else:
                many = len(domain.concepts) if parameter.kind == "Concept" else len(domain.relations)
                values.append(torch.tensor([random.randrange(max(1, many)) for _ in range(batch)]))
        return values

    def run(
        self,
        scene: SceneGraph,
        values: Sequence[Tensor],
        module: nn.Module | None = None,
        *,
        gradients: bool = False,
    ) -> tuple[Tensor, ...]:
        """What ``forward`` gives, a presupposition as a second tensor."""
        ran = self.module if module is None else module
        with torch.set_grad_enabled(gradients):
            result = ran(scene, *values) if self.signature.reads_scene else ran(*values)
        return result if isinstance(result, tuple) else (result,)

    def reordered(self, values: Sequence[Tensor], order: Tensor) -> list[Tensor]:
        """Inputs with the objects in another order."""
        kinds = [parameter.kind for parameter in self.signature.parameters]
        return [value[:, order] if kind in BY_OBJECT else value for value, kind in zip(values, kinds, strict=True)]

    def padded(self, values: Sequence[Tensor], columns: int) -> list[Tensor]:
        """Inputs with so many columns of padding more."""
        kinds = [parameter.kind for parameter in self.signature.parameters]
        return [
            pad(value, (0, columns), value=PADDING[kind]) if kind in PADDING else value
            for value, kind in zip(values, kinds, strict=True)
        ]


@dataclass(frozen=True)
class _Draw:
    domain: Domain
    seed: int
    objects: int
    batch: int
    dtype: torch.dtype

    def value(self, kind: str, position: int, attribute: Tensor | None) -> Tensor:
        """A random value of a kind; a ``Value`` of the rows' attribute if there is one."""
        if kind == "Bool":
            return self.normal(position, 1)[:, 0]
        if kind in BY_OBJECT:
            drawn = self.normal(position, self.objects)
            return drawn if kind == "ObjectSet" else drawn.log_softmax(-1)
        widths = {
            "Count": self.objects + 1,
            "Value": len(self.domain.concepts),
            "Choice": 2,
            "AttributeName": len(self.domain.attributes),
        }
        drawn = self.normal(position, widths[kind])
        if kind == "Value" and attribute is not None:
            owner = torch.tensor(self.domain.concept_attributes)
            drawn = drawn.masked_fill(owner[None] != attribute[:, None], -torch.inf)
        return drawn.softmax(-1)

    def normal(self, position: int, width: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.seed + position)
        drawn = torch.randn((self.batch, width), generator=generator, dtype=torch.float64) * 3
        return drawn.to(self.dtype)


def view(store: FacetStore, images: Sequence[int]) -> SceneGraph:
    """A call's view of a store, its rows about these images."""
    return SceneGraph(store, torch.tensor(images, dtype=torch.int64))
