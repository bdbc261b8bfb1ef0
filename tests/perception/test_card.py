"""Model cards: what is told of weights, with figures from reports."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.perception.test_focus import staged

from nmn.errors import DataError, InputError, WeightsError
from nmn.perception.card import Card, Figure, figures_of, told, write_card

ANSWERS = {
    "accuracy": 0.9975,
    "interval": [0.9925, 1.0],
    "by_type": {"count": {"accuracy": 0.99, "interval": None}, "exist": {"accuracy": None}},
}
SIGHT = {
    "images": 4,
    "exact": 3,
    "objects": 20,
    "found": 19,
    "spurious": 1,
    "error": 0.1,
    "wrong_images": ["a.png"],
    "pairs": 10,
    "pairs_right": 10,
    "attributes": ["shape"],
    "right": [18],
}


def report(folder: Path, record: object) -> str:
    file = folder / "report.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    return f"images kept out={file}"


def test_a_card_says_what_was_told_and_keeps_it(tiny: SimpleNamespace, tmp_path: Path) -> None:
    weights, out = tmp_path / "weights", tmp_path / "README.md"
    staged(tiny).save_pretrained(weights)
    write_card(weights, out, told("Cards", "MIT", ["five photos"], ["never outside"], [report(tmp_path, SIGHT)]))
    text = out.read_text(encoding="utf-8")
    assert text.startswith("---\nlicense: mit\n")
    assert "# Cards" in text
    assert "* five photos" in text
    assert "| images kept out | exact scenes | 75.00 % (3 of 4) |" in text
    assert "presence" in text
    write_card(weights, out, {})
    assert out.read_text(encoding="utf-8") == text


def test_figures_of_answers_have_their_intervals(tmp_path: Path) -> None:
    assert figures_of(report(tmp_path, ANSWERS)) == [
        Figure("images kept out", "questions answered right", "99.75 % (99.25 to 100.00)"),
        Figure("images kept out", "of type count", "99.00 %"),
    ]


def test_figures_of_sight_are_shares(tmp_path: Path) -> None:
    found = {figure.what: figure.value for figure in figures_of(report(tmp_path, SIGHT))}
    assert found["objects found"] == "95.00 % (19 of 20)"
    assert found["shape"] == "94.74 % (18 of 19)"


@pytest.mark.parametrize("text", ["report.json", "=report.json", "what="])
def test_a_report_needs_a_name(text: str) -> None:
    with pytest.raises(InputError, match="must be what=FILE"):
        figures_of(text)


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="neither a report"):
        figures_of(report(tmp_path, {"a": 1}))


def test_a_card_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no perception weights"):
        write_card(tmp_path, tmp_path / "card.md", {})


def test_a_broken_card_is_refused(tmp_path: Path) -> None:
    for record in ({"name": "a"}, {"name": "a", "licence": "b", "figures": [{"on": 1}]}, []):
        with pytest.raises(DataError, match="is not a card"):
            Card.from_record(record, tmp_path / "card.json")  # type: ignore[arg-type]
