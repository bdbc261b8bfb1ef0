"""Registry: the operations there are, and the modules that run them.

Modules are found by scanning the folder ``nmn.modules`` and the entry points ``nmn.modules`` of installed packages; a
notebook's own class is added with :meth:`Registry.extended`. Nothing here imports torch until a module is loaded.
"""

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata, resources
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from nmn.errors import RegistryError, nearest
from nmn.signature import SCENE_TYPE, Signature, make_signature, read_signatures

if TYPE_CHECKING:
    from torch import nn

ENTRY_POINT_GROUP = "nmn.modules"
_FOLDER = "nmn.modules"

Declared = TypeVar("Declared", bound=type)


def module(operation: str) -> Any:
    """Declare a class as the module of an operation: ``@module("filter")``.

    Its signature is that of its ``forward``; see :mod:`nmn.types` for the kinds.
    """

    def declare(declared: Declared) -> Declared:
        declared.operation = operation  # type: ignore[attr-defined]
        return declared

    return declare


@dataclass(frozen=True)
class Registry:
    """The operations a program may call, by name."""

    signatures: Mapping[str, Signature]
    classes: Mapping[str, type] = field(default_factory=dict)

    def __contains__(self, operation: str) -> bool:
        return operation in self.signatures

    def __iter__(self) -> Iterator[Signature]:
        return iter(self.signatures.values())

    def signature(self, operation: str) -> Signature:
        """The signature of an operation. Raises: RegistryError, naming the nearest."""
        found = self.signatures.get(operation)
        if found is None:
            raise RegistryError(f"no operation {operation!r}{nearest(operation, self.signatures)}")
        return found

    def load(self, operation: str) -> "type[nn.Module]":
        """Import the class that runs an operation. Raises: RegistryError."""
        signature = self.signature(operation)
        if operation in self.classes:
            return self.classes[operation]
        try:
            loaded = getattr(importlib.import_module(signature.module), signature.class_name)
        except (ImportError, AttributeError) as error:
            raise RegistryError(f"module {operation!r} of {signature.module} cannot be loaded: {error}") from error
        return loaded  # type: ignore[no-any-return]

    def extended(self, *declared: type) -> "Registry":
        """This registry with more module classes, as a notebook needs it.

        Raises: RegistryError when a class is not declared with ``@module`` or its name is taken.
        """
        signatures, classes = dict(self.signatures), dict(self.classes)
        for added in declared:
            signature = class_signature(added)
            _add(signatures, signature)
            classes[signature.operation] = added
        return Registry(signatures, classes)


def class_signature(declared: type) -> Signature:
    """The signature of a module class, from the annotations that Python sees.

    Raises: RegistryError when it is not declared with ``@module`` or its annotations are no kinds.
    """
    operation = getattr(declared, "operation", None)
    forward = getattr(declared, "forward", None)
    where = f"class {declared.__name__}"
    if not isinstance(operation, str) or forward is None:
        raise RegistryError(f"{where} needs the decorator @module('name') and a method 'forward'")
    hints = get_type_hints(forward, include_extras=True)
    returned = hints.pop("return", None)
    outputs = getattr(returned, "__args__", ()) if getattr(returned, "__origin__", None) is tuple else (returned,)
    return make_signature(
        operation,
        [(name, _kind_name(hint)) for name, hint in hints.items()],
        [_kind_name(output) for output in outputs],
        presupposes=len(outputs) > 1,
        where=where,
        summary=(declared.__doc__ or "").split("\n")[0],
        origin=(declared.__module__, declared.__name__),
    )


def _kind_name(hint: Any) -> str:
    for mark in getattr(hint, "__metadata__", ()):
        if type(mark).__name__ == "Kind":
            return str(mark.name)
    name = getattr(hint, "__name__", str(hint))
    return SCENE_TYPE if name == SCENE_TYPE else name


@lru_cache(maxsize=1)
def default_registry() -> Registry:
    """The operations of the module library and of installed plug-ins.

    Raises: RegistryError when two declare the same name.
    """
    signatures: dict[str, Signature] = {}
    for signature in (*_folder_signatures(), *_plugin_signatures()):
        _add(signatures, signature)
    return Registry(dict(sorted(signatures.items())))


def _add(signatures: dict[str, Signature], added: Signature) -> None:
    taken = signatures.get(added.operation)
    if taken is not None:
        raise RegistryError(
            f"operation {added.operation!r} is declared twice: by {taken.module}.{taken.class_name} "
            f"and by {added.module}.{added.class_name}"
        )
    signatures[added.operation] = added


def _folder_signatures() -> Iterable[Signature]:
    with resources.as_file(resources.files(_FOLDER)) as folder:
        for path in sorted(folder.glob("*.py")):
            if path.stem != "__init__":
                yield from read_signatures(path, f"{_FOLDER}.{path.stem}")


def _plugin_signatures() -> Iterable[Signature]:
    for entry in metadata.entry_points(group=ENTRY_POINT_GROUP):
        try:
            spec = find_spec(entry.module)
        except ImportError:
            spec = None
        if spec is None or spec.origin is None:
            raise RegistryError(f"plug-in {entry.name!r} names {entry.module!r}, which cannot be imported")
        declared = read_signatures(Path(spec.origin), entry.module)
        if not declared:
            raise RegistryError(f"plug-in {entry.name!r}: {entry.module!r} declares no module with @module('name')")
        yield from declared
