"""The guide to the command line: what it shows is what is printed, and it names every field of every JSON object."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SAMPLE, SCENES = "demo/samples/CLEVR_val_000000.jpg", "demo/samples/scenes.json"
QUESTIONS = "demo/samples/questions.json"


@pytest.fixture(scope="module")
def guide(root: Path) -> str:
    """The guide and that to evaluation, to which it leads."""
    folder = root / "docs" / "guides"
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in ("command-line.md", "evaluation.md"))


CONSOLES = (
    *("README.md", "docs/index.md"),
    *(f"docs/guides/{name}.md" for name in ("command-line", "evaluation", "generation", "gqa")),
)
"""Guides with transcripts, but for docs/guides/your-own.md, which is typed in an environment of its own."""


def test_no_guide_with_a_transcript_is_left_out(root: Path) -> None:
    guides = [path for pattern in ("*.md", "docs/**/*.md") for path in root.glob(pattern)]
    found = {str(each.relative_to(root)) for each in guides if "```console\n$ nmn" in each.read_text(encoding="utf-8")}
    assert found == {*CONSOLES, "docs/guides/your-own.md", "docs/commands.md"}


def shown(guide: str) -> Iterator[tuple[str, str]]:
    """(command, what the guide says it prints)."""
    for block in re.findall(r"```console\n(.*?)```", guide, flags=re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield command, printed


@pytest.mark.parametrize("name", CONSOLES)
def test_what_a_guide_shows_is_printed(nmn: Any, root: Path, name: str, tmp_path: Path) -> None:
    for command, printed in shown((root / name).read_text(encoding="utf-8")):
        written = ("report", "report.json", "answers.txt", "questions.json")
        done = nmn(*[str(tmp_path / word) if word in written else word for word in shlex.split(command)[1:]])
        if "--trace" in command:  # weights and times change its numbers
            assert [line.split("  ")[0] for line in done.out.splitlines()[:1]] == printed.splitlines()[:1]
            assert "facets" in done.out
        elif printed:
            pattern = re.escape(printed.strip()).replace(r"\.\.\.", ".*")
            assert re.fullmatch(pattern, (done.out + done.err).strip()), done.out + done.err


def keys(value: Any) -> set[str]:
    """Names of fields at any depth; not those that are data."""
    if isinstance(value, list):
        return {key for each in value for key in keys(each)}
    if isinstance(value, dict):
        groups = ("by_type", "by_family", "by_length", "failures", "attributes", "relations", "total", "questions")
        data = (*groups, "distribution", "operations", "refused", "value", "plan")
        return set(value) | {key for name, each in value.items() if name not in data for key in keys(each)}
    return set()


def test_every_field_is_explained(nmn: Any, guide: str, write: Callable[[str, Any], Path], tmp_path: Path) -> None:
    report, programs, difference = (tmp_path / name for name in ("report.json", "programs.json", "difference.json"))
    source = ("--questions", QUESTIONS, "--images", "demo/samples", "--scenes", SCENES, "--limit", 8)
    nmn("eval", "clevr", *source, "--causes", "--json", report)
    changed = json.loads(report.read_text())
    changed["answers"][0] |= {"answer": "none", "correct": False}
    nmn("eval", "compare", report, write("changed.json", changed), "--json", difference)
    commands = [
        ("ask", SAMPLE, "What color is the thing?", "--trace", "--json"),
        ("ask", SAMPLE, write("q.txt", "Is there a cube?\nIs there a dog?\n"), "--json"),
        ("parse", "Is there a cube?", "--json"),
        ("parse", QUESTIONS, "--output", programs, "--json", "--limit", 2),
        ("check", "count(scene())", "--json"),
        ("check", QUESTIONS, "--format", "clevr", "--json"),
        ("run", "count(scene())", "--scene", SCENES, "--index", 0, "--json", "--trace"),
        ("modules", "--json"),
    ]
    found = [nmn(*command).json() for command in commands] + [
        json.loads(path.read_text()) for path in (report, difference)
    ]
    named = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`\n]+)`", guide))))
    assert all(found)
    assert keys(found) <= named
