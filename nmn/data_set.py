"""DataSet: what reads the files of a data set."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from nmn.questions import Question
from nmn.scenes import Scene


@runtime_checkable
class DataSet(Protocol):
    """Reads a data set's files.

    Attributes:
        name: What it is called.
        domain: What its scenes speak of: the name of a domain, or the path of its file.
    """

    name: str
    domain: str

    def read_scenes(self, path: Path) -> Mapping[int, Scene]:
        """Scenes by image index. Raises: SceneError, in one line, when the file breaks the format."""
        ...

    def read_questions(self, path: Path) -> Sequence[Question]:
        """Questions in the file's order. Raises: DataError, in one line, when the file breaks the format."""
        ...
