"""Links: the parsers that there are for a domain, in a cascade from the cheapest to the dearest."""

from collections.abc import Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Literal, TypeAlias

from nmn.domain import Domain
from nmn.errors import WeightsError, require_keys
from nmn.files import read_json
from nmn.parse import Parser
from nmn.parser.cascade import CascadeParser, Link, as_given
from nmn.parser.cascade_config import CascadeConfig, LinkSettings

ParserKind: TypeAlias = Literal["cascade", "grammar", "neural"]

GRAMMAR, SPELLING, NEURAL, LANGUAGE_MODEL = "grammar", "spelling", "neural", "language model"
UNCALIBRATED = LinkSettings(0.5)
"""Of a link that was never calibrated: it answers where it takes itself to be rather right than wrong."""

CONFIG_FILE = "config.json"


def default_parser(
    domain: Domain,
    *,
    kind: ParserKind = "cascade",
    weights: Path | None = None,
    language_model: str | None = None,
    device: str = "cpu",
) -> CascadeParser:
    """The parser of a domain: the grammar, then the neural parser where there are weights, then a language model.

    Between the first two, where it was calibrated, the grammar tries again with words put right that are misspelled.

    Nothing is loaded before a question gets to it.

    Args:
        domain: What questions speak of.
        kind: All in a row, or the grammar or the neural parser alone.
        weights: Folder of the neural parser's weights and the cascade's calibration; those that ship with the package, if
            they are of this domain, if None.
        language_model: A causal model of transformers by name or folder, asked last; none if None.
        device: Where the networks compute.

    Raises:
        WeightsError: when weights are asked for and missing, or a calibration is broken or of another domain.
    """
    folder = shipped_weights(domain) if weights is None else weights
    if weights is not None and not (weights / CONFIG_FILE).is_file():
        raise WeightsError(f"no parser weights in {weights}: {CONFIG_FILE} is needed")
    if folder is None and kind == "neural":
        raise WeightsError(f"no neural parser ships for domain {domain.name!r}; name its weights, or use the grammar")
    return CascadeParser(_links(domain, kind, folder, language_model, device))


def _links(
    domain: Domain, kind: ParserKind, folder: Path | None, language_model: str | None, device: str
) -> Sequence[Link]:
    links: list[Link] = []
    found = None if folder is None else CascadeConfig.load(folder, domain)
    if kind != "neural":
        alone = kind == "grammar" or (folder is None and language_model is None)
        links.append(_link(GRAMMAR, partial(load_grammar, domain), found, never_doubted=alone))
    if kind == "cascade" and folder is not None and found is not None and SPELLING in found.links:
        links.append(_link(SPELLING, partial(load_spelling, domain, folder), found))
    if kind != "grammar" and folder is not None:
        links.append(_link(NEURAL, partial(load_neural, folder, domain, device), found))
    if language_model is not None:
        links.append(_link(LANGUAGE_MODEL, partial(load_language_model, language_model, domain, device), found))
    return links


def _link(name: str, load: "partial[Parser]", config: CascadeConfig | None, *, never_doubted: bool = False) -> Link:
    settings = UNCALIBRATED if config is None else config.links.get(name, UNCALIBRATED)
    confidence = as_given if settings.confidence is None else settings.confidence
    return Link(name, load, 0.0 if never_doubted else settings.threshold, confidence)


def shipped_weights(domain: Domain) -> Path | None:
    """Folder of the neural parser's weights that ship for a domain, if any do: names and values must be the same."""
    folder = Path(str(resources.files("nmn"))) / "weights" / f"{domain.name}-parser"
    if not (folder / CONFIG_FILE).is_file():
        return None
    record = read_json(folder / CONFIG_FILE, WeightsError)
    require_keys(record, ("domain",), what=str(folder / CONFIG_FILE), error=WeightsError)
    require_keys(record["domain"], ("fingerprint",), what=f"domain of {folder / CONFIG_FILE}", error=WeightsError)
    return folder if record["domain"]["fingerprint"] == domain.fingerprint else None


def load_grammar(domain: Domain) -> Parser:
    """The grammar of a domain."""
    from nmn.parser.english import EnglishParser

    return EnglishParser(domain)


def load_spelling(domain: Domain, folder: Path) -> Parser:
    """The grammar for misspelled questions; words that the neural parser knows are none. Raises: WeightsError."""
    from nmn.parser.english import EnglishParser
    from nmn.parser.spelling import SpellingParser

    record = read_json(folder / CONFIG_FILE, WeightsError)
    require_keys(record, ("words",), what=str(folder / CONFIG_FILE), error=WeightsError)
    return SpellingParser(EnglishParser(domain), [str(word) for word in record["words"]])


def load_neural(folder: Path, domain: Domain, device: str) -> Parser:
    """The neural parser. Raises: WeightsError."""
    from nmn.parser.neural.parser import NeuralParser

    return NeuralParser.from_pretrained(folder, domain=domain, device=device)


def load_language_model(name: str, domain: Domain, device: str) -> Parser:
    """A language model. Raises: WeightsError when there is no such model; InputError when llguidance is missing."""
    from nmn.parser.language_model import LanguageModelParser

    return LanguageModelParser.from_pretrained(name, domain, device=device)
