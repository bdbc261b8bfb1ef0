"""`nmn verify`: certificates in files, right and wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from nmn.domain import Domain
from nmn.parser.text import parse_program
from nmn.possible import possible_program
from nmn.possible.building import possible_scene
from nmn.possible.scene import YES_BIT
from nmn.promise import Certificate, certify
from nmn.registry import default_registry


@pytest.fixture
def proof() -> Certificate:
    clevr, registry = Domain.load("clevr"), default_registry()
    program = parse_program("count(filter(scene(), shape=cube))", registry).program
    scene = possible_scene(clevr, [YES_BIT] * 2, {"shape": [{"cube"}, {"sphere", "cylinder"}]}, {})
    prints = {"weights": "0123", "domain": clevr.fingerprint, "calibration": "abcd"}
    found = certify(possible_program(program, clevr, registry), scene, prints)
    assert found is not None
    return found


def test_certificates_are_counted(nmn: Any, proof: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    answer = json.dumps({"answer": "1", "certificate": json.loads(proof.text)})
    file.write_text(f"{proof.text}\n\n{answer}\n")
    done = nmn("verify", file, "--calibration", "abcd")
    assert (done.code, done.out) == (0, "2 of 2 certificates prove what they say\n")
    assert nmn("verify", file, "--json").json() == {"proved": 2, "refused": {}}


def test_each_bad_one_gets_one_line(nmn: Any, proof: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(f"{proof.text}\n{proof.text.replace('cube', 'cone')}\n{proof.text[:99]}\nnonsense\n")
    done = nmn("verify", file)
    lines = done.out.splitlines()
    assert done.code == 1
    assert [line.partition(": ")[0].rpartition(" ")[2] for line in lines[:3]] == ["2", "3", "4"]
    assert lines[3:] == ["1 of 4 certificates prove what they say"]
    refused = nmn("verify", file, "--json").json()
    assert refused["proved"] == 1
    assert set(refused["refused"]) == {"2", "3", "4"}


def test_certificates_of_something_else_are_refused(nmn: Any, proof: Certificate, tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_text(proof.text)
    assert "of other calibration: abcd, not ef" in nmn("verify", file, "--calibration", "ef").out
    assert "of other domain" in nmn("verify", file, "--domain", "gqa").out


def test_files_without_certificates_are_refused(nmn: Any, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("\n")
    nmn("verify", empty).refused("holds no certificate")
    nmn("verify", tmp_path / "none.jsonl").refused("cannot read")
    nmn("verify", tmp_path).refused("cannot read")
