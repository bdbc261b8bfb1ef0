"""The registry: declarations are read without importing, and equal what Python sees."""

from pathlib import Path

import pytest
import torch
from torch import nn

from nmn.errors import RegistryError
from nmn.registry import class_signature, default_registry, module
from nmn.signature import read_signatures
from nmn.types import ObjectSet

GOLDEN = """\
all_different[attribute](members: ObjectSet) -> Bool
all_same[attribute](members: ObjectSet) -> Bool
and(first: Bool, second: Bool) -> Bool
choose(subject: Object, first: Concept, second: Concept) -> Choice
choose_rel(subject: Object, anchor: Object, first: Relation, second: Relation) -> Choice
common(first: Object, second: Object) -> AttributeName
compare(first: Object, second: Object, concept: Concept) -> Object
count(members: ObjectSet) -> Count
equal[attribute](first: Value[attribute], second: Value[attribute]) -> Bool
equal_integer(first: Count, second: Count) -> Bool
equal_object(first: Object, second: Object) -> Bool
exist(members: ObjectSet) -> Bool
filter(members: ObjectSet, concept: Concept) -> ObjectSet
filter_not(members: ObjectSet, concept: Concept) -> ObjectSet
greater_than(first: Count, second: Count) -> Bool
intersect(first: ObjectSet, second: ObjectSet) -> ObjectSet
less_than(first: Count, second: Count) -> Bool
not(claim: Bool) -> Bool
or(first: Bool, second: Bool) -> Bool
query[attribute](subject: Object) -> Value[attribute]
relate(anchor: Object, relation: Relation) -> ObjectSet
relate_inverse(anchor: Object, relation: Relation) -> ObjectSet
same[attribute](anchor: Object) -> ObjectSet
scene() -> ObjectSet
select(concept: Concept) -> ObjectSet
union(first: ObjectSet, second: ObjectSet) -> ObjectSet
unique(members: ObjectSet) -> Object
verify(subject: Object, concept: Concept) -> Bool
verify_rel(anchor: Object, others: ObjectSet, relation: Relation) -> Bool
verify_rel_inverse(anchor: Object, others: ObjectSet, relation: Relation) -> Bool
"""


def test_the_language_is_these_operations() -> None:
    assert "".join(f"{each}\n" for each in default_registry()) == GOLDEN


@pytest.mark.parametrize("operation", [each.operation for each in default_registry()])
def test_the_syntax_tree_says_what_python_says(operation: str) -> None:
    registry = default_registry()
    assert class_signature(registry.load(operation)) == registry.signature(operation)


def test_an_unknown_operation_names_the_nearest() -> None:
    with pytest.raises(RegistryError, match="did you mean 'filter'"):
        default_registry().signature("filtre")


@module("nothing")
class Nothing(nn.Module):
    """No object at all."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        return torch.full_like(members, -16.0)


def test_a_class_of_ones_own_joins_the_language() -> None:
    registry = default_registry().extended(Nothing)
    assert str(registry.signature("nothing")) == "nothing(members: ObjectSet) -> ObjectSet"
    assert registry.load("nothing") is Nothing
    assert "nothing" not in default_registry()


def test_a_name_can_be_declared_once() -> None:
    with pytest.raises(RegistryError, match="declared twice"):
        default_registry().extended(Nothing, Nothing)


def declare(folder: Path, forward: str) -> Path:
    path = folder / "own.py"
    path.write_text(f"@module('own')\nclass Own:\n    {forward}\n")
    return path


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("pass", "needs a method 'forward'"),
        ("def forward(self, x: ObjectSet): ...", "needs a method 'forward'"),
        ("def forward(self, x: ObjectSett) -> Bool: ...", "did you mean 'ObjectSet'"),
        ("def forward(self, x: ObjectSet) -> Booll: ...", "did you mean 'Bool'"),
        ("def forward(self, x: ObjectSet) -> tuple[Object, Bool]: ...", "Presupposition"),
        ("def forward(self, a: Attribute, b: Attribute) -> Bool: ...", "only one attribute"),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(tmp_path: Path, forward: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message) as caught:
        read_signatures(declare(tmp_path, forward), "own")
    assert "own.py, line 2" in str(caught.value)
