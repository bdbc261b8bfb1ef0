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


def module(operation: str, *, variant: str = "") -> Any:
    """Declare a class as the module of an operation: ``@module("filter")``.

    Its signature is that of its ``forward``; see :mod:`nmn.types` for the kinds. A variant is another module of an
    operation that there is, with the same signature, that runs where :meth:`Registry.chosen` says so.
    """

    def declare(declared: Declared) -> Declared:
        declared.operation = operation  # type: ignore[attr-defined]
        declared.variant = variant  # type: ignore[attr-defined]
        return declared

    return declare


@dataclass(frozen=True)
class Registry:
    """The operations a program may call, by name.

    Attributes:
        signatures: Of the module that runs each operation.
        classes: Classes that are not to be imported by their signature.
        variants: Of an operation, its other modules, by variant.
        settings: Of an operation, what its class is called with.
    """

    signatures: Mapping[str, Signature]
    classes: Mapping[str, type] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, Signature]] = field(default_factory=dict)
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

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
        if _key(signature) in self.classes:
            return self.classes[_key(signature)]
        try:
            loaded = getattr(importlib.import_module(signature.module), signature.class_name)
        except (ImportError, AttributeError) as error:
            raise RegistryError(f"module {operation!r} of {signature.module} cannot be loaded: {error}") from error
        return loaded  # type: ignore[no-any-return]

    def extended(self, *declared: type) -> "Registry":
        """This registry with more module classes, as a notebook needs it.

        Raises: RegistryError when a class is not declared with ``@module`` or its name is taken.
        """
        signatures, classes, variants = dict(self.signatures), dict(self.classes), _copied(self.variants)
        for added in declared:
            signature = class_signature(added)
            _add(signatures, variants, signature)
            classes[_key(signature)] = added
        return Registry(signatures, classes, variants, self.settings)

    def make(self, operation: str) -> "nn.Module":
        """An instance of the class that runs an operation, with its settings.

        Raises: RegistryError when it cannot be loaded or does not take the settings.
        """
        loaded, settings = self.load(operation), self.settings.get(operation, {})
        try:
            return loaded(**settings)
        except TypeError as error:
            if not settings:
                raise
            raise RegistryError(f"module {operation!r} does not take the settings {dict(settings)}: {error}") from None

    def chosen(self, choices: Mapping[str, Mapping[str, Any]]) -> "Registry":
        """This registry with variants and settings as a config says.

        Args:
            choices: Operation to settings; the entry ``variant`` names its module, the others are what its class is
                called with: ``{"relate": {"variant": "learned", "hidden": 16}}``.

        Raises: RegistryError when there is no such operation or variant, or the variant's signature is another.
        """
        signatures, settings = dict(self.signatures), dict(self.settings)
        for operation, choice in choices.items():
            own = self.signature(operation)
            rest = {name: value for name, value in choice.items() if name != "variant"}
            variant, known = choice.get("variant", own.variant), self.variants.get(operation, {})
            if variant != own.variant:
                if variant not in known:
                    raise RegistryError(
                        f"module {operation!r} has no variant {variant!r}{nearest(str(variant), known)}"
                    )
                if str(known[variant]) != str(own):
                    raise RegistryError(f"variant {variant!r} of {operation!r} is {known[variant]}, not {own}")
                signatures[operation] = known[variant]
            settings[operation] = rest
        return Registry(signatures, self.classes, self.variants, settings)


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
        needs=getattr(declared, "needs", ()),
        variant=getattr(declared, "variant", ""),
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
    variants: dict[str, dict[str, Signature]] = {}
    for signature in (*_folder_signatures(), *_plugin_signatures()):
        _add(signatures, variants, signature)
    return Registry(dict(sorted(signatures.items())), {}, variants)


def _key(signature: Signature) -> str:
    """What a class is kept under."""
    return f"{signature.operation}/{signature.variant}" if signature.variant else signature.operation


def _copied(variants: Mapping[str, Mapping[str, Signature]]) -> dict[str, dict[str, Signature]]:
    return {operation: dict(known) for operation, known in variants.items()}


def _add(signatures: dict[str, Signature], variants: dict[str, dict[str, Signature]], added: Signature) -> None:
    if added.variant:
        known = variants.setdefault(added.operation, {})
        taken = known.get(added.variant)
        known[added.variant] = added
    else:
        taken = signatures.get(added.operation)
    if taken is not None:
        raise RegistryError(
            f"operation {added.operation!r} is declared twice: by {taken.module}.{taken.class_name} "
            f"and by {added.module}.{added.class_name}"
        )
    if not added.variant:
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
