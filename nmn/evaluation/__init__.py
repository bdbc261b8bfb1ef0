"""Evaluation: answer a data set's questions, and say how many are right, how surely, at what cost, and why not all.

What runs an engine is imported when it is first asked for, so that comparing two reports does not load torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nmn.evaluation.outcome import DATA_FAILURES, UNREAD, Outcome, Score
from nmn.evaluation.report import Report, worst

if TYPE_CHECKING:
    from nmn.evaluation.run import ImageFolder, OnError, Programs, SceneTable, evaluate, read_program

__all__ = [
    "DATA_FAILURES",
    "UNREAD",
    "ImageFolder",
    "OnError",
    "Outcome",
    "Programs",
    "Report",
    "SceneTable",
    "Score",
    "evaluate",
    "read_program",
    "worst",
]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("nmn.evaluation.run"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
