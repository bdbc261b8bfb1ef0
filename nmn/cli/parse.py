"""nmn parse: questions -> programs."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from nmn.cli.inputs import as_file
from nmn.cli.options import AsJson, DomainName, Limit
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError, QuestionError, printable
from nmn.parse import Parse, Parser


def parse(
    question: Annotated[str, typer.Argument(help="A question, or a questions file in CLEVR's format.")],
    output: Annotated[
        Path | None, typer.Option("--output", help="Where to write a questions file with programs.")
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["clevr", "nmn"],
        typer.Option("--format", help="How to write programs: CLEVR's functional programs, or nmn's text."),
    ] = "clevr",
    limit: Limit = None,
    domain: DomainName = "clevr",
    json: AsJson = False,
) -> None:
    """Print the program of a question, or write those of a questions file.

    Other readings of a question, if there are any, follow its likeliest. In a file, a question that cannot be read gets
    null for its program and an error, and the exit code is 1.
    """
    from nmn.parser.english import EnglishParser

    path = as_file(question)
    if path is not None and output is None:
        raise InputError(f"{question!r} is a file: say where to write the programs, with --output FILE")
    if path is None and output is not None:
        raise InputError("--output goes with a questions file; the program of one question is printed")
    spoken = Domain.load(domain)
    parser = EnglishParser(spoken)
    if path is not None and output is not None:
        check_target(output, "--output")
        _parse_file(path, output, format, spoken, parser, limit, json)
        return
    readings = parser.parse(question)
    if json:
        print_json({"question": question, "readings": [_to_json(each) for each in readings]})
        return
    out = console()
    for number, each in enumerate(readings):
        out.print(Text(each.program.text, style="cyan" if number == 0 else "dim"))


def _to_json(reading: Parse) -> dict[str, Any]:
    return {
        "program": reading.program.text,
        "nodes": reading.program.to_json()["nodes"],
        "spans": [None if span is None else [span.start, span.end] for span in reading.spans],
        "confidence": reading.confidence,
        "link": reading.link,
        "seconds": reading.cost,
    }


def _parse_file(
    path: Path,
    output: Path,
    format: str,  # noqa: A002
    domain: Domain,
    parser: Parser,
    limit: int | None,
    json: bool,
) -> None:
    from rich.progress import Progress

    from nmn.datasets.clevr import read_questions
    from nmn.files import read_json
    from nmn.parser.clevr import export_program

    questions = read_questions(path)[:limit]
    document = read_json(path)
    written: list[dict[str, Any]] = []
    refused: list[int] = []
    with Progress(transient=True, console=console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        records = document["questions"][:limit]
        for question, record in zip(progress.track(questions, description="parsing"), records, strict=True):
            entry = {key: value for key, value in record.items() if key not in ("program", "error")}
            try:
                program = parser.parse(question.text)[0].program
                entry["program"] = export_program(program, domain) if format == "clevr" else program.text
            except (QuestionError, InputError) as error:
                entry |= {"program": None, "error": str(error).split("\n")[0]}
                refused.append(question.question_index)
            written.append(entry)
    write_target(output, "--output", {**document, "questions": written})
    if json:
        print_json({"questions": len(questions), "parsed": len(questions) - len(refused), "refused": refused})
    else:
        out = console()
        first = next((entry for entry in written if entry["program"] is None), None)
        if first is not None:
            message = f"first that cannot be read: {printable(str(first['question']))}: {first['error']}"
            out.print(Text(message, style="yellow"))
        parsed = f"{len(questions) - len(refused):,} of {len(questions):,} questions parsed, written to {output}"
        out.print(Text(printable(parsed)))
    if refused:
        raise typer.Exit(1)
