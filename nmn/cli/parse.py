"""nmn parse: questions -> programs."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from nmn.cli.inputs import as_file
from nmn.cli.options import AsJson, DomainName
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError, QuestionError
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
    domain: DomainName = "clevr",
    json: AsJson = False,
) -> None:
    """Read a question and print its program; other readings, if there are any, after it.

    Given a questions file, write one with programs; a question that cannot be read gets "program": null and an "error".

    Example: nmn parse "How many cubes are left of the red ball?"
    """
    from nmn.parser.english import EnglishParser

    spoken = Domain.load(domain)
    parser = EnglishParser(spoken)
    path = as_file(question)
    if path is not None:
        if output is None:
            raise InputError(f"{question!r} is a file: say where to write the programs, with --output FILE")
        _parse_file(path, output, format, spoken, parser, json)
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


def _parse_file(path: Path, output: Path, format: str, domain: Domain, parser: Parser, json: bool) -> None:  # noqa: A002
    from rich.progress import Progress

    from nmn.datasets.clevr import read_questions
    from nmn.files import read_json, write_json
    from nmn.parser.clevr import export_program

    questions = read_questions(path)
    document = read_json(path)
    written, refused = [], []
    with Progress(transient=True) as progress:
        for question, record in zip(
            progress.track(questions, description="parsing"), document["questions"], strict=True
        ):
            entry = {key: value for key, value in record.items() if key not in ("program", "error")}
            try:
                program = parser.parse(question.text)[0].program
                entry["program"] = export_program(program, domain) if format == "clevr" else program.text
            except (QuestionError, InputError) as error:
                entry |= {"program": None, "error": str(error).split("\n")[0]}
                refused.append(question.question_index)
            written.append(entry)
    write_json(output, {**document, "questions": written})
    if json:
        print_json({"questions": len(questions), "parsed": len(questions) - len(refused), "refused": refused})
    else:
        console().print(
            f"{len(questions) - len(refused):,} of {len(questions):,} questions parsed, written to {output}"
        )
    if refused:
        raise typer.Exit(1)
