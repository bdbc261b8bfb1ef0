"""The exact back end: certain scenes, object sets as bit masks, no tensors."""

from nmn.exact.backend import ExactBackend, answer_exactly
from nmn.exact.scene import DescribedScene, ExactScene, NotOne, exact_scene, is_certain, only

__all__ = [
    "DescribedScene",
    "ExactBackend",
    "ExactScene",
    "NotOne",
    "answer_exactly",
    "exact_scene",
    "is_certain",
    "only",
]
