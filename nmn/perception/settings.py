"""Settings of a training run: a YAML file and ``key=value`` pairs become frozen dataclasses, once, at the edge."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from nmn.errors import InputError, nearest

Config = TypeVar("Config")


def read_settings(kind: type[Config], file: Path | None, pairs: Mapping[str, str]) -> Config:
    """A config from a YAML file with some values changed; ``augment.mirror`` reaches into a part.

    Args:
        kind: A frozen dataclass; what is not given keeps its default.
        file: YAML with its fields; None for none.
        pairs: Values by key, as JSON; what is not JSON is text.

    Raises: InputError for a file that cannot be read, an unknown key, or a value of another type.
    """
    record = {} if file is None else _read_yaml(file)
    for key, text in pairs.items():
        _put(record, key, key.split("."), _value(text))
    built: Config = _build(kind, record, "")
    return built


def _read_yaml(file: Path) -> dict[str, Any]:
    import yaml  # type: ignore[import-untyped]

    try:
        record = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read settings {file}: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"settings {file} are not YAML: {' '.join(str(error).split())}") from None
    if record is None:
        return {}
    if not isinstance(record, dict):
        raise InputError(f"settings {file} must be keys with values")
    return record


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _put(record: dict[str, Any], key: str, path: list[str], value: Any) -> None:
    for name in path[:-1]:
        inner = record.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InputError(f"training setting {key!r} reaches into {name!r}, which is one value")
        record = inner
    record[path[-1]] = value


def _build(kind: Any, record: Any, where: str) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        return _dataclass(kind, record, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if record is None else _build(next(part for part in inner if part is not type(None)), record, where)
    if origin is tuple and isinstance(record, list):
        return tuple(_build(inner[0], value, where) for value in record)
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(record, dict):
        return {str(name): _build(inner[1], value, f"{where}.{name}") for name, value in record.items()}
    if kind is float and type(record) is int:
        return float(record)
    if origin is None and type(record) is kind:
        return record
    name = getattr(kind, "__name__", str(kind)) if origin is None else str(kind)
    raise InputError(f"training setting {where!r} must be of type {name}, not {json.dumps(record, default=str)}")


def _dataclass(kind: Any, record: Any, where: str) -> Any:
    if not isinstance(record, dict):
        raise InputError(f"training setting {where!r} must name values, not be one")
    hints = get_type_hints(kind)
    known = [entry.name for entry in fields(kind) if entry.init]
    prefix = f"{where}." if where else ""
    for name in record:
        if name not in known:
            raise InputError(f"no training setting {prefix + str(name)!r}{nearest(str(name), known)}")
    given = {name: _build(hints[name], value, prefix + name) for name, value in record.items()}
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise InputError(f"training setting {where or 'file'!r} cannot be used: {error}") from None
