"""nmn ask takes a program in its text form where a question stands; parsers of installed packages by name."""

from pathlib import Path
from typing import Any

SAMPLE = "demo/samples/CLEVR_val_000002.jpg"


def test_a_program_is_run_as_it_is_and_shown(nmn: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = nmn("ask", SAMPLE, "count(scene())", "--html", page)
    assert (done.code, done.err) == (0, "")
    assert done.out.split()[0] == "3"
    assert "count(scene())" in page.read_text(encoding="utf-8")


def test_a_program_that_is_wrong_is_pointed_at(nmn: Any) -> None:
    nmn("ask", SAMPLE, "count(scen())").refused("there is no operation 'scen'; did you mean 'scene'", lines=3)


def test_a_parser_that_nobody_brings_is_refused(nmn: Any) -> None:
    nmn("parse", "How many cubes are there?", "--parser", "gramar").refused("did you mean 'grammar'")
