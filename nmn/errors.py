"""Every error that nmn raises on purpose.

::

    NmnError
    ├── InputError                what was given is wrong; the command line exits with 2
    │   ├── ImageError            an image file cannot be used
    │   ├── SceneError            a scene file or record breaks its format
    │   ├── QuestionError         a question is outside the language
    │   ├── ProgramError          a program is not well formed
    │   │   ├── ProgramSyntaxError    its text does not parse
    │   │   └── ProgramTypeError      its calls do not fit together
    │   ├── DataError             a data set file breaks its format
    │   ├── DomainError           a domain file breaks its format, or a word is not in the domain
    │   ├── CertificateError      a certificate is no proof: altered, malformed, or of something else
    │   ├── WeightsError          weights are missing, broken or of another domain
    │   └── RegistryError         a module, parser or data set is declared wrongly or not at all
    └── PresuppositionError       strict mode: what a question takes for granted does not hold; exits with 1

A message says what is wrong, where, and what would be right, in one line.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any
from unicodedata import combining, east_asian_width


class NmnError(Exception):
    """Root of all errors raised on purpose."""


class InputError(NmnError):
    """What was given cannot be used."""


class ImageError(InputError):
    """An image cannot be used."""


class SceneError(InputError):
    """A scene file or record breaks its format."""


class DataError(InputError):
    """A data set file breaks its format."""


class DomainError(InputError):
    """A domain file breaks its format, or a word is not in the domain."""


class CertificateError(InputError):
    """A certificate is no proof: it was altered, is malformed, or is of something else."""


class WeightsError(InputError):
    """Weights are missing, broken or made for another domain."""


class RegistryError(InputError):
    """A module, parser or data set is declared wrongly or not at all."""


@dataclass(frozen=True)
class Span:
    """A stretch of a text: ``text[start:end]``."""

    start: int
    end: int


class TextError(InputError):
    """An error at a place in a text, drawn with a caret under it.

    Args:
        message: What is wrong and what would be right, in one line.
        text: The text that it is wrong in, if there is one.
        span: Where in the text.
    """

    def __init__(self, message: str, *, text: str | None = None, span: Span | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.span = span

    def pointer(self, width: int = 100) -> str | None:
        """Two lines: the part of the text around the error, and the caret under it; None without a place."""
        if self.text is None or self.span is None:
            return None
        line_start = self.text.rfind("\n", 0, self.span.start) + 1
        line_end = self.text.find("\n", self.span.start)
        line = self.text[line_start : line_end if line_end >= 0 else len(self.text)]
        if not line.strip():
            return None
        start = self.span.start - line_start
        length = max(1, min(self.span.end - line_start, len(line)) - start)
        left = max(0, min(start - width // 2, len(line) - width))
        shown = printable(line[left : left + width])
        lead = "..." if left > 0 else ""
        tail = "..." if left + width < len(line) else ""
        marked = shown[start - left : start - left + length]
        caret = " " * (len(lead) + _columns(shown[: start - left])) + "^" * max(1, _columns(marked))
        return f"{lead}{shown}{tail}\n{caret}"

    def __str__(self) -> str:
        pointer = self.pointer()
        return self.message if pointer is None else f"{self.message}\n{pointer}"


def printable(text: str) -> str:
    """A text with every character that could move a terminal's cursor replaced by one that is seen."""
    return "".join(
        each if each.isprintable() else " " if each.isspace() else "\N{REPLACEMENT CHARACTER}" for each in text
    )


def _columns(text: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


class QuestionError(TextError):
    """A question is empty, too long, or outside the language of the parser."""


class ProgramError(TextError):
    """A program is not well formed."""


class ProgramSyntaxError(ProgramError):
    """A program's text does not parse."""


class ProgramTypeError(ProgramError):
    """A program's calls do not fit together."""


class PresuppositionError(NmnError):
    """What a question takes for granted does not hold in the image.

    Args:
        message: In words, naming the node's text and what was found instead.
        node: Index of the program node that fails.
        candidates: The objects that could have been meant, as (index, probability of being a member).
    """

    def __init__(self, message: str, *, node: int, candidates: tuple[tuple[int, float], ...]) -> None:
        super().__init__(message)
        self.node = node
        self.candidates = candidates


def nearest(word: str, known: Iterable[str], *, limit: int = 3) -> str:
    """The known words nearest to an unknown one, as an ending of a message; all of them if few, or nothing.

    ``nearest("cubee", ["cube", "sphere"])`` is ``"; did you mean 'cube'?"``.
    """
    words = sorted(set(known))
    close = get_close_matches(word.lower(), words, n=limit, cutoff=0.6)
    if close:
        return "; did you mean " + " or ".join(repr(c) for c in close) + "?"
    if 0 < len(words) <= 20:
        return "; known: " + ", ".join(words)
    return ""


def require_keys(record: Any, keys: Iterable[str], *, what: str, error: type[InputError]) -> None:
    """Raise ``error`` unless ``record`` is a mapping with all ``keys``."""
    if not isinstance(record, dict):
        raise error(f"{what} must be an object with keys {', '.join(keys)}, not {type(record).__name__}")
    missing = [key for key in keys if key not in record]
    if missing:
        raise error(f"{what} lacks {', '.join(repr(key) for key in missing)}")
