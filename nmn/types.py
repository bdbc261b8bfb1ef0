"""The types that programs compute with: a name, a tensor layout and a range, in one alias each.

``batch`` are program nodes run together, ``objects`` the (padded) objects of an image, ``concepts`` the one layout of all
attributes' values (:attr:`nmn.domain.Domain.concepts`).
"""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Kind:
    """Marks an alias as a program type; its name is what the checker and the grammar know it by."""

    name: str


ObjectSet = Annotated[Float[Tensor, "batch objects"], Kind("ObjectSet")]
"""Log-odds that each object is a member. Presence is held apart: it enters where a set is consumed."""

Object = Annotated[Float[Tensor, "batch objects"], Kind("Object")]
"""Log-probabilities of which object it is; -inf only for padding."""

Count = Annotated[Float[Tensor, "batch numbers"], Kind("Count")]
"""Probabilities of 0, 1, ... objects."""

Bool = Annotated[Float[Tensor, " batch"], Kind("Bool")]
"""Log-odds of yes."""

Value = Annotated[Float[Tensor, "batch concepts"], Kind("Value")]
"""Probabilities of an attribute's values, in the layout of all attributes; 0 outside the attribute."""

Choice = Annotated[Float[Tensor, "batch options"], Kind("Choice")]
"""Probabilities of the first and the second of two constants that an operation chooses from."""

AttributeName = Annotated[Float[Tensor, "batch attributes"], Kind("AttributeName")]
"""Probabilities of which of the domain's attributes it is; 0 of those that objects are not compared by."""

Concept = Annotated[Int[Tensor, " batch"], Kind("Concept")]
"""Id of an (attribute, value) pair."""

Attribute = Annotated[Int[Tensor, " batch"], Kind("Attribute")]
"""Id of an attribute: what stands in an operation's brackets."""

Relation = Annotated[Int[Tensor, " batch"], Kind("Relation")]
"""Id of a relation."""

Presupposition = Annotated[Float[Tensor, " batch"], Kind("Presupposition")]
"""Log-probability that what an operation takes for granted holds."""
