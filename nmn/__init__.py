"""nmn: a neuro-symbolic visual reasoning engine.

What most programs need, imported when it is first used; everything else stands in the module that it is about.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nmn.domain import Domain as Domain
    from nmn.engine import Engine as Engine
    from nmn.errors import InputError as InputError
    from nmn.errors import NmnError as NmnError
    from nmn.errors import PresuppositionError as PresuppositionError
    from nmn.parser.text import parse_program as parse_program
    from nmn.program import Program as Program
    from nmn.registry import Registry as Registry
    from nmn.registry import default_registry as default_registry
    from nmn.registry import module as module
    from nmn.scenes import Scene as Scene
    from nmn.scenes import SceneObject as SceneObject
    from nmn.trace import Answer as Answer

_HOMES = {
    "Answer": "nmn.trace",
    "Domain": "nmn.domain",
    "Engine": "nmn.engine",
    "InputError": "nmn.errors",
    "NmnError": "nmn.errors",
    "PresuppositionError": "nmn.errors",
    "Program": "nmn.program",
    "Registry": "nmn.registry",
    "Scene": "nmn.scenes",
    "SceneObject": "nmn.scenes",
    "default_registry": "nmn.registry",
    "module": "nmn.registry",
    "parse_program": "nmn.parser.text",
}

__all__ = [
    "Answer",
    "Domain",
    "Engine",
    "InputError",
    "NmnError",
    "PresuppositionError",
    "Program",
    "Registry",
    "Scene",
    "SceneObject",
    "default_registry",
    "module",
    "parse_program",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nmn' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
