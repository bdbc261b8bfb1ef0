"""Domains: what CLEVR's file says, and what a wrong file is told."""

from pathlib import Path

import pytest

from nmn.domain import Domain
from nmn.errors import DomainError

TOY = """
name = "toy"
version = 1
nouns = ["thing"]
[attributes.hue]
words = ["hue"]
[attributes.hue.values]
warm = ["warm"]
cold = ["cold", "cool"]
[relations.on]
words = ["on"]
inverse = "under"
[relations.under]
words = ["under"]
inverse = "on"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "toy.toml"
    path.write_text(text)
    return path


def test_clevr_agrees_with_the_metadata_of_its_generator(shared_data: Path) -> None:
    import json

    types = json.loads((shared_data / "clevr_templates" / "metadata.json").read_text())["types"]
    domain = Domain.load("clevr")
    for attribute in domain.attributes:
        assert set(attribute.values) == set(types[attribute.name.capitalize()])
    assert {relation.name for relation in domain.relations} == set(types["Relation"])


def test_clevr_knows_every_synonym_of_its_generator(shared_data: Path) -> None:
    import json

    domain = Domain.load("clevr")
    known = set(domain.words())
    for words in json.loads((shared_data / "clevr_templates" / "synonyms.json").read_text()).values():
        assert set(words) <= known | {"above", "below"}


def test_every_concept_has_one_place_in_the_layout() -> None:
    domain = Domain.load("clevr")
    for index, (attribute, value) in enumerate(domain.concepts):
        assert domain.concept_id(attribute, value) == index
        first, end = domain.span(attribute)
        assert first <= index < end


def test_the_fingerprint_follows_names_and_order_but_not_words(tmp_path: Path) -> None:
    base = Domain.load(write(tmp_path, TOY)).fingerprint
    other = tmp_path / "words.toml"
    other.write_text(TOY.replace('["cold", "cool"]', '["cold", "chilly"]'))
    assert Domain.load(other).fingerprint == base
    swapped = tmp_path / "order.toml"
    swapped.write_text(TOY.replace('warm = ["warm"]\ncold', 'cold = ["warm"]\nwarm'))
    assert Domain.load(swapped).fingerprint != base


def test_unknown_words_name_the_nearest(tmp_path: Path) -> None:
    domain = Domain.load(write(tmp_path, TOY))
    with pytest.raises(DomainError, match="did you mean 'hue'"):
        domain.attribute("hues")
    with pytest.raises(DomainError, match="did you mean 'under'"):
        domain.relation("undr")
    with pytest.raises(DomainError, match="did you mean 'warm'"):
        domain.concept_id("hue", "warmm")
    with pytest.raises(DomainError, match="did you mean 'clevr'"):
        Domain.load("clever")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("version = 1", "version = 'one'"), "whole number"),
        (("version = 1", "versoin = 1"), "did you mean 'version'"),
        (('nouns = ["thing"]', "nouns = []"), "at least one word"),
        (('nouns = ["thing"]', 'nouns = ["Thing"]'), "lower-case"),
        (('["cold", "cool"]', '["warm"]'), "stands for two things"),
        (('inverse = "under"', 'inverse = "undr"'), "did you mean 'under'"),
        (('inverse = "under"', 'inverse = "on"'), "as its inverse"),
        (('words = ["on"]', 'words = ["on"]\naxis = 0'), "go together"),
        (('words = ["on"]', 'words = ["on"]\naxis = 2\nsign = 1'), "0 or 1"),
        (('words = ["hue"]', 'words = ["hue"]\nvalues_are = "verbs"'), "'adjectives' or 'nouns'"),
        (('words = ["hue"]', 'words = ["hue"]\nexclusive = 1'), "true or false"),
        (("[attributes.hue]", "[attributes.Hue]"), "lower-case word"),
        (('nouns = ["thing"]', 'nouns = ["thing"]\nambiguous = ["warm"]'), "does not stand for several"),
        (('words = ["on"]', 'words = ["on"]\nanswer = "On"'), "answer: must be lower-case"),
        (('words = ["hue"]', 'words = ["hue"]\nsynonyms = { warm = ["hot"] }'), "go with a list"),
        (('words = ["hue"]', 'words = ["hue"]\nhypernyms = { warm = ["colt"] }'), "'colt' is none of the values"),
        (('words = ["hue"]', 'words = ["hue"]\nhypernyms = { warm = ["cold"], cold = ["warm"] }'), "a kind of itself"),
        (('words = ["hue"]', 'words = ["hue"]\nhypernyms = { warm = ["warm"] }'), "a kind of itself"),
        (('words = ["hue"]', 'words = ["hue"]\nhypernyms = { warm = [] }'), "at least one word"),
        (('name = "toy"', "name = toy"), "is not TOML"),
    ],
)
def test_a_wrong_file_is_told_where_and_what(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = TOY.replace(*change)
    if change[0] == "[attributes.hue]":
        text = text.replace("[attributes.hue.values]", "[attributes.Hue.values]")
    with pytest.raises(DomainError, match=message) as caught:
        Domain.load(write(tmp_path, text))
    assert "toy.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_one_line() -> None:
    with pytest.raises(DomainError, match="cannot read"):
        Domain.load("nowhere.toml")


KINDS = """
name = "kinds"
version = 1
nouns = ["thing"]
ambiguous = ["orange"]
[attributes.name]
words = ["kind"]
values = ["animal", "dog", "polar bear", "poodle", "orange"]
synonyms = { "polar bear" = ["ice bear"] }
hypernyms = { animal = ["dog", "polar bear"], dog = ["poodle"] }
[attributes."main color"]
words = ["color"]
exclusive = false
values = ["orange"]
[relations."to the left of"]
words = ["to the left of"]
answer = "left"
"""


def test_kinds_of_kinds_lists_and_names_of_several_words(tmp_path: Path) -> None:
    domain = Domain.load(write(tmp_path, KINDS))
    name = domain.attribute("name")
    assert name.included == {"animal": ("animal", "dog", "polar bear", "poodle"), "dog": ("dog", "poodle")}
    assert domain.included == {0: (0, 1, 2, 3), 1: (1, 3)}
    assert name.value_words[2] == ("polar bear", "ice bear")
    assert not domain.attribute("main color").exclusive
    assert domain.relation("to the left of").answer == "left"
    assert Domain.load("clevr").included == {}


def test_the_fingerprint_follows_what_is_a_kind_of_what(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text(KINDS.replace('dog = ["poodle"]', 'dog = ["orange"]'))
    assert Domain.load(other).fingerprint != Domain.load(write(tmp_path, KINDS)).fingerprint


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('ambiguous = ["orange"]', ""), "'orange' stands for two things"),
        (('"poodle", "orange"]', '"poodle", "orange", "dog"]'), "'dog' stands there twice"),
        (('"polar bear" = ["ice bear"]', '"poler bear" = ["ice bear"]'), "did you mean 'polar bear'"),
        (('values = ["orange"]', "values = []"), "at least one value"),
        (("[relations", '[comparatives]\nredder = ["main colour", "red"]\n[relations'), "did you mean 'main color'"),
        (("[relations", '[comparatives]\nredder = ["main color", "red"]\n[relations'), "'red' is no value"),
        (('values = ["orange"]', "values = [1]"), "lower-case words"),
    ],
)
def test_a_wrong_list_of_values_is_told_what(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(DomainError, match=message):
        Domain.load(write(tmp_path, KINDS.replace(*change)))
