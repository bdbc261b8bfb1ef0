"""What reads questions, as the options of a command say."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from nmn.cli.options import PARSERS
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.parse import Parser

if TYPE_CHECKING:
    from nmn.parser.links import ParserKind


def chosen_parser(
    domain: Domain,
    kind: str = "cascade",
    weights: Path | None = None,
    language_model: str | None = None,
    device: str = "cpu",
) -> Parser:
    """The parser that ``--parser``, ``--parser-weights`` and ``--language-model`` name.

    Raises: InputError when they do not go together, WeightsError when weights are missing or do not fit.
    """
    if kind == "grammar" and weights is not None:
        raise InputError("--parser-weights are those of the neural parser, which --parser grammar does without")
    if kind not in PARSERS:
        from nmn import plugins

        made: Parser = plugins.make(plugins.PARSERS, kind, domain, needs=("name", "parse"))
        return made
    if kind != "cascade" and language_model is not None:
        raise InputError(f"--language-model is the last of a cascade; --parser {kind} asks no other")
    from nmn.parser.links import default_parser

    return default_parser(
        domain, kind=cast("ParserKind", kind), weights=weights, language_model=language_model, device=device
    )


def guided(wanted: bool | None) -> bool:
    """Whether readings are chosen by how they fit the image; the engine's own way if it is not said."""
    from nmn.engine import EXECUTION_GUIDED

    return EXECUTION_GUIDED if wanted is None else wanted
