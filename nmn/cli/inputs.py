"""Read what commands are given: an argument that is an existing path is a file, anything else is text."""

import json
import re
from pathlib import Path
from typing import Any

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, ProgramSyntaxError
from nmn.parser.text import ProgramText, parse_program
from nmn.program import Program
from nmn.registry import Registry
from nmn.scenes import Scene

LONGEST_NAME = 4096  # characters; longer arguments are text, and asking the file system would fail
FILE_NAME = re.compile(r"\S+\.(json|txt|nmn|toml|jpe?g|png)", re.IGNORECASE)
"""What is meant as the name of a file, whether or not there is one."""

PROGRAM_START = re.compile(r"\s*(let\s+\w+\s*=|\w+(\[[^\]]*\])?\()")
"""How a program begins in its text form, and no question does."""


def as_file(argument: str) -> Path | None:
    """The path of an existing file that an argument names, or None if it is text.

    Raises: InputError when it names a folder, or is a file's name and there is no such file.
    """
    if not argument or len(argument) > LONGEST_NAME or "\n" in argument or "\0" in argument:
        return None
    path = Path(argument)
    try:
        there, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):
        return None
    if folder:
        raise InputError(f"{argument!r} is a folder: give a file in it, or text")
    if not there and FILE_NAME.fullmatch(argument):
        raise InputError(f"no file {argument!r}")
    return path if there else None


def text_of(argument: str) -> str:
    """The text that an argument is or names. Raises: InputError."""
    path = as_file(argument)
    if path is None:
        return argument
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"cannot read {str(path)!r}: {reason}") from None


def program_of(argument: str, domain: Domain, registry: Registry) -> ProgramText:
    """A checked program from text, JSON, or a file of either. Raises: ProgramError."""
    text = text_of(argument)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        text = _from_json(_loaded(text), domain).text
    written = parse_program(text, registry)
    check(
        written.program, domain, registry, text=written.text, spans=written.spans, constant_spans=written.constant_spans
    )
    return written


def question_or_program(text: str, domain: Domain) -> str | Program:
    """A program where a question is written in the text form of programs, else the question. Raises: ProgramError."""
    if PROGRAM_START.match(text) is None:
        return text
    from nmn.registry import default_registry

    return program_of(text, domain, default_registry()).program


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ProgramSyntaxError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except (ValueError, RecursionError):
        raise ProgramSyntaxError("JSON that is nested too deeply or holds too long a number to be read") from None


def _from_json(record: Any, domain: Domain) -> Program:
    if isinstance(record, list):
        if not all(isinstance(call, dict) for call in record):
            raise ProgramSyntaxError(
                "a program as a JSON list is one of CLEVR's or GQA's: every entry must be an object"
            )
        if any("operation" in call for call in record):
            from nmn.parser import gqa

            return gqa.import_program(record, domain, where="the program").program
        from nmn.parser.clevr import import_program

        return import_program(record, domain, where="the program")
    if "questions" in record and "nodes" not in record:
        raise InputError("a questions file, not a program; nmn check --format clevr checks all programs of one")
    return Program.from_json(record)


def scene_of(path: Path, index: int | None, domain: Domain) -> Scene:
    """One scene of a file, by the file's ``image_index``. Raises: SceneError, InputError."""
    from nmn.datasets.clevr import read_scenes

    scenes = read_scenes(path, domain)
    if not scenes:
        raise InputError(f"{str(path)!r} has no scenes")
    if index is None:
        if len(scenes) != 1:
            raise InputError(f"{str(path)!r} has {len(scenes)} scenes: choose one with --index")
        return next(iter(scenes.values()))
    if index not in scenes:
        near = min(scenes, key=lambda each: (abs(each - index), each))
        raise InputError(f"{str(path)!r} has no scene with image_index {index}; the nearest is {near}")
    return scenes[index]
