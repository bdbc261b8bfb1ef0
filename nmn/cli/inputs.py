"""Read what commands are given: an argument that is an existing path is a file, anything else is text."""

import json
from pathlib import Path

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, ProgramSyntaxError
from nmn.parser.text import ProgramText, parse_program
from nmn.program import Program
from nmn.registry import Registry
from nmn.scenes import Scene

LONGEST_NAME = 4096  # characters; longer arguments are text, and asking the file system would fail


def as_file(argument: str) -> Path | None:
    """The path of an existing file or folder that an argument names, or None if it is text."""
    if not argument or len(argument) > LONGEST_NAME or "\n" in argument or "\0" in argument:
        return None
    try:
        path = Path(argument)
        return path if path.exists() else None
    except OSError:
        return None


def text_of(argument: str) -> str:
    """The text that an argument is or names. Raises: InputError."""
    path = as_file(argument)
    if path is None:
        return argument
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"cannot read {str(path)!r}: {reason}") from None


def program_of(argument: str, domain: Domain, registry: Registry) -> ProgramText:
    """A checked program from text, JSON, or a file of either. Raises: ProgramError."""
    text = text_of(argument)
    if text.lstrip().startswith("{"):
        try:
            program = Program.from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise ProgramSyntaxError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
        written = parse_program(program.text, registry)
    else:
        written = parse_program(text, registry)
    check(
        written.program, domain, registry, text=written.text, spans=written.spans, constant_spans=written.constant_spans
    )
    return written


def scene_of(path: Path, index: int | None, domain: Domain) -> Scene:
    """One scene of a file, by the file's ``image_index``. Raises: SceneError, InputError."""
    from nmn.datasets.clevr import read_scenes

    scenes = read_scenes(path, domain)
    if index is None:
        if len(scenes) != 1:
            raise InputError(f"{str(path)!r} has {len(scenes)} scenes: choose one with --index")
        return next(iter(scenes.values()))
    if index not in scenes:
        known = sorted(scenes)
        near = min(known, key=lambda each: abs(each - index)) if known else None
        raise InputError(f"{str(path)!r} has no scene with image_index {index}; the nearest is {near}")
    return scenes[index]
