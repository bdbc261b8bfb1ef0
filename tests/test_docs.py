"""The guides: their links lead somewhere, and the commands in them exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "demo/**/*.md", "modules/**/*.md", "parser/**/*.md", "nmn/**/*.md")
    for path in ROOT.glob(pattern)
)

each_guide = pytest.mark.parametrize("guide", GUIDES, ids=[str(path.relative_to(ROOT)) for path in GUIDES])


def prose(guide: Path) -> str:
    return re.sub(r"```.*?```", "", guide.read_text(encoding="utf-8"), flags=re.DOTALL)


def commands(guide: Path) -> list[str]:
    """Lines of code blocks and inline code."""
    text = guide.read_text(encoding="utf-8")
    blocks = [line for block in re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL) for line in block.splitlines()]
    return [line.strip().removeprefix("$ ") for line in [*blocks, *re.findall(r"`([^`\n]+)`", prose(guide))]]


def anchors(guide: Path) -> set[str]:
    """Anchors of a guide's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(guide), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_guide
def test_links_lead_to_files_and_headings(guide: Path) -> None:
    broken: list[str] = []
    text = re.sub(r"`[^`\n]+`", "", prose(guide))  # in code, brackets and parentheses are a program's
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link or link.startswith("mailto:"):
            continue
        name, _, anchor = link.partition("#")
        target = (guide.parent / name) if name else guide
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken


@each_guide
def test_make_targets_in_guides_exist(guide: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = {match[1] for line in commands(guide) if (match := re.match(r"make ([a-z][\w-]*)", line))}
    assert named <= targets


@each_guide
def test_python_commands_in_guides_have_a_safe_path(guide: Path) -> None:
    """Without it, ./datasets hides Hugging Face's package when they are run in the repository's root."""
    risky = [
        line
        for line in commands(guide)
        if re.match(r"(?:\w+=\S* )*(?:python3? -[mc]|torchrun|accelerate launch)\b", line)
    ]
    assert not [line for line in risky if "PYTHONSAFEPATH=1" not in line]


def test_every_make_target_is_explained_by_make_help() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.findall(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)[0].split()
    assert not [target for target in phony if target != "help" and f"make {target}" not in text]


def commands_page() -> str:
    return (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


@each_guide
def test_nmn_commands_in_guides_exist(guide: Path) -> None:
    known = set(re.findall(r"^#+ `nmn ([a-z]+)", commands_page(), flags=re.MULTILINE))
    named = {match[1] for line in commands(guide) if (match := re.match(r"nmn ([a-z]+)", line))}
    assert named <= known


@each_guide
def test_samples_named_in_guides_exist(guide: Path) -> None:
    named = set(re.findall(r"demo/samples/[\w./-]+\w", guide.read_text(encoding="utf-8")))
    assert not [name for name in named if not (ROOT / name).exists()]


def test_the_page_of_commands_says_what_help_says() -> None:
    command = [sys.executable, "-P", "-m", "typer", "nmn.cli", "utils", "docs", "--name", "nmn"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert commands_page().strip() == done.stdout.strip(), "docs/commands.md is not current: run `make docs`"


def test_no_name_of_an_extra_is_lost_in_help() -> None:
    """Square brackets are markup where help is drawn, and must be escaped."""
    assert re.findall(r"nmn-engine(?!\[)", commands_page()) == []
