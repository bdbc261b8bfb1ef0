"""The command line as a process of its own: start-up, pipes, Ctrl-C, terminals that show little; and help that is true."""

import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

from nmn.cli import app

RUN = "import sys; sys.argv[0] = 'nmn'; from nmn.cli import main; main()"
TRACED = ("run", "exist(filter(scene(), size=small))", "--scene", "demo/samples/scenes.json", "--index", "0", "--trace")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-c", RUN, *arguments]


def start(
    root: Path, *arguments: str, environment: dict[str, str] | None = None, **rest: Any
) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **rest}
    return subprocess.Popen(command(*arguments), cwd=root, text=True, env=os.environ | (environment or {}), **pipes)


LIGHT = [
    ("--help",),
    ("parse", "How many cubes are left of the red ball?"),
    ("check", "count(filter(scene(), color=red))"),
    ("check", "count(", "--json"),
    ("modules",),
    ("ask", "--help"),
    ("eval", "clevr", "--help"),
]


@pytest.mark.parametrize("arguments", LIGHT, ids=lambda arguments: " ".join(arguments)[:20])
def test_light_commands_start_without_torch(root: Path, arguments: tuple[str, ...]) -> None:
    heavy = "[name for name in ('torch', 'transformers', 'numpy', 'PIL') if name in sys.modules]"
    code = f"import sys; sys.argv[0] = 'nmn'; from nmn.cli import _status; _status(); print({heavy}, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_output_into_a_closed_pipe_ends_quietly(root: Path) -> None:
    """As with `nmn modules --json | head -1`."""
    process = start(root, "modules", "--json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() in (-signal.SIGPIPE, 0)
    process.stderr.close()


def test_a_shell_pipe_into_head_ends_quietly(root: Path) -> None:
    line = " ".join(f"'{part}'" for part in command("modules", "--json")[:-2])
    line = line.replace(f"'{RUN}'", f'"{RUN}"')
    done = subprocess.run(
        ["/bin/sh", "-c", f"{line} modules --json | head -1"], cwd=root, capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


def test_ctrl_c_ends_with_one_line_and_130(root: Path, tmp_path: Path) -> None:
    target = tmp_path / "fifo.txt"
    os.mkfifo(target)  # the command waits in the middle of its work for whoever writes here
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # what a shell starts in the background ignores it
    process = start(root, "ask", "demo/samples/CLEVR_val_000000.jpg", str(target), preexec_fn=heard)
    with target.open("w"):
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)  # s, on a busy machine
    assert (process.returncode, out, err) == (130, "", "nmn: interrupted\n")


def test_a_poor_terminal_shows_a_trace(root: Path) -> None:
    environment = {"COLUMNS": "25", "TERM": "dumb", "PYTHONIOENCODING": "ascii"}
    process = start(root, *TRACED, environment=environment)
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.isascii()
    assert "confidence" in out


def test_a_terminal_without_unicode_shows_questions_and_errors(root: Path) -> None:
    process = start(root, "parse", "Gibt es ein 球?", "--parser", "grammar", environment={"PYTHONIOENCODING": "ascii"})
    out, err = process.communicate()
    assert (process.returncode, out) == (2, "")
    assert "Traceback" not in err
    assert err.isascii()
    done = subprocess.run(command("parse", b"Is there a \xff?"), cwd=root, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def commands() -> list[tuple[str, str]]:
    """(command, its help's end) of every command that has examples."""
    found: list[tuple[str, str]] = []

    def visit(command: Any, path: str) -> None:
        if "Examples:" in (command.epilog or ""):
            found.append((path, command.epilog))
        for name, child in getattr(command, "commands", {}).items():
            visit(child, f"{path} {name}")

    visit(typer.main.get_command(app), "nmn")
    return found


def examples(epilog: str) -> list[str]:
    lines = epilog.partition("Examples:")[2].replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip()]


def test_the_main_commands_have_examples() -> None:
    wanted = {"nmn ask", "nmn parse", "nmn check", "nmn run", "nmn modules", "nmn eval clevr"}
    assert wanted <= {path for path, _ in commands()}


SERVES_TRAINS_OR_NEEDS_FILES = (
    "nmn demo",
    "nmn calibrate ",
    "nmn train ",
    "nmn eval compare",
    "nmn import ",
    "nmn verify",
)


COSTLY = ("nmn bench ", "nmn export ")


@pytest.mark.parametrize(
    ("path", "epilog"),
    [pytest.param(*each, id=each[0], marks=[pytest.mark.slow] * each[0].startswith(COSTLY)) for each in commands()],
)
def test_examples_in_help_run_as_they_stand(
    nmn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path, path: str, epilog: str
) -> None:
    (tmp_path / "demo").symlink_to(root / "demo")
    monkeypatch.chdir(tmp_path)  # where what they write stays
    lines = [line for line in examples(epilog) if line.startswith("nmn ")]
    assert any(line.startswith(f"{path} ") or line == path for line in lines)
    for line in lines:
        words = shlex.split(line)[1:]
        if path.startswith(SERVES_TRAINS_OR_NEEDS_FILES):
            understood(words)
            continue
        done = nmn(*words)
        assert (done.code, done.err) == (0, ""), line
        assert done.out


def understood(words: list[str]) -> None:
    """See that a command and its options exist and take what they are given, without running it."""
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, words)


def test_help_fits_in_eighty_columns(nmn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, epilog in commands():
        monkeypatch.setenv("COLUMNS", "80")
        shown = nmn(*path.split()[1:], "--help").out
        assert all(len(line) <= 80 for line in shown.splitlines())
        for line in epilog.partition("Examples:")[2].splitlines():
            assert re.search(rf"^ *{re.escape(line.strip())} *$", shown, flags=re.MULTILINE), line


def test_an_interrupt_is_one_line_in_process_too(nmn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nmn.images.load_image", interrupted)
    nmn("ask", "demo/samples/CLEVR_val_000000.jpg", "How many cubes are there?").refused("interrupted", code=130)


def test_json_on_a_stream_without_unicode_is_still_json(nmn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from nmn.cli.show import print_json

    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors="backslashreplace")
    monkeypatch.setattr(sys, "stdout", stream)
    print_json({"question": "é 球 \U0001f600 \udcff"})
    stream.flush()
    assert json.loads(stream.buffer.getvalue())["question"] == "é 球 \U0001f600 \udcff"  # type: ignore[attr-defined]
