"""Providing: an attribute that a module of one's own sees, beside those that a perceiver sees.

::

    class Brightness(nn.Module):
        attribute = Attribute("brightness", ("dark", "bright"), ("brightness",), (("dark",), ("bright",)))

        def forward(self, glance: Glance, rows: Rows) -> Tensor:  # [rows, values] log-probabilities
            ...

    engine = Engine(Providing(perceiver, Brightness()))

The domain has one attribute more; programs, the grammar and the page speak of it like of any other. It is computed when a
program asks for it, as every facet is.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import DomainError
from nmn.perceiver import Glance, Perceiver, Rows
from nmn.vocabulary import Attribute


class Providing(nn.Module):
    """A perceiver with more attributes. A :class:`nmn.perceiver.Perceiver`.

    Args:
        perceiver: Sees all else.
        *providers: Modules with an ``attribute`` and a ``forward(glance, rows)`` that gives [rows, values]
            log-probabilities; with ``flops``, what one row costs.

    Raises: DomainError when an attribute or one of its words is there already.
    """

    def __init__(self, perceiver: Perceiver, *providers: nn.Module) -> None:
        super().__init__()
        self.perceiver = perceiver
        self.providers = nn.ModuleList(providers)
        self.domain = _extended(perceiver.domain, [_attribute(each) for each in providers])
        self._number = {_attribute(each).name: number for number, each in enumerate(providers)}

    def load(self, image: Any) -> Any:
        """As the perceiver does. Raises: InputError."""
        return self.perceiver.load(image)

    def glance(self, images: Sequence[Any]) -> Glance:
        """As the perceiver does. Raises: InputError."""
        return self.perceiver.glance(images)

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] log-probabilities: of the provider whose attribute it is, else of the perceiver."""
        if attribute in self._number:
            return cast(Tensor, self.providers[self._number[attribute]](glance, rows))
        return self.perceiver.look_attribute(glance, attribute, rows)

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """As the perceiver does."""
        return self.perceiver.look_relation(glance, relation, rows)

    def glance_cost(self, images: int) -> int:
        """The perceiver's."""
        return self.perceiver.glance_cost(images)

    def attribute_cost(self, attribute: str) -> int:
        """What a provider says in ``flops``, 0 if it says nothing; the perceiver's of all else."""
        if attribute in self._number:
            return int(getattr(self.providers[self._number[attribute]], "flops", 0))
        return self.perceiver.attribute_cost(attribute)

    def relation_cost(self, relation: str, objects: int) -> int:
        """The perceiver's."""
        return self.perceiver.relation_cost(relation, objects)


def _attribute(provider: nn.Module) -> Attribute:
    found = getattr(provider, "attribute", None)
    if not isinstance(found, Attribute):
        raise DomainError(
            f"{type(provider).__name__} provides nothing: it needs 'attribute', a nmn.vocabulary.Attribute"
        )
    return found


def _extended(domain: Domain, added: Sequence[Attribute]) -> Domain:
    taken = set(domain.words())
    for attribute in added:
        if attribute.name in domain.attribute_ids:
            raise DomainError(f"{domain.name} has an attribute {attribute.name!r} already")
        for word in (*attribute.words, *(each for words in attribute.value_words for each in words)):
            if word in taken:
                raise DomainError(f"{attribute.name}: {word!r} stands for something of {domain.name} already")
            taken.add(word)
    return replace(domain, attributes=(*domain.attributes, *added))
