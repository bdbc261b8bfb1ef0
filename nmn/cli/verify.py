"""nmn verify: do certificates prove what they say?"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.options import AsJson, DomainName
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import CertificateError, InputError, printable


def verify(
    file: Annotated[Path, typer.Argument(help="JSON lines: certificates, or answers that carry one.")],
    domain: DomainName = "clevr",
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Refuse certificates of other weights than those in this folder.")
    ] = None,
    calibration: Annotated[
        str | None, typer.Option("--calibration", help="Refuse certificates of another calibration, by fingerprint.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check certificates, each from its digest to every node of its proof; nothing is looked at or run.

    One line says what is wrong with each that is refused, and the exit code is then 1.
    """
    from nmn.promise.verifying import verify as verify_one

    expected = {} if calibration is None else {"calibration": calibration}
    if weights is not None:
        from nmn.policies.costs import weights_fingerprint

        expected["weights"] = weights_fingerprint(weights)
    spoken, out = Domain.load(domain), console()
    proved, refused = 0, {}
    for number, text in _certificates(file):
        try:
            verify_one(text, expected, spoken)
            proved += 1
        except CertificateError as error:
            refused[number] = str(error)
            if not as_json:
                out.print(printable(f"{file}, line {number}: {error}"), style="yellow", markup=False, soft_wrap=True)
    if not proved and not refused:
        raise InputError(f"{file} holds no certificate")
    if as_json:
        print_json({"proved": proved, "refused": refused})
    else:
        out.print(f"{proved:,} of {proved + len(refused):,} certificates prove what they say")
    if refused:
        raise typer.Exit(1)


def _certificates(file: Path) -> Iterator[tuple[int, str]]:
    """The number of each line that is not empty, and the certificate in it."""
    try:
        lines = file.read_bytes().decode("utf-8-sig", errors="replace").split("\n")
    except OSError as error:
        raise InputError(f"cannot read {str(file)!r}: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _carried(line)


def _carried(line: str) -> str:
    """The certificate of an answer, where a line is one; else the line."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return line
    carried = record.get("certificate") if isinstance(record, dict) else None
    if isinstance(carried, dict):
        return json.dumps(carried, separators=(",", ":"), ensure_ascii=False)
    return line
