"""nmn check: is a program well formed?"""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from nmn.cli.inputs import as_file, program_of
from nmn.cli.options import AsJson, DomainName, Limit
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError, printable
from nmn.registry import Registry, default_registry

SHOWN = 10  # refused programs; more would bury the summary


def check(
    program: Annotated[str, typer.Argument(help="A program as text or JSON, or a file that holds one.")],
    format: Annotated[  # noqa: A002 - the option's name
        Literal["nmn", "clevr"],
        typer.Option("--format", help="clevr: the argument is a questions file, and every program in it is checked."),
    ] = "nmn",
    limit: Limit = None,
    domain: DomainName = "clevr",
    json: AsJson = False,
) -> None:
    """Check a program's calls and print the type of each.

    Of a questions file, all programs are checked; if one is refused, the exit code is 1.
    """
    spoken, registry = Domain.load(domain), default_registry()
    if format == "clevr":
        path = as_file(program)
        if path is None:
            raise InputError(f"no questions file {program!r}")
        _check_questions(path, spoken, registry, limit, json)
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


def _check_questions(path: Path, domain: Domain, registry: Registry, limit: int | None, json: bool) -> None:
    from nmn.check import check as check_types
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program

    operations: Counter[str] = Counter()
    refused: dict[int, str] = {}
    questions = read_questions(path)[:limit]
    for question in questions:
        try:
            if question.program is None:
                raise InputError(f"question {question.question_index} has no program")
            imported = import_program(question.program, domain, where=f"question {question.question_index}")
            check_types(imported, domain, registry)
        except InputError as error:
            refused[question.question_index] = str(error).split("\n")[0]
        else:
            operations.update(node.operation for node in imported.nodes)
    if json:
        print_json({"questions": len(questions), "refused": refused, "operations": dict(operations.most_common())})
    else:
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("operation", style="cyan")
        table.add_column("calls", justify="right")
        for operation, calls in operations.most_common():
            table.add_row(operation, f"{calls:,}")
        out = console()
        out.print(table)
        for message in list(refused.values())[:SHOWN]:
            out.print(Text(printable(message), style="yellow"))
        if len(refused) > SHOWN:
            out.print(f"and {len(refused) - SHOWN:,} more; --json lists them all", style="yellow")
        out.print(f"{len(questions) - len(refused):,} of {len(questions):,} programs are well formed")
    if refused:
        raise typer.Exit(1)
