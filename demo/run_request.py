"""Requests: what a page asks for, read with care, because anybody can send anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nmn.domain import NO, YES
from nmn.errors import InputError, nearest
from nmn.inspection.measuring import WHOLE
from nmn.inspection.suppositions import (
    SupposedAttribute,
    SupposedObjects,
    SupposedOutcome,
    SupposedPresence,
    SupposedRelation,
    Supposition,
)
from nmn.policies.choice import Choice

LONGEST_QUESTION = 500  # characters
LONGEST_PROGRAM = 5_000  # characters
LONGEST_NAME = 200  # characters
MOST_SUPPOSITIONS = 20
MOST_TICKED = 400  # objects

NETWORK, SECOND, ANNOTATION = "network", "second network", "annotation"
EYES = (NETWORK, SECOND, ANNOTATION)
"""Who looks at an image: a network at its pixels, another one, or whoever wrote down what is in it."""


@dataclass(frozen=True)
class RunRequest:
    """One run.

    Attributes:
        image: Which image, by the name that it was given.
        eyes: Who looks at it.
        question: A question; empty where a program is given.
        program: A program's text; empty where a question is given.
        choice: How closely the image is looked at.
        suppose: What takes the place of what is seen.
    """

    image: str
    eyes: str
    question: str
    program: str
    choice: Choice
    suppose: tuple[Supposition, ...] = ()


def read_run(record: Any) -> RunRequest:
    """A request as a page sends it. Raises: InputError in one line."""
    fields = mapping(record, "a request")
    question = text(fields, "question", LONGEST_QUESTION)
    program = text(fields, "program", LONGEST_PROGRAM)
    if not question.strip() and not program.strip():
        raise InputError("nothing is asked: write a question, or a program")
    eyes, policy = text(fields, "eyes", LONGEST_NAME) or NETWORK, text(fields, "policy", LONGEST_NAME) or WHOLE[0]
    if eyes not in EYES:
        raise InputError(f"nobody looks with {eyes!r}{nearest(eyes, EYES)}")
    choice = Choice(policy, amount(fields, "doubt"), amount(fields, "budget_ms"))
    suppose = fields.get("suppose") or []
    if not isinstance(suppose, list) or len(suppose) > MOST_SUPPOSITIONS:
        raise InputError(f"'suppose' must be a list of up to {MOST_SUPPOSITIONS}")
    image = text(fields, "image", LONGEST_NAME)
    return RunRequest(image, eyes, question.strip(), program.strip(), choice, tuple(map(_supposition, suppose)))


def mapping(record: Any, what: str) -> Mapping[str, Any]:
    """A JSON object. Raises: InputError."""
    if not isinstance(record, dict):
        raise InputError(f"{what} must be an object, not {type(record).__name__}")
    return record


def text(fields: Mapping[str, Any], name: str, longest: int) -> str:
    """A field that holds text, empty if there is none. Raises: InputError."""
    value = fields.get(name) or ""
    if not isinstance(value, str):
        raise InputError(f"{name!r} must be text, not {type(value).__name__}")
    if len(value) > longest:
        raise InputError(f"a {name} of {len(value):,} characters: the longest allowed is {longest:,}")
    return value


def number(fields: Mapping[str, Any], name: str) -> int:
    """A field that holds a whole number. Raises: InputError."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"{name!r} must be a whole number, not {type(value).__name__}")
    return value


def amount(fields: Mapping[str, Any], name: str) -> float | None:
    """A field that holds a number, None if there is none. Raises: InputError."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name!r} must be a number, not {type(value).__name__}")
    return float(value)


def _supposition(record: Any) -> Supposition:
    """What is supposed of a step (``node``) or of an object, by the fields that there are."""
    fields = mapping(record, "a supposition")
    if "node" in fields:
        node = number(fields, "node")
        if "objects" in fields:
            return SupposedObjects(node, _ticked(fields["objects"]))
        return SupposedOutcome(node, text(fields, "value", LONGEST_NAME))
    seen, value = number(fields, "object"), text(fields, "value", LONGEST_NAME)
    attribute, relation = text(fields, "attribute", LONGEST_NAME), text(fields, "relation", LONGEST_NAME)
    if attribute:
        return SupposedAttribute(seen, attribute, value)
    if value not in (YES, NO):
        raise InputError(f"whether that holds of object {seen} is {YES!r} or {NO!r}, not {value!r}")
    if relation:
        return SupposedRelation(seen, relation, number(fields, "anchor"), value == YES)
    return SupposedPresence(seen, value == YES)


def _ticked(sent: Any) -> tuple[int, ...]:
    if not isinstance(sent, list) or len(sent) > MOST_TICKED:
        raise InputError(f"'objects' must be a list of up to {MOST_TICKED} numbers")
    return tuple(sorted({number({"objects": each}, "objects") for each in sent}))
