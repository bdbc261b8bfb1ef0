"""Write files for people; refuse at once what cannot be written, not after the work is done."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nmn.errors import InputError
from nmn.files import write_bytes, write_json


def check_target(path: Path, option: str, *, inputs: Iterable[Path | None] = ()) -> None:
    """See that a file can be written before long work starts.

    Args:
        path: The file to write.
        option: The option that names it, for the message.
        inputs: Files that are read, which it must not replace.

    Raises: InputError.
    """
    folder = path.parent
    if path.is_dir():
        raise InputError(f"{option} {str(path)!r} is a folder: name a file in it")
    if not folder.is_dir():
        raise InputError(f"{option} {str(path)!r} cannot be written: there is no folder {str(folder)!r}")
    if path.exists() and not path.is_file():
        raise InputError(f"{option} {str(path)!r} is a device or a pipe: name a plain file")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise InputError(f"{option} {str(path)!r} cannot be written: no permission")
    for read in inputs:
        if read is not None and path.exists() and read.exists() and path.samefile(read):
            raise InputError(f"{option} {str(path)!r} is the file that is read: name another")


def check_folder(path: Path, option: str) -> None:
    """See that a folder can be written into before long work starts; it is made if its parent is there.

    Raises: InputError.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"{option} {str(path)!r} is a file: name a folder")
    if not path.exists() and not path.parent.is_dir():
        raise InputError(f"{option} {str(path)!r} cannot be made: there is no folder {str(path.parent)!r}")
    try:
        path.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"{option} {str(path)!r} cannot be made: {error.strerror or error}") from None
    if not os.access(path, os.W_OK):
        raise InputError(f"{option} {str(path)!r} cannot be written: no permission")


def write_text(path: Path, option: str, text: str) -> None:
    """Write a text file. Raises: InputError when that fails after all, as on a full disk."""
    try:
        write_bytes(path, text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise InputError(f"{option} {str(path)!r} cannot be written: {error.strerror or error}") from None


def write_target(path: Path, option: str, value: Any) -> None:
    """Write a JSON file. Raises: InputError when that fails after all, as on a full disk or of an input's own NaN."""
    try:
        write_json(path, value)
    except OSError as error:
        raise InputError(f"{option} {str(path)!r} cannot be written: {error.strerror or error}") from None
    except ValueError as error:
        raise InputError(f"{option} {str(path)!r} cannot be written: {error}") from None
