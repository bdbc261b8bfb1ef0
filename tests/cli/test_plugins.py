"""Packages that `nmn new` began, once installed: a data set is evaluated, a parser asked, a domain spoken of."""

import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SAMPLE = "demo/samples/CLEVR_val_000002.jpg"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A package of each kind, on the path with what pip writes beside an editable one: its entry points.

    tests/test_transcript.py installs them with pip itself.
    """
    from nmn import cli

    folder = tmp_path_factory.mktemp("plugins")
    with pytest.MonkeyPatch.context() as patch:
        for kind, name in (("dataset", "toys"), ("parser", "keywords"), ("domain", "pantry"), ("parser", "broken")):
            patch.setattr(sys, "argv", ["nmn", "new", kind, name, "--into", str(folder)])
            assert cli._status() == 0
            place = folder / name
            groups = tomllib.loads((place / "pyproject.toml").read_text("utf-8"))["project"]["entry-points"]
            beside = place / f"nmn_{name}-0.1.0.dist-info"
            beside.mkdir()
            (beside / "METADATA").write_text(f"Metadata-Version: 2.1\nName: nmn-{name}\nVersion: 0.1.0\n")
            lines = [f"[{group}]\n{key} = {value}" for group, found in groups.items() for key, value in found.items()]
            (beside / "entry_points.txt").write_text("\n".join(lines) + "\n")
            patch.syspath_prepend(place)
        (folder / "broken" / "nmn_broken" / "broken.py").write_text("import there_is_no_such_package\n")
        yield folder
    for loaded in [each for each in sys.modules if each.startswith(("nmn_toys", "nmn_keywords", "nmn_broken"))]:
        del sys.modules[loaded]


def sources(installed: Path) -> tuple[object, ...]:
    tests = installed / "toys" / "tests"
    return ("--scenes", tests / "scenes.json", "--questions", tests / "questions.json")


def test_a_data_set_is_evaluated(nmn: Any, installed: Path, tmp_path: Path) -> None:
    done = nmn("eval", "data", "toys", *sources(installed), "--json", tmp_path / "report.json")
    assert (done.code, done.err) == (0, "")
    assert "100.00%" in done.out
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["questions"], report["correct"]) == (2, 2)
    assert [each["answer"] for each in report["answers"]] == ["1", "red"]
    assert report["data"]["data_set"] == "toys"


def test_a_limit_is_kept(nmn: Any, installed: Path) -> None:
    assert "1 questions in" in nmn("eval", "data", "toys", *sources(installed), "--limit", 1).out


def test_a_data_set_that_nobody_brings_is_refused(nmn: Any, installed: Path) -> None:
    nmn("eval", "data", "toyz", *sources(installed)).refused("did you mean 'toys'")


def test_its_broken_file_is_refused_in_one_line(nmn: Any, installed: Path, tmp_path: Path) -> None:
    broken = tmp_path / "scenes.json"
    broken.write_text('{"scenes": [{"image": 0}]}')
    nmn("eval", "data", "toys", "--scenes", broken, *sources(installed)[2:]).refused("scenes.json", "objects")
    broken.unlink()
    nmn("eval", "data", "toys", "--scenes", broken, *sources(installed)[2:]).refused("scenes.json")


def test_a_question_on_an_image_without_a_scene_counts_as_wrong(nmn: Any, installed: Path, tmp_path: Path) -> None:
    asked = tmp_path / "questions.json"
    asked.write_text(json.dumps({"questions": [{"image": 7, "text": "How many cubes are there?", "answer": "1"}]}))
    done = nmn("eval", "data", "toys", *sources(installed)[:2], "--questions", asked, "--json", tmp_path / "out.json")
    assert "Traceback" not in done.err
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["questions"], report["correct"], report["failed"]) == (1, 0, 1)


def test_a_parser_is_asked(nmn: Any, installed: Path) -> None:
    answer = nmn("ask", SAMPLE, "count large things", "--parser", "keywords", "--json").json()
    assert answer["program"] == "count(filter(scene(), size=large))"
    assert answer["reading"]["link"] == "keywords"
    assert answer["answer"] == "3"
    assert nmn("parse", "any red cube", "--parser", "keywords").out.startswith("exist(filter(scene()")


def test_what_a_parser_does_not_know_is_pointed_at(nmn: Any, installed: Path) -> None:
    nmn("ask", SAMPLE, "count cubez", "--parser", "keywords").refused("'cubes'", lines=3)


def test_a_parser_that_cannot_be_imported_is_refused(nmn: Any, installed: Path) -> None:
    nmn("parse", "any red cube", "--parser", "broken").refused("'broken' of nmn.parsers cannot be loaded", "no_such")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Broken = 3", "is int 3, not a class or a function"),
        ("class Broken:\n    pass", "cannot be called with Domain: too many positional arguments"),
        ("class Broken:\n    def __init__(self, domain): pass", "lacks name and parse"),
    ],
)
def test_what_is_no_parser_is_refused(
    nmn: Any, installed: Path, source: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("nmn_broken.broken")
    exec(source, module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    nmn("parse", "any red cube", "--parser", "broken").refused("plug-in 'broken' of nmn.parsers", message)


def test_a_domain_is_spoken_of(nmn: Any, installed: Path) -> None:
    done = nmn("parse", "How many dirty cups are there?", "--domain", "pantry")
    assert done.out.strip() == "count(filter(scene(), state=dirty, kind=cup))"
    nmn("parse", "How many cups are there?", "--domain", "pantri").refused("did you mean 'pantry'")
