"""The model card of perception's weights: data, figures, limits and licence, in the form of Hugging Face's.

Source: Mitchell et al. 2019, "Model Cards for Model Reporting", arXiv:1810.03993.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

from nmn.domain import Domain
from nmn.errors import DataError, InputError, WeightsError
from nmn.files import read_json, write_bytes, write_json

CARD_FILE, CONFIG_FILE, WEIGHTS_FILE = "card.json", "config.json", "model.safetensors"
SHARES = {"exact": "images", "found": "objects", "pairs_right": "pairs"}
NAMES = {"exact": "exact scenes", "found": "objects found", "pairs_right": "relations of two objects"}


@dataclass(frozen=True)
class Figure:
    """One number that was measured."""

    on: str  # on what images
    what: str
    value: str  # with its unit and, where there is one, its interval


@dataclass(frozen=True)
class Card:
    """What people should know of weights."""

    name: str = "Perception weights"
    licence: str = "not stated"
    data: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()

    @staticmethod
    def from_record(record: Mapping[str, Any], where: Path) -> "Card":
        """From JSON. Raises: DataError when it is not one."""
        try:
            figures = tuple(Figure(**figure) for figure in record.get("figures", ()))
            lists = {key: tuple(str(line) for line in record.get(key, ())) for key in ("data", "limits")}
            return Card(str(record["name"]), str(record["licence"]), lists["data"], lists["limits"], figures)
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(f"{where} is not a card: {error}") from None


def told(
    name: str | None, licence: str | None, data: Sequence[str], limits: Sequence[str], reports: Sequence[str]
) -> dict[str, Any]:
    """What is to be changed of a card. Raises: InputError for a report that is none; DataError."""
    changes: dict[str, Any] = {"name": name, "licence": licence, "data": tuple(data), "limits": tuple(limits)}
    changes["figures"] = tuple(figure for report in reports for figure in figures_of(report))
    return {key: value for key, value in changes.items() if value}


def figures_of(report: str) -> list[Figure]:
    """Figures of ``what=FILE``, a report of ``nmn eval clevr`` or ``nmn train measure``. Raises: InputError; DataError."""
    on, equals, file = report.partition("=")
    if not equals or not on.strip() or not file.strip():
        raise InputError(f"--report {report!r} must be what=FILE")
    record = read_json(file.strip())
    if not isinstance(record, dict):
        raise DataError(f"{file} is not a report")
    if "exact" in record and "attributes" in record:
        return _sight(on.strip(), record)
    if "accuracy" in record:
        return _answers(on.strip(), record)
    raise DataError(f"{file} is neither a report of nmn eval clevr nor of nmn train measure")


def _sight(on: str, record: Mapping[str, Any]) -> list[Figure]:
    from nmn.perception.report import Report

    seen = Report(**{entry.name: record[entry.name] for entry in fields(Report)})
    shares = [(NAMES[part], record[part], record[whole]) for part, whole in SHARES.items()]
    shares += [(name, right, seen.found) for name, right in zip(seen.attributes, seen.right, strict=True)]
    return [
        Figure(on, what, f"{100 * part / max(1, whole):.2f} % ({part:,} of {whole:,})") for what, part, whole in shares
    ]


def _answers(on: str, record: Mapping[str, Any]) -> list[Figure]:
    rows = [("questions answered right", record)]
    rows += [(f"of type {name}", score) for name, score in record.get("by_type", {}).items()]
    return [Figure(on, what, _accuracy(score)) for what, score in rows if score.get("accuracy") is not None]


def _accuracy(score: Mapping[str, Any]) -> str:
    interval = score.get("interval")
    between = f" ({100 * interval[0]:.2f} to {100 * interval[1]:.2f})" if interval else ""
    return f"{100 * score['accuracy']:.2f} %{between}"


def write_card(weights: Path | None, out: Path, changes: Mapping[str, Any]) -> None:
    """Write the card of weights as Markdown; what was given is kept beside weights of one's own.

    Args:
        weights: Their folder; None for those that ship with the package.
        out: The file.
        changes: Fields of :class:`Card`.

    Raises: WeightsError where there are no weights; DataError when their card.json is none.
    """
    folder = Path(str(resources.files("nmn"))) / "weights" / "clevr" if weights is None else weights
    if not (folder / CONFIG_FILE).is_file() or not (folder / WEIGHTS_FILE).is_file():
        raise WeightsError(f"no perception weights in {folder}: {CONFIG_FILE} and {WEIGHTS_FILE} are needed")
    kept = folder / CARD_FILE
    card = Card.from_record(read_json(kept), kept) if kept.is_file() else Card()
    card = replace(card, **changes)
    if changes and weights is not None:
        write_json(kept, asdict(card), indent=2)
    config = read_json(folder / CONFIG_FILE, WeightsError)
    text = markdown(card, config, (folder / WEIGHTS_FILE).stat().st_size)
    write_bytes(out, text.encode())


def markdown(card: Card, config: Mapping[str, Any], size: int) -> str:
    """The card as text.

    Args:
        card: What people told.
        config: The weights' config.json.
        size: Bytes of the weights.

    Raises: WeightsError when the config is not one of perception's.
    """
    try:
        about, network, focus = config["domain"], config["network"], config.get("focus")
        version, separation = config["format"], config["separation"]
    except (KeyError, TypeError) as error:
        raise WeightsError(f"the weights' config is not of perception: no {error}") from None
    scale = network.get("scale", 1)
    stages = f"a glance at {network['width'] // scale} x {network['height'] // scale} px"
    if focus:
        from nmn.perception.crops import CropConfig

        crop, pathways = CropConfig(**focus["crop"]).size, ", ".join(focus["pathways"])
        stages += f"; closer looks at single objects in crops of {crop} x {crop} px, by pathways for {pathways}"
    lines = [
        *("---", f"license: {card.licence.lower()}", "library_name: nmn", "tags: [visual-reasoning, object-detection]"),
        *("---", "", f"# {card.name}", "", _what(about), "", "## Weights", ""),
        f"* Format {version}, domain `{about['name']}`, fingerprint `{about['fingerprint']}`; others are refused in one line.",
        f"* {size / 1e6:.1f} MB, float16 safetensors; {stages}.",
        f"* Relations take objects to be at least {separation:g} world units apart on each axis; 0 takes nothing for granted.",
        f"* Licence: {card.licence}.",
        *_section("Data", card.data),
        *_figures(card.figures),
        *_section("Limits", card.limits),
        *("", "## Use", "", "```python", "from nmn.perception.detector import PixelPerceiver", ""),
        *(
            "perceiver = PixelPerceiver.from_pretrained()  # the weights of the package; or those of a folder",
            "```",
            "",
        ),
    ]
    return "\n".join(lines)


def _what(about: Mapping[str, Any]) -> str:
    try:
        domain = Domain.load(str(about["name"]))
    except InputError:
        return "Objects, attributes and relations from pixels."
    attributes = "; ".join(f"{each.name} ({', '.join(each.values)})" for each in domain.attributes)
    relations = ", ".join(each.name for each in domain.relations)
    told = f"{attributes}; and the relations {relations}"
    return f"Finds the objects of an image and tells, with calibrated probabilities, {told}."


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *(f"* {line}" for line in lines or ("not stated",))]


def _figures(figures: Sequence[Figure]) -> list[str]:
    if not figures:
        return _section("Figures", ())
    rows = [f"| {figure.on} | {figure.what} | {figure.value} |" for figure in figures]
    return ["", "## Figures", "", "| measured on | what | value |", "|---|---|---|", *rows]
