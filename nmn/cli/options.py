"""Options that mean the same in every command."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Device: TypeAlias = Annotated[str, typer.Option("--device", help="Where to compute: cpu, cuda, cuda:1, mps.")]
BatchSize: TypeAlias = Annotated[
    int, typer.Option("--batch-size", min=1, help="How many images are looked at together.")
]
Limit: TypeAlias = Annotated[int | None, typer.Option("--limit", min=1, help="Take only the first so many questions.")]
Workers: TypeAlias = Annotated[int, typer.Option("--workers", min=1, help="Threads that load images.")]
Weights: TypeAlias = Annotated[
    Path | None, typer.Option("--weights", help="Folder with weights; those that ship with nmn if not given.")
]
DomainName: TypeAlias = Annotated[
    str, typer.Option("--domain", help="A domain that ships with nmn, or the path of a domain's .toml file.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
