"""Question: one entry of a data set's question file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Question:
    """A question on an image.

    Attributes:
        question_index: Its number in its file.
        image_index: Number of the image, as in :class:`nmn.scenes.Scene`.
        image_filename: Name of the image file; None where unknown.
        text: The question.
        program: Its program as the file holds it, one record a call, for the data set's parser; None where unknown.
        answer: The right answer, as a string; None where unknown.
        family: Number of its template within ``template``; None where unknown.
        template: Name of the file its template is from; None where unknown.
    """

    question_index: int
    image_index: int
    image_filename: str | None
    text: str
    program: list[Mapping[str, Any]] | None = field(default=None, hash=False, repr=False)
    answer: str | None = None
    family: int | None = None
    template: str | None = None
