"""Options that mean the same in every command."""

import re
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from nmn.errors import InputError, nearest

PARSERS = ("cascade", "grammar", "neural")
"""What reads questions, of nmn's own."""


def _known_device(device: str) -> str:
    if not re.fullmatch(r"cpu|(cuda|mps|xpu)(:\d{1,3})?", device):
        raise InputError(f"no device {device!r}: cpu, cuda, cuda:1, mps and xpu are known")
    return device


def _known_parser(kind: str) -> str:
    if kind not in PARSERS:
        from nmn import plugins

        known = (*PARSERS, *plugins.names(plugins.PARSERS))
        if kind not in known:
            raise InputError(f"no parser {kind!r}{nearest(kind, known)}")
    return kind


def examples(*lines: str) -> str:
    """The end of a command's help: commands that run in a checkout as they stand."""
    return "Examples:\n\n" + "\n".join(f"    {line}" for line in lines)


Device: TypeAlias = Annotated[
    str, typer.Option("--device", callback=_known_device, help="Where to compute: cpu, cuda, cuda:1, mps.")
]
BatchSize: TypeAlias = Annotated[int, typer.Option("--batch-size", min=1, help="How many questions run together.")]
Limit: TypeAlias = Annotated[int | None, typer.Option("--limit", min=1, help="Take only the first so many questions.")]
Workers: TypeAlias = Annotated[int, typer.Option("--workers", min=1, help="Threads that load images.")]
Weights: TypeAlias = Annotated[
    Path | None, typer.Option("--weights", help="Folder with weights; those that ship with nmn if not given.")
]
DomainName: TypeAlias = Annotated[
    str, typer.Option("--domain", help="A domain that ships with nmn, or the path of a domain's .toml file.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
ReportFile: TypeAlias = Annotated[
    Path | None, typer.Option("--json", help="Write the report, with every answer, to this file.")
]
PolicyName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="How closely images are looked at: value, threshold or glance choose looks; read, lazy and everything take all. "
        "By default value, where nmn calibrate policies has fitted it for the weights, else read.",
    ),
]
Doubt: TypeAlias = Annotated[
    float | None,
    typer.Option("--doubt", help="Probability of another answer up to which nothing more is looked at, below 1."),
]
BudgetMs: TypeAlias = Annotated[
    float | None, typer.Option("--budget-ms", help="Milliseconds that an image may cost, with --policy value.")
]
ParserKind: TypeAlias = Annotated[
    str,
    typer.Option(
        "--parser",
        callback=_known_parser,
        help="What reads questions: each parser in turn until one knows (cascade), or one alone: grammar, neural, or that "
        "of an installed package.",
    ),
]
ParserWeights: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--parser-weights", help="Folder with weights of the neural parser; those of the package if not given."
    ),
]
LanguageModel: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--language-model",
        help="A causal model of transformers, by name or folder, asked last. Needs nmn-engine\\[llm].",
    ),
]
ExecutionGuided: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--execution-guided/--no-execution-guided",
        help="Of a question with several readings, choose the one that fits the image best.",
    ),
]
