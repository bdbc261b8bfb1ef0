"""nmn check: is a program well formed?"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import typer
from rich.table import Table
from rich.text import Text

from nmn.cli.inputs import as_file, program_of
from nmn.cli.options import AsJson, Limit
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError, printable
from nmn.program import Program
from nmn.registry import Registry, default_registry

Importer: TypeAlias = Callable[[], Program]

SHOWN = 10  # refused programs; more would bury the summary


def check(
    program: Annotated[str, typer.Argument(help="A program as text or JSON, or a file that holds one.")],
    format: Annotated[  # noqa: A002 - the option's name
        Literal["nmn", "clevr", "gqa"],
        typer.Option(
            "--format", help="clevr, gqa: the argument is a questions file, and every program in it is checked."
        ),
    ] = "nmn",
    limit: Limit = None,
    domain: Annotated[
        str | None,
        typer.Option("--domain", help="A domain that ships with nmn, or a .toml file; that of the format if none."),
    ] = None,
    json: AsJson = False,
) -> None:
    """Check a program's calls and print the type of each.

    Of a questions file, all programs are checked; if one is refused, the exit code is 1.
    """
    spoken, registry = Domain.load(domain or ("gqa" if format == "gqa" else "clevr")), default_registry()
    if format != "nmn":
        path = as_file(program)
        if path is None:
            raise InputError(f"no questions file {program!r}")
        read = _gqa_programs if format == "gqa" else _clevr_programs
        _check_questions(list(read(path, spoken, limit)), spoken, registry, json)
        return
    from nmn.check import check as check_types

    written = program_of(program, spoken, registry)
    types = check_types(written.program, spoken, registry)
    if json:
        nodes = [
            {"index": index, "call": node.head, "inputs": list(node.inputs), "type": str(types[index])}
            for index, node in enumerate(written.program.nodes)
        ]
        print_json({"program": written.program.text, "type": str(types[-1]), "nodes": nodes})
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("#", "call", "type"):
        table.add_column(name)
    for index, node in enumerate(written.program.nodes):
        arguments = [*(f"#{source}" for source in node.inputs), *(str(constant) for constant in node.constants)]
        table.add_row(str(index), Text(f"{node.head}({', '.join(arguments)})", style="cyan"), Text(str(types[index])))
    out = console()
    out.print(Text(written.program.text, style="cyan"))
    out.print(table)


def _clevr_programs(path: Path, domain: Domain, limit: int | None) -> Iterator[tuple[str, Importer]]:
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program

    def imported(program: Any, where: str) -> Program:
        if program is None:
            raise InputError(f"{where} has no program")
        return import_program(program, domain, where=where)

    for question in read_questions(path)[:limit]:
        yield str(question.question_index), partial(imported, question.program, f"question {question.question_index}")


def _gqa_programs(path: Path, domain: Domain, limit: int | None) -> Iterator[tuple[str, Importer]]:
    from nmn.datasets.gqa import read_questions
    from nmn.parser.gqa import import_program

    def imported(program: Any, where: str) -> Program:
        return import_program(program, domain, where=where).program

    for key, question in islice(read_questions(path).items(), limit):
        yield key, partial(imported, question.program, f"question {key}")


def _check_questions(questions: Sequence[tuple[str, Importer]], domain: Domain, registry: Registry, json: bool) -> None:
    from nmn.check import check as check_types

    operations: Counter[str] = Counter()
    refused: dict[str, str] = {}
    for key, load in questions:
        try:
            program = load()
            check_types(program, domain, registry)
        except InputError as error:
            refused[key] = str(error).split("\n")[0]
        else:
            operations.update(node.operation for node in program.nodes)
    reasons = Counter(_reason(message) for message in refused.values())
    if json:
        counted = {"operations": dict(operations.most_common()), "reasons": dict(reasons.most_common())}
        print_json({"questions": len(questions), "refused": refused, **counted})
    else:
        _print_counts(operations, reasons)
        out = console()
        for message in list(refused.values())[:SHOWN]:
            out.print(Text(printable(message), style="yellow"))
        if len(refused) > SHOWN:
            out.print(f"and {len(refused) - SHOWN:,} more; --json lists them all", style="yellow")
        out.print(f"{len(questions) - len(refused):,} of {len(questions):,} programs are well formed")
    if refused:
        raise typer.Exit(1)


def _reason(message: str) -> str:
    """Why a program was refused, without the place and the words that are its own."""
    return re.split(r": |; | '", re.sub(r"^question [^\s:,]+(, \w+ \d+( \(.*?\))?)?:? ", "", message), maxsplit=1)[0]


def _print_counts(operations: Counter[str], reasons: Counter[str]) -> None:
    for counts, title, number in ((operations, "operation", "calls"), (reasons, "refused because", "programs")):
        if counts:
            table = Table(box=None, pad_edge=False, header_style="dim")
            table.add_column(title, style="cyan")
            table.add_column(number, justify="right")
            for name, times in counts.most_common():
                table.add_row(Text(printable(name)), f"{times:,}")
            console().print(table)
