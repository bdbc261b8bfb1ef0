"""nmn parse: questions -> programs."""

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.text import Text

from nmn.cli.inputs import as_file
from nmn.cli.options import AsJson, Device, DomainName, LanguageModel, Limit, ParserKind, ParserWeights
from nmn.cli.outputs import check_target, write_target
from nmn.cli.parsers import chosen_parser
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError, QuestionError, printable
from nmn.parse import Parse, Parser, Readings, parse_many
from nmn.trace import UNKNOWN

TOGETHER = 256  # questions of a file


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
    parser: ParserKind = "cascade",
    parser_weights: ParserWeights = None,
    language_model: LanguageModel = None,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Print the program of a question, or write those of a questions file.

    Other readings of a question, if there are any, follow its likeliest; of one that no parser is sure to understand, all
    are guesses. In a file, a question that cannot be read or is not understood gets null for its program and an error, and
    the exit code is 1.
    """
    path = as_file(question)
    if path is not None and output is None:
        raise InputError(f"{question!r} is a file: say where to write the programs, with --output FILE")
    if path is None and output is not None:
        raise InputError("--output goes with a questions file; the program of one question is printed")
    spoken = Domain.load(domain)
    reader = chosen_parser(spoken, parser, parser_weights, language_model, device)
    if path is not None and output is not None:
        check_target(output, "--output")
        _parse_file(path, output, format, spoken, reader, limit, json)
        return
    readings = reader.parse(question)
    if json:
        attempts = [attempt.to_json() for attempt in readings[0].attempts]
        shown = [_to_json(each) for each in readings]
        print_json({"question": question, "known": readings[0].known, "readings": shown, "attempts": attempts})
        return
    out = console()
    if not readings[0].known:
        out.print(Text(f"{UNKNOWN}; best guess, with confidence {readings[0].confidence:.3f}:", style="yellow"))
    for number, each in enumerate(readings):
        out.print(Text(each.program.text, style="cyan" if number == 0 and each.known else "dim"))


def _to_json(reading: Parse) -> dict[str, Any]:
    return {
        "program": reading.program.text,
        "nodes": reading.program.to_json()["nodes"],
        "spans": [None if span is None else [span.start, span.end] for span in reading.spans],
        "confidence": reading.confidence,
        "link": reading.link,
        "seconds": reading.cost,
    }


def _known(found: Readings | QuestionError) -> Parse:
    """The likeliest reading. Raises: QuestionError when there is none, or it is but a guess."""
    if isinstance(found, QuestionError):
        raise found
    if not found[0].known:
        guess = f"with confidence {found[0].confidence:.2f} {found[0].program.text}"
        raise QuestionError(f"not understood; best guess: {guess}")
    return found[0]


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
        task = progress.add_task("parsing", total=len(questions))
        records = document["questions"][:limit]
        for start in range(0, len(questions), TOGETHER):
            some = questions[start : start + TOGETHER]
            found = parse_many(parser, [question.text for question in some])
            for question, record, each in zip(some, records[start : start + TOGETHER], found, strict=True):
                entry = {key: value for key, value in record.items() if key not in ("program", "error")}
                try:
                    program = _known(each).program
                    entry["program"] = export_program(program, domain) if format == "clevr" else program.text
                except (QuestionError, InputError) as error:
                    entry |= {"program": None, "error": str(error).split("\n")[0]}
                    refused.append(question.question_index)
                written.append(entry)
            progress.advance(task, len(some))
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
