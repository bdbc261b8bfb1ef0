"""Write pages to look inside of answers."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmn.cli.inputs import as_file
from nmn.cli.outputs import check_target
from nmn.errors import InputError
from nmn.files import write_bytes

if TYPE_CHECKING:
    from nmn.engine import Engine
    from nmn.program import Program


def check_page(path: Path, question: str, *, inputs: Iterable[Path] = ()) -> None:
    """See that a page can be written before work starts. Raises: InputError."""
    if as_file(question) is not None:
        raise InputError("--html shows one question: give a question, not a file of them")
    check_target(path, "--html", inputs=inputs)


def write_page(path: Path, engine: "Engine", image: Any, question: "str | Program") -> None:
    """Ask a question and write all that there is to see of it as one HTML file. Raises: InputError."""
    from nmn.inspection import page
    from nmn.inspection.running import inspect

    text = page([inspect(engine, image, question).view], title=question if isinstance(question, str) else question.text)
    try:
        write_bytes(path, text.encode("utf-8", "xmlcharrefreplace"))
    except OSError as error:
        raise InputError(f"--html {str(path)!r} cannot be written: {error.strerror or error}") from None
