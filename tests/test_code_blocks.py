"""The blocks of code in the guides: Python runs, and everything else is what it says it is.

What a ``console`` block shows is typed again by tests/cli/test_guide.py and tests/test_transcript.py. A ``sh`` block trains,
serves, or needs data and packages that are not here: its commands are read, not run.
"""

import ast
import json
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = {"docs/commands.md"}  # by typer; its usage lines are no transcripts
TYPED_ELSEWHERE = {"docs/guides/your-own.md"}  # tests/test_transcript.py, in an environment of its own
GUIDES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "demo/**/*.md", "nmn/**/*.md", "nmn/cli/templates/**/*.md.template")
    for path in ROOT.glob(pattern)
    if str(path.relative_to(ROOT)) not in WRITTEN
)
NEEDS_WEIGHTS = {
    "docs/dynamic.md"
}  # of a kind that does not ship: its Python is compiled, and what it imports is there
TRAINS = {"docs/guides/training.md"}  # guides whose Python takes more than a moment


@dataclass(frozen=True)
class Block:
    """A fenced block of a guide."""

    guide: str
    line: int
    kind: str
    text: str


def blocks(*kinds: str) -> Iterator[Block]:
    for path in GUIDES:
        text = path.read_text(encoding="utf-8")
        for found in re.finditer(r"^( *)```([^\n]*)\n(.*?)^\1```$", text, flags=re.DOTALL | re.MULTILINE):
            kind = found[2].strip()
            if not kinds or kind in kinds:
                yield Block(str(path.relative_to(ROOT)), text[: found.start()].count("\n") + 1, kind, found[3])


def test_every_block_says_what_it_is() -> None:
    known = {"python", "console", "sh", "toml", "json", "text"}
    assert not [f"{each.guide}:{each.line} [{each.kind}]" for each in blocks() if each.kind not in known]


def test_every_block_is_fenced() -> None:
    """An indented block would be read by nobody."""
    lines = {str(path.relative_to(ROOT)): path.read_text("utf-8").splitlines() for path in GUIDES}
    assert not [
        (guide, each) for guide, every in lines.items() for each in every if re.match(r" {4}(nmn|pip|make) ", each)
    ]


def test_the_first_module_has_ten_lines() -> None:
    first = next(each for each in blocks("python") if each.guide == "docs/guides/modules.md")
    assert len([line for line in first.text.splitlines() if line.strip()]) == 10


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own in which the samples lie where guides say."""
    (tmp_path / "demo").symlink_to(ROOT / "demo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


PYTHON = sorted({each.guide for each in blocks("python")} - TYPED_ELSEWHERE - NEEDS_WEIGHTS)


@pytest.mark.parametrize(
    "guide", [pytest.param(each, marks=[pytest.mark.slow] if each in TRAINS else []) for each in PYTHON]
)
def test_python_runs_from_the_first_block_of_a_guide_to_its_last(
    guide: str, samples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a ``print`` shows stands in the comment behind it; ``...`` for what may differ."""
    written = ModuleType("written_in_a_guide")
    monkeypatch.setitem(sys.modules, written.__name__, written)
    for block in [each for each in blocks("python") if each.guide == guide]:
        shown = StringIO()
        with redirect_stdout(shown):
            exec(compile("\n" * block.line + block.text, guide, "exec"), written.__dict__)
        printed = shown.getvalue().splitlines()
        for said in re.findall(r"^print\(.*?\)  # (.+)$", block.text, flags=re.MULTILINE):
            pattern = re.escape(said).replace(r"\.\.\.", ".*")
            assert any(re.fullmatch(pattern, line) for line in printed), f"{guide}: not {said!r} but {printed}"


@pytest.mark.parametrize("guide", sorted(NEEDS_WEIGHTS))
def test_python_that_needs_other_weights_compiles_and_its_imports_exist(guide: str) -> None:
    for block in [each for each in blocks("python") if each.guide == guide]:
        imports = [each for each in ast.parse(block.text).body if isinstance(each, ast.Import | ast.ImportFrom)]
        compile(block.text, guide, "exec")
        exec(compile(ast.Module(list(imports), []), guide, "exec"), {})


@pytest.mark.parametrize("block", list(blocks("toml")), ids=lambda each: f"{each.guide}:{each.line}")
def test_toml_is_toml_and_a_domain_is_one(block: Block, tmp_path: Path) -> None:
    from nmn.domain import Domain

    if "nouns" in tomllib.loads(block.text) and "name" in tomllib.loads(block.text):
        path = tmp_path / "domain.toml"
        path.write_text(block.text, encoding="utf-8")
        Domain.load(path)


@pytest.mark.parametrize("block", list(blocks("json")), ids=lambda each: f"{each.guide}:{each.line}")
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


def commands() -> list[Any]:
    """Every command of a block, each on one line."""
    found = []
    for block in blocks("sh", "console"):
        for line in block.text.replace("\\\n", " ").splitlines():
            command = line.removeprefix("$ ") if block.kind == "console" else line
            if command.strip() and (block.kind == "sh" or line.startswith("$ ")):
                found.append(pytest.param(command, id=f"{block.guide}:{block.line} {command[:40]}"))
    return found


OTHERS = ("make ", "pip ", "pytest", "cd ", "sed ", "grep ", "cat ", "export ", "PYTHONSAFEPATH=1 ", "python ", "EOF")


@pytest.mark.parametrize("command", commands())
def test_every_option_of_a_command_exists(command: str) -> None:
    words = shlex.split(command, comments=True)
    if words[:1] != ["nmn"]:
        assert command.startswith(OTHERS), "a command that no test reads"
        scripts = [word for word in words if re.match(r"(benchmarks|docs|nmn|parser)/.*\.py$", word)]
        assert all((ROOT / script).is_file() for script in scripts)
        return
    current: Any = typer.main.get_command(_app())
    rest = words[1:]
    while rest and hasattr(current, "commands") and rest[0] in current.commands:
        current, rest = current.commands[rest[0]], rest[1:]
    assert not hasattr(current, "commands"), f"no command {rest[:1]}"
    known = {option for parameter in current.params for option in (*parameter.opts, *parameter.secondary_opts)}
    given = [word.partition("=")[0] for word in rest if re.fullmatch(r"--?[a-z][\w-]*(=.*)?", word)]
    assert set(given) <= known
    wanted = {parameter.opts[0] for parameter in current.params if parameter.required and parameter.opts[0][:1] == "-"}
    assert wanted <= set(given)


def _app() -> Any:
    from nmn.cli import app

    return app
