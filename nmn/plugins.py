"""Plug-ins: what installed packages bring besides modules, found by entry point.

==================  ==========================================================================================
``nmn.modules``     modules; see :mod:`nmn.registry`
``nmn.domains``     a package that holds ``NAME.toml``: ``zoo = "my_package"``
``nmn.parsers``     a class or function that makes a :class:`nmn.parse.Parser` of a domain
``nmn.datasets``    a class without parameters that is a :class:`nmn.data_set.DataSet`
==================  ==========================================================================================
"""

from collections.abc import Sequence
from importlib import metadata, resources
from inspect import signature
from pathlib import Path
from typing import Any

from nmn.errors import RegistryError, nearest

DOMAINS, PARSERS, DATA_SETS = "nmn.domains", "nmn.parsers", "nmn.datasets"


def names(group: str) -> tuple[str, ...]:
    """What installed packages bring under an entry point group."""
    return tuple(sorted(entry.name for entry in metadata.entry_points(group=group)))


def load(group: str, name: str) -> Any:
    """What a package brings under a name. Raises: RegistryError when there is none, or it cannot be imported."""
    found = [entry for entry in metadata.entry_points(group=group) if entry.name == name]
    if not found:
        raise RegistryError(f"no plug-in {name!r} in {group}{nearest(name, names(group))}")
    try:
        return found[0].load()
    except (ImportError, AttributeError) as error:
        raise RegistryError(f"plug-in {name!r} of {group} cannot be loaded: {error}") from None


def make(group: str, name: str, *given: Any, needs: Sequence[str]) -> Any:
    """What a package's class or function makes.

    Args:
        group: An entry point group.
        name: What the package calls it there.
        *given: What it is called with.
        needs: Names that what it makes must have.

    Raises: RegistryError when there is none, it cannot be called so, or what it makes lacks something.
    """
    declared, where = load(group, name), f"plug-in {name!r} of {group}"
    if not callable(declared):
        raise RegistryError(f"{where} is {type(declared).__name__} {declared!r:.60}, not a class or a function")
    try:
        signature(declared).bind(*given)
    except TypeError as error:
        words = ", ".join(type(each).__name__ for each in given) or "nothing"
        raise RegistryError(f"{where} cannot be called with {words}: {error}") from None
    made = declared(*given)
    lacking = [each for each in needs if not hasattr(made, each)]
    if lacking:
        raise RegistryError(f"{where} lacks {' and '.join(lacking)}; nmn.testing has the laws that it must keep")
    return made


def domain_file(name: str) -> Path:
    """The domain file that a package brings under a name.

    Raises: RegistryError when there is none, the package cannot be imported, or it lacks the file.
    """
    found = [entry.module for entry in metadata.entry_points(group=DOMAINS) if entry.name == name]
    if not found:
        raise RegistryError(f"no plug-in {name!r} in {DOMAINS}{nearest(name, names(DOMAINS))}")
    try:
        path = Path(str(resources.files(found[0]))) / f"{name}.toml"
    except ImportError as error:
        raise RegistryError(f"plug-in {name!r} of {DOMAINS} cannot be loaded: {error}") from None
    if not path.is_file():
        raise RegistryError(f"plug-in {name!r} of {DOMAINS}: package {found[0]} has no file {path.name}")
    return path
