"""Files in and out: JSON with errors of one line, writing in one step."""

import json
import os
from pathlib import Path
from typing import Any

from nmn.errors import DataError, InputError


def read_json(path: str | Path, error: type[InputError] = DataError) -> Any:
    """The value of a JSON file.

    Raises: ``error``, in one line that names the file, when it is missing, a folder, unreadable, cut short or not JSON.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise error(f"no file {path}") from None
    except IsADirectoryError:
        raise error(f"{path} is a folder; a JSON file is needed") from None
    except UnicodeDecodeError as problem:
        raise error(f"{path} is not JSON: byte {problem.start} is not UTF-8") from None
    except OSError as problem:
        raise error(f"cannot read {path}: {problem.strerror or problem}") from None
    except ValueError as problem:
        raise error(f"cannot read {path}: {problem}") from None
    try:
        return json.loads(text)
    except json.JSONDecodeError as problem:
        raise error(_not_json(path, text, problem)) from None
    except ValueError as problem:
        raise error(f"cannot read {path}: {problem}") from None
    except RecursionError:
        raise error(f"{path} is nested too deeply to be read") from None


def write_json(path: str | Path, value: Any, *, indent: int | None = None) -> None:
    """Write a JSON file in one step: readers see the old file or the new one, never half of it.

    Raises: ValueError on NaN or infinity, which JSON does not have; TypeError on what JSON cannot hold.
    """
    write_bytes(path, _encoded(value, indent))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file in one step: readers see the old file or the new one, never half of it. Raises: OSError."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _encoded(value: Any, indent: int | None) -> bytes:
    try:
        return (json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # half a surrogate pair, which only an escape can hold
        return (json.dumps(value, indent=indent, allow_nan=False) + "\n").encode()


def _not_json(path: Path, text: str, problem: json.JSONDecodeError) -> str:
    if not text.strip():
        return f"{path} is empty; JSON is needed"
    if problem.pos >= len(text.rstrip()) or problem.msg.startswith("Unterminated string"):
        return f"{path} ends in the middle of a value (line {problem.lineno}): it was cut short"
    return f"{path} is not JSON: line {problem.lineno}, column {problem.colno}: {problem.msg}"
