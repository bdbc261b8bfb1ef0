"""CLEVR's functional programs: an exact importer and exporter.

A record is a list of calls ``{"function": "filter_color", "inputs": [0], "value_inputs": ["red"]}``, each reading calls
before it, the last one the answer. Calls are put in post-order, and one that the answer does not need is left out: a few
of the official generator's programs hold a ``scene`` that nothing reads. Files differ in names: ``type`` for
``function``, ``side_inputs`` for ``value_inputs``; other keys are ignored. Besides the 27 functions the macros of CLEVR's
question templates are read, such as ``filter_unique`` and ``relate_filter_count``; they are spelled out on import, and an
export holds none.

Source: CLEVR (Johnson et al. 2017, arXiv:1612.06890, section 3.2), ``metadata.json`` of the official generator.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nmn.domain import Domain
from nmn.errors import DomainError, ProgramError, ProgramTypeError, nearest
from nmn.program import Concept, Node, Program

_FILTER, _RELATE = "filter", "relate"
_SET, _OBJECT, _COUNT, _BOOL = "a set of objects", "one object", "a number", "yes or no"


@dataclass(frozen=True)
class _Function:
    """One function of the file format: what it reads, what it gives, and the operation it stands for."""

    inputs: tuple[str, ...]
    output: str
    operation: str
    attribute: str | None = None


_PLAIN: Mapping[str, _Function] = {
    "scene": _Function((), _SET, "scene"),
    "unique": _Function((_SET,), _OBJECT, "unique"),
    "relate": _Function((_OBJECT,), _SET, _RELATE),
    "union": _Function((_SET, _SET), _SET, "union"),
    "intersect": _Function((_SET, _SET), _SET, "intersect"),
    "count": _Function((_SET,), _COUNT, "count"),
    "exist": _Function((_SET,), _BOOL, "exist"),
    "equal_integer": _Function((_COUNT, _COUNT), _BOOL, "equal_integer"),
    "less_than": _Function((_COUNT, _COUNT), _BOOL, "less_than"),
    "greater_than": _Function((_COUNT, _COUNT), _BOOL, "greater_than"),
    "equal_object": _Function((_OBJECT, _OBJECT), _BOOL, "equal_object"),
}

# The calls a macro stands for, in order; "filter" takes one value of each attribute, any of which may be left open.
_MACROS: Mapping[str, tuple[str, ...]] = {
    "filter": (_FILTER,),
    "filter_unique": (_FILTER, "unique"),
    "filter_count": (_FILTER, "count"),
    "filter_exist": (_FILTER, "exist"),
    "relate_filter": (_RELATE, _FILTER),
    "relate_filter_unique": (_RELATE, _FILTER, "unique"),
    "relate_filter_count": (_RELATE, _FILTER, "count"),
    "relate_filter_exist": (_RELATE, _FILTER, "exist"),
}


@lru_cache(maxsize=32)
def _functions(domain: Domain) -> Mapping[str, _Function]:
    functions: dict[str, _Function] = {}
    for attribute in domain.attributes:
        name, value = attribute.name, f"a value of {attribute.name}"
        functions[f"filter_{name}"] = _Function((_SET,), _SET, _FILTER, name)
        functions[f"query_{name}"] = _Function((_OBJECT,), value, "query", name)
        functions[f"equal_{name}"] = _Function((value, value), _BOOL, "equal", name)
        functions[f"same_{name}"] = _Function((_OBJECT,), _SET, "same", name)
    return {**functions, **_PLAIN}


def import_program(record: Any, domain: Domain, *, where: str) -> Program:
    """Read a functional program.

    Args:
        record: The list of calls, as it stands in the file.
        domain: Whose attributes, values and relations may be named.
        where: What the record belongs to, such as ``question 17``; it begins every message.

    Raises: ProgramError when the record is malformed, naming the place and the call.
    """
    if not isinstance(record, list) or not record:
        raise ProgramError(f"{where}: a program must be a list of at least one call, not {_shown(record)}")
    return _Importer(domain, where).program(record)


def export_program(program: Program, domain: Domain) -> list[dict[str, Any]]:
    """Write a program as a functional program; :func:`import_program` gives the same program back.

    Raises: ProgramError when a call is none of CLEVR's.
    """
    functions = _functions(domain)
    names = {(function.operation, function.attribute): name for name, function in functions.items()}
    calls: list[dict[str, Any]] = []
    for index, node in enumerate(program.nodes):
        attribute, values = node.attribute, list(node.constants)
        if node.operation == _FILTER and len(values) == 1 and isinstance(values[0], Concept):
            attribute, values = values[0].attribute, [values[0].value]
        name = names.get((node.operation, attribute))
        takes_value = node.operation in (_FILTER, _RELATE)
        if name is None or len(values) != takes_value or len(node.inputs) != len(functions[name].inputs):
            raise ProgramError(f"node {index} ({node.head}) is no call of CLEVR's functional programs")
        calls.append({"function": name, "inputs": list(node.inputs), "value_inputs": values})
    return calls


@dataclass(frozen=True)
class _Call:
    """One entry of a record, its keys checked."""

    label: str
    function: str
    inputs: tuple[int, ...]
    values: tuple[str, ...]


class _Importer:
    def __init__(self, domain: Domain, where: str) -> None:
        self.domain = domain
        self.where = where
        self.functions = _functions(domain)
        self.nodes: list[Node] = []
        self.outputs: list[str] = []

    def program(self, record: Sequence[Any]) -> Program:
        place: list[int] = []  # call in the record -> node
        for index, entry in enumerate(record):
            call = self.call(entry, index)
            place.append(self.add(call, [place[source] for source in call.inputs]))
        return Program.of(self.nodes, place[-1])

    def label(self, entry: Any, index: int) -> str:
        name = entry.get("function", entry.get("type")) if isinstance(entry, dict) else None
        return f"{self.where}, node {index}" + (f" ({name})" if isinstance(name, str) else "")

    def call(self, entry: Any, index: int) -> _Call:
        label = self.label(entry, index)
        if not isinstance(entry, dict):
            raise ProgramError(f"{label}: a call must be an object with 'function' and 'inputs', not {_shown(entry)}")
        function = entry.get("function", entry.get("type"))
        if not isinstance(function, str):
            raise ProgramError(f"{label}: 'function' must be the name of a function, not {_shown(function)}")
        if function not in self.functions and function not in _MACROS:
            known = nearest(function, (*self.functions, *_MACROS))
            raise ProgramError(f"{label}: CLEVR has no function {function!r}{known}")
        inputs, values = entry.get("inputs"), entry.get("value_inputs", entry.get("side_inputs", []))
        if not isinstance(inputs, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in inputs):
            raise ProgramError(f"{label}: 'inputs' must be a list of node numbers, not {_shown(inputs)}")
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise ProgramError(f"{label}: 'value_inputs' must be a list of words, not {_shown(values)}")
        for source in inputs:
            if not 0 <= source < index:
                raise ProgramError(f"{label}: reads node {source}, but only earlier nodes may be read")
        return _Call(label, function, tuple(inputs), tuple(values))

    def add(self, call: _Call, sources: list[int]) -> int:
        """Add the nodes of a call; returns the one that gives its result."""
        if call.function in _MACROS:
            return self.expand(call, sources)
        function = self.functions[call.function]
        takes_value = function.operation in (_FILTER, _RELATE)
        if len(call.values) != takes_value:
            wanted = "one value" if takes_value else "no value"
            raise ProgramError(f"{call.label}: needs {wanted} in 'value_inputs', not {list(call.values)}")
        return self.append(call, function, sources, call.values[0] if takes_value else None)

    def append(self, call: _Call, function: _Function, sources: list[int], value: str | None = None) -> int:
        if len(sources) != len(function.inputs):
            raise ProgramTypeError(f"{call.label}: needs {_inputs(len(function.inputs))}, not {len(sources)}")
        for source, wanted in zip(sources, function.inputs, strict=True):
            if self.outputs[source] != wanted:
                given = f"{self.nodes[source].head} gives {self.outputs[source]}"
                raise ProgramTypeError(f"{call.label}: reads {wanted}, but {given}")
        try:
            node = self.node(function, tuple(sources), value)
        except DomainError as error:
            raise ProgramError(f"{call.label}: {error}") from None
        self.nodes.append(node)
        self.outputs.append(function.output)
        return len(self.nodes) - 1

    def node(self, function: _Function, sources: tuple[int, ...], value: str | None) -> Node:
        if value is None:
            return Node(function.operation, sources, function.attribute)
        if function.attribute is None:
            return Node(function.operation, sources, None, (self.domain.relation(value).name,))
        self.domain.attribute(function.attribute).index(value)
        return Node(function.operation, sources, None, (Concept(function.attribute, value),))

    def expand(self, call: _Call, sources: list[int]) -> int:
        values = list(call.values)
        for step in _MACROS[call.function]:
            if step == _FILTER:
                sources = self.filters(call, sources, values)
            elif step == _RELATE:
                if not values or _is_open(values[0]):
                    raise ProgramError(f"{call.label}: needs a relation as its first value")
                sources = [self.append(call, self.functions[_RELATE], sources, values.pop(0))]
            else:
                sources = [self.append(call, self.functions[step], sources)]
        return sources[0]

    def filters(self, call: _Call, sources: list[int], values: list[str]) -> list[int]:
        """Add a filter for each value given, in the order of the domain's attributes."""
        if len(sources) != 1:
            raise ProgramTypeError(f"{call.label}: needs {_inputs(1)}, not {len(sources)}")
        if call.function == _FILTER and not values:
            raise ProgramError(f"{call.label}: needs at least one value in 'value_inputs'")
        found = sorted(self.concepts(call, values), key=lambda concept: self.domain.attribute_ids[concept.attribute])
        if len({concept.attribute for concept in found}) != len(found):
            raise ProgramError(f"{call.label}: two values of one attribute in {values}")
        for concept in found:
            sources = [self.append(call, self.functions[f"filter_{concept.attribute}"], sources, concept.value)]
        return sources

    def concepts(self, call: _Call, values: list[str]) -> Iterator[Concept]:
        attributes = self.domain.attributes
        for position, value in enumerate(values):
            if _is_open(value):
                continue
            owners = [attribute.name for attribute in attributes if value in attribute.values]
            if not owners:
                known = nearest(value, (value for _, value in self.domain.concepts))
                raise ProgramError(f"{call.label}: {self.domain.name} has no value {value!r}{known}")
            # A word that several attributes share is told apart by its place, as in the templates.
            placed = attributes[position].name if position < len(attributes) else owners[0]
            yield Concept(placed if placed in owners else owners[0], value)


def _is_open(value: str) -> bool:
    """Whether a macro's value is left open: empty, or a template's placeholder such as ``<C2>``."""
    return not value or (value.startswith("<") and value.endswith(">"))


def _inputs(number: int) -> str:
    return f"{number} input" if number == 1 else f"{number} inputs"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
