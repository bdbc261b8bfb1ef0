"""nmn new: a small package of one's own that passes its tests at once."""

import keyword
import re
import shlex
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from nmn.cli.options import examples
from nmn.errors import InputError

TEMPLATE = ".template"
LONGEST_NAME = 40  # characters

app = typer.Typer(
    help="Start a package of your own: a module, a domain, a data set or a parser.",
    epilog="What is written works as it is: run its tests, install it, and nmn knows it by its name. No file of nmn is "
    "edited.\n\n"
    + examples(
        "nmn new module darker",
        "cd darker",
        "pytest                        # the laws of modules, and an example",
        "pip install --editable .      # now nmn modules lists it",
    ),
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Lower-case letters, digits and '_': the word that nmn will know it by.")]
Into = Annotated[Path, typer.Option("--into", help="Folder to make the package's folder in.")]


@app.callback()
def new() -> None:
    """Start a package of your own: a module, a domain, a data set or a parser."""


@app.command("module", epilog=examples("nmn new module darker"))
def module(name: Name, into: Into = Path()) -> None:
    """A new operation of the language: one class with forward, an exact rule and a cost, held to the laws of modules.

    What it reads and gives is declared by the annotations of forward. Programs call it by NAME.
    """
    from nmn.registry import default_registry

    if name in default_registry():
        taken = default_registry().signature(name)
        raise InputError(f"there is an operation {name!r} already, in {taken.module}: choose another name")
    _write("module", name, into)


@app.command("domain", epilog=examples("nmn new domain kitchen"))
def domain(name: Name, into: Into = Path()) -> None:
    """New things to talk about: one file of attributes, values, relations and the words for them.

    Questions about them can then be asked in English, of described scenes at once and of images once perception is trained.
    """
    from nmn.domain import shipped_domains

    if name in shipped_domains():
        raise InputError(f"there is a domain {name!r} already: choose another name")
    _write("domain", name, into)


@app.command("dataset", epilog=examples("nmn new dataset toys"))
def dataset(name: Name, into: Into = Path()) -> None:
    """A reader of a data set's own files: scenes and questions, held to the laws of data sets, with a small sample."""
    _write("dataset", name, into)


@app.command("parser", epilog=examples("nmn new parser keywords"))
def parser(name: Name, into: Into = Path()) -> None:
    """Something that reads questions and gives programs, held to the laws of parsers."""
    _write("parser", name, into)


def _write(kind: str, name: str, into: Path) -> None:
    """Fill the templates of a kind. Raises: InputError when the name or the place will not do."""
    _check_name(name)
    target = into / name
    if not into.is_dir():
        raise InputError(f"--into {str(into)!r} is no folder")
    if target.exists():
        raise InputError(f"{str(target)!r} is there already; name another, or another folder with --into")
    words = {"name": name, "class_name": "".join(part.capitalize() for part in name.split("_"))}
    written = []
    try:
        for place, text in _templates(resources.files("nmn.cli") / "templates" / kind, Path()):
            path = target / Path(*(_place(part, name) for part in place.parts))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(words), encoding="utf-8")
            written.append(path.relative_to(target).as_posix())
    except OSError as error:
        raise InputError(f"{str(target)!r} cannot be written: {error.strerror or error}") from None
    typer.echo(f"wrote {target}: {', '.join(sorted(written))}")
    typer.echo(f"next: cd {shlex.quote(str(target))}, python -m pytest, pip install --editable . (README.md has more)")


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or keyword.iskeyword(name) or len(name) > LONGEST_NAME:
        close = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_0123456789")
        fits = close != name and bool(close) and not keyword.iskeyword(close) and len(close) <= LONGEST_NAME
        hint = f"; did you mean {close!r}?" if fits else ""
        raise InputError(
            f"{name!r} is no name for a package: lower-case letters, digits and '_', a letter first, no word of "
            f"Python's, at most {LONGEST_NAME} characters{hint}"
        )


def _templates(folder: Traversable, place: Path) -> list[tuple[Path, str]]:
    """Every template below a folder, with its place."""
    found: list[tuple[Path, str]] = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            found += _templates(entry, place / entry.name)
        elif entry.name.endswith(TEMPLATE):
            found.append((place / entry.name.removesuffix(TEMPLATE), entry.read_text(encoding="utf-8")))
    return found


def _place(part: str, name: str) -> str:
    return f"nmn_{name}" if part == "package" else part.replace("NAME", name)
