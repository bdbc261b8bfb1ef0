"""Signatures: what an operation reads and gives, taken from the annotations of its module's ``forward``.

They are read from the source's syntax tree, so that parsing and checking need no torch; a test keeps them equal to the
annotations that Python sees.
"""

import ast
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nmn.errors import RegistryError, nearest

INPUT_KINDS = ("ObjectSet", "Object", "Count", "Bool", "Value", "Choice", "AttributeName")
CONSTANT_KINDS = ("Concept", "Relation")
ANSWER_KINDS = ("Count", "Bool", "Value", "Choice", "AttributeName")
BRACKET_KIND = "Attribute"
CHOICE_KIND = "Choice"
ATTRIBUTE_NAME_KIND = "AttributeName"
PRESUPPOSITION_KIND = "Presupposition"
SCENE_TYPE = "SceneGraph"
DECORATOR = "module"


@dataclass(frozen=True)
class Parameter:
    """One parameter of ``forward`` after the scene."""

    name: str
    kind: str


@dataclass(frozen=True)
class Signature:
    """What an operation reads and gives.

    Attributes:
        operation: The word in programs.
        parameters: Those of ``forward`` in order, without ``self`` and the scene.
        output: Kind of the result.
        reads_scene: Whether ``forward`` takes the scene first.
        presupposes: Whether ``forward`` also gives the probability that what it takes for granted holds.
        module: Import name of the file that declares it.
        class_name: Name of its class there.
        summary: First line of the class's docstring.
        needs: Attributes and relations that it reads without a constant that names them.
        variant: Which of several modules of one operation it is; empty for the one that runs unless another is chosen.
    """

    operation: str
    parameters: tuple[Parameter, ...]
    output: str
    reads_scene: bool
    presupposes: bool
    module: str
    class_name: str
    summary: str
    needs: tuple[str, ...] = ()
    variant: str = ""

    @property
    def inputs(self) -> tuple[Parameter, ...]:
        """Parameters that are values of other nodes."""
        return tuple(parameter for parameter in self.parameters if parameter.kind in INPUT_KINDS)

    @property
    def constants(self) -> tuple[Parameter, ...]:
        """Parameters that are constants of the domain."""
        return tuple(parameter for parameter in self.parameters if parameter.kind in CONSTANT_KINDS)

    @cached_property
    def constant_kinds(self) -> tuple[str, ...]:
        """Kinds of the ids of the domain that a call carries, its constants and its attribute, in order."""
        return tuple(parameter.kind for parameter in self.parameters if parameter.kind not in INPUT_KINDS)

    @property
    def constant_count(self) -> int:
        """How many those are."""
        return len(self.constant_kinds)

    @property
    def bracket(self) -> bool:
        """Whether an attribute stands in brackets behind the name."""
        return any(parameter.kind == BRACKET_KIND for parameter in self.parameters)

    @property
    def chains(self) -> bool:
        """Whether several concepts in one call are short for a chain of calls: ``filter(x, size=large, shape=cube)``."""
        kinds = [parameter.kind for parameter in self.parameters]
        return kinds == [self.output, "Concept"]

    def __str__(self) -> str:
        bracket = "[attribute]" if self.bracket else ""
        shown = ", ".join(
            f"{parameter.name}: {self._kind(parameter.kind)}" for parameter in (*self.inputs, *self.constants)
        )
        return f"{self.operation}{bracket}({shown}) -> {self._kind(self.output)}"

    def _kind(self, kind: str) -> str:
        return f"{kind}[attribute]" if kind == "Value" and self.bracket else kind


def read_signatures(path: Path, module: str) -> tuple[Signature, ...]:
    """The signatures that a source file declares with ``@module("name")``.

    Raises: RegistryError naming file and line when a declaration is not understood.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    found = []
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            name = _operation_name(statement)
            if name is not None:
                found.append(_class_signature(statement, name, path, module))
    return tuple(found)


def _variant(declared: ast.ClassDef) -> str:
    for decorator in declared.decorator_list:
        if isinstance(decorator, ast.Call) and _last_name(decorator.func) == DECORATOR:
            for keyword in decorator.keywords:
                if keyword.arg == "variant" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return ""


def _needs(declared: ast.ClassDef, where: str) -> tuple[str, ...]:
    """What ``needs = ("...",)`` in a class says. Raises: RegistryError when it is no tuple of plain words."""
    for item in declared.body:
        target = (
            item.target
            if isinstance(item, ast.AnnAssign)
            else item.targets[0]
            if isinstance(item, ast.Assign)
            else None
        )
        if isinstance(target, ast.Name) and target.id == "needs" and isinstance(item, ast.Assign | ast.AnnAssign):
            try:
                found = ast.literal_eval(item.value) if item.value is not None else ()
            except ValueError:
                found = None
            if not isinstance(found, tuple) or not all(isinstance(each, str) for each in found):
                raise RegistryError(f"{where}: 'needs' must be a tuple of names, written out")
            return found
    return ()


def _operation_name(declared: ast.ClassDef) -> str | None:
    for decorator in declared.decorator_list:
        if isinstance(decorator, ast.Call) and _last_name(decorator.func) == DECORATOR and decorator.args:
            argument = decorator.args[0]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                return argument.value
    return None


def _class_signature(declared: ast.ClassDef, operation: str, path: Path, module: str) -> Signature:
    where = f"{path.name}, line {declared.lineno}: module {operation!r}"
    forward = next(
        (item for item in declared.body if isinstance(item, ast.FunctionDef) and item.name == "forward"), None
    )
    if forward is None or forward.returns is None:
        raise RegistryError(f"{where} needs a method 'forward' with annotations, its result's too")
    annotated = [(argument.arg, _annotation(argument.annotation)) for argument in forward.args.args[1:]]
    returned = forward.returns
    parts = _parts(returned)
    outputs = [_annotation(returned)] if parts is None else [_annotation(part) for part in parts]
    summary = (ast.get_docstring(declared) or "").split("\n")[0]
    return make_signature(
        operation,
        annotated,
        outputs,
        presupposes=parts is not None,
        where=where,
        summary=summary,
        origin=(module, declared.name),
        needs=_needs(declared, where),
        variant=_variant(declared),
    )


def make_signature(
    operation: str,
    annotated: list[tuple[str, str]],
    outputs: list[str],
    *,
    presupposes: bool,
    where: str,
    summary: str,
    origin: tuple[str, str],
    needs: tuple[str, ...] = (),
    variant: str = "",
) -> Signature:
    """Check the kinds of a declaration and make its signature.

    Raises: RegistryError when a kind is unknown or out of place.
    """
    reads_scene = bool(annotated) and annotated[0][1] == SCENE_TYPE
    parameters = tuple(Parameter(name, kind) for name, kind in annotated[1 if reads_scene else 0 :])
    known = (*INPUT_KINDS, *CONSTANT_KINDS, BRACKET_KIND)
    for parameter in parameters:
        if parameter.kind not in known:
            raise RegistryError(
                f"{where}: {parameter.name!r} has kind {parameter.kind!r}{nearest(parameter.kind, known)}"
            )
    if sum(parameter.kind == BRACKET_KIND for parameter in parameters) > 1:
        raise RegistryError(f"{where}: only one attribute can stand in the brackets")
    if presupposes and outputs[1:] != [PRESUPPOSITION_KIND]:
        raise RegistryError(f"{where}: a tuple result must be (result, {PRESUPPOSITION_KIND})")
    if outputs[0] not in INPUT_KINDS:
        raise RegistryError(f"{where}: its result has kind {outputs[0]!r}{nearest(outputs[0], INPUT_KINDS)}")
    if outputs[0] == CHOICE_KIND and [each.kind in CONSTANT_KINDS for each in parameters].count(True) != 2:
        raise RegistryError(f"{where}: a {CHOICE_KIND} is made between two constants, its parameters")
    if not operation.isidentifier():
        raise RegistryError(f"{where}: an operation's name must be letters, digits and '_'")
    return Signature(operation, parameters, outputs[0], reads_scene, presupposes, *origin, summary, needs, variant)


def _parts(returned: ast.expr) -> list[ast.expr] | None:
    """The parts of ``tuple[...]``, or None for anything else."""
    if isinstance(returned, ast.Subscript) and _last_name(returned.value) == "tuple":
        return returned.slice.elts if isinstance(returned.slice, ast.Tuple) else [returned.slice]
    return None


def _annotation(node: ast.expr | None) -> str:
    return "" if node is None else _last_name(node)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.rsplit(".", 1)[-1]
    return ""
