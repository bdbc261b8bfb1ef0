"""The page of operations: every one with its signature, meaning, formula, and a program in each domain with its answer.

Written from the registry and the docstrings of the modules; every example is type-checked and run on a described scene.

Run: PYTHONSAFEPATH=1 python docs/tools/operations_page.py docs/operations.md
"""

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from nmn.check import check
from nmn.datasets.clevr import Clevr
from nmn.datasets.gqa import read_scene_graphs
from nmn.datasets.shapes import Beside
from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.exact import ExactBackend
from nmn.files import write_bytes
from nmn.parser.text import parse_program
from nmn.registry import Registry, class_signature, default_registry
from nmn.scenes import Scene, SceneObject
from nmn.signature import ANSWER_KINDS, BRACKET_KIND, INPUT_KINDS, Parameter, Signature

ROOT = Path(__file__).resolve().parent.parent.parent
OURS = "nmn."
CHOICES = 6  # constants and inputs tried for a parameter
DULL = ("0", "no")  # answers that are shown where there is no other
GROUPS = (
    ("Sets of objects", ("ObjectSet",)),
    ("One object", ("Object",)),
    ("Numbers", ("Count",)),
    ("Claims", ("Bool",)),
    ("Values, choices, attributes", ("Value", "Choice", "AttributeName")),
)
HEAD = """# Operations

Written by `make docs` from the registry and the docstrings of `modules/`; do not edit. `nmn modules` prints the signatures.
[The language](guides/language.md) says how calls are put together and what the types are; what stands in brackets behind a
name is an attribute. A module of an installed package joins them ([your own](guides/your-own.md)).

Formulas: `p[i]` is the probability that object i is a member of a set, `o[i]` and `s[i]` that it is the one object, `a[i, v]`
that it has the value v, `r[i, j]` that object j is so related to object i.

Every example is type-checked and was run by exact rules on a described scene of its domain: the first of CLEVR's samples
(`demo/samples/scenes.json`), GQA's sample photo (`demo/samples/gqa_scene_graphs.json`), and for SHAPES a grid with a red
circle above a green square, and a blue triangle to the right of it. Where a domain is missing, nothing on its scene has an
answer.
"""


@dataclass(frozen=True)
class Setting:
    """A domain with a scene that examples run on.

    Attributes:
        domain: What programs speak of.
        registry: The operations in it.
        scene: A certain scene.
    """

    domain: Domain
    registry: Registry
    scene: Scene

    @property
    def concepts(self) -> list[str]:
        """Constants that the scene's objects carry, one of each attribute first, as programs write them."""
        found = []
        for attribute in self.domain.attributes:
            for each in self.scene.objects:
                values = (
                    (each.attributes[attribute.name],) if attribute.exclusive else each.several.get(attribute.name, ())
                )
                found += [(attribute.name, value) for value in values]
        rare = [each for each in dict.fromkeys(found) if found.count(each) == 1]
        first = {attribute: f"{_word(attribute)}={_word(value)}" for attribute, value in reversed(rare)}
        return list(dict.fromkeys((*reversed(first.values()), *(f"{_word(one)}={_word(two)}" for one, two in rare))))

    @property
    def relations(self) -> list[str]:
        """Relations that hold of some of its objects."""
        return [_word(name) for name, rows in self.scene.relations.items() if any(rows)]


def settings() -> tuple[Setting, ...]:
    """The domains there are, each with its scene."""
    known = default_registry()
    ours = Registry({each.operation: each for each in known if each.module.startswith(OURS)})
    clevr, gqa, shapes = (Domain.load(name) for name in ("clevr", "gqa", "shapes"))
    scenes = Clevr().read_scenes(ROOT / "demo" / "samples" / "scenes.json")
    photo = read_scene_graphs(str(ROOT / "demo" / "samples" / "gqa_scene_graphs.json"), gqa, thirds=True)["park"].scene
    return (
        Setting(clevr, ours, scenes[min(scenes)]),
        Setting(gqa, ours, photo),
        Setting(shapes, ours.extended(Beside), _grid(shapes)),
    )


def _grid(domain: Domain) -> Scene:
    """A red circle in the middle of the top row, a green square below it, a blue triangle to the right of that."""
    shown = {1: ("circle", "red"), 4: ("square", "green"), 5: ("triangle", "blue")}
    names = [attribute.name for attribute in domain.attributes]
    empty = tuple(attribute.values[-1] for attribute in domain.attributes)
    objects = tuple(SceneObject(dict(zip(names, shown.get(cell, empty), strict=True))) for cell in range(9))
    steps = ((0, -1), (0, 1), (-1, 0), (1, 0))  # down and across, in the order of the domain's relations

    def beside(cell: int, down: int, across: int) -> tuple[int, ...]:
        row, column = cell // 3 + down, cell % 3 + across
        return (3 * row + column,) if 0 <= row < 3 and 0 <= column < 3 else ()

    relations = {
        relation.name: tuple(beside(cell, *step) for cell in range(9))
        for relation, step in zip(domain.relations, steps, strict=True)
    }
    return Scene(0, None, objects, relations)


def example(signature: Signature, setting: Setting) -> tuple[str, str] | None:
    """A program that calls an operation, and its answer on the setting's scene; None where none fits the domain."""
    ways = [_ways(parameter, setting) for parameter in signature.parameters]
    place = next((number for number, each in enumerate(signature.parameters) if each.kind == BRACKET_KIND), None)
    rules, dull = ExactBackend(setting.domain, setting.registry), None
    seen = rules.scene(setting.scene)
    for given in _different_first(ways):
        bracket = "" if place is None else f"[{given[place]}]"
        order = (*signature.inputs, *signature.constants)
        named = dict(zip((each.name for each in signature.parameters), given, strict=True))
        call = f"{signature.operation}{bracket}({', '.join(named[each.name] for each in order)})"
        for text in _asking(call, signature.output, setting):
            try:
                program = parse_program(text, setting.registry).program
                check(program, setting.domain, setting.registry)
            except ProgramError:
                continue
            answer = rules.run_exactly([program], [seen], [0])[0]
            if answer is not None and answer not in DULL:
                return program.text, answer
            dull = dull or (answer and (program.text, answer))
    return dull


def _different_first(ways: Sequence[Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """All combinations; those that say nothing twice come first."""
    every = list(product(*ways))
    yield from sorted(every, key=lambda given: len(given) - len(set(given)))


def _ways(parameter: Parameter, setting: Setting) -> list[str]:
    """Texts that may stand for a parameter."""
    concepts, relations = setting.concepts[:CHOICES], setting.relations[:CHOICES]
    attributes = [_word(attribute.name) for attribute in setting.domain.attributes if attribute.exclusive][:CHOICES]
    sets = [f"filter(scene(), {each})" for each in concepts]
    ones = [f"unique({each})" for each in sets]
    return {
        "ObjectSet": ["scene()", *sets] if parameter.name == "members" else sets,
        "Object": ones,
        "Count": [f"count({each})" for each in ("scene()", *sets)],
        "Bool": [f"exist({each})" for each in sets],
        "Value": [f"query[{attribute}]({each})" for attribute in attributes[:2] for each in ones],
        "Choice": [],
        "AttributeName": [],
        "Concept": concepts,
        "Relation": relations,
        BRACKET_KIND: attributes,
    }[parameter.kind]


def _asking(call: str, kind: str, setting: Setting) -> list[str]:
    """Programs with an answer that hold a call."""
    if kind in ANSWER_KINDS:
        return [call]
    if kind == "ObjectSet":
        return [f"count({call})"]
    named = [_word(attribute.name) for attribute in setting.domain.attributes if attribute.exclusive]
    return [f"query[{attribute}]({call})" for attribute in named[:1]]


def _word(name: str) -> str:
    """A name as programs write it."""
    return name if name.isidentifier() else f'"{name}"'


def description(signature: Signature, registry: Registry) -> list[str]:
    """The paragraphs of a class's docstring behind its first line, in Markdown."""
    source = Path(str(inspect.getsourcefile(registry.load(signature.operation))))
    declared = (node for node in ast.parse(source.read_text("utf-8")).body if isinstance(node, ast.ClassDef))
    text = next(ast.get_docstring(each) or "" for each in declared if each.name == signature.class_name)
    paragraphs: list[str] = []
    for part in text.split("\n\n")[1:]:
        paragraphs += re.sub(r"\n(?=(?:Source|Cost|Raises): )", "\n\n", part).split("\n\n")
    return [re.sub(r":\w+:(`[^`]+`)", r"\1", " ".join(each.split()).replace("``", "`")) for each in paragraphs]


def entry(signature: Signature, every: Sequence[Setting]) -> Iterator[str]:
    """The lines about one operation."""
    yield from ("", f"### {signature.operation}", "", "```text", str(signature), "```", "")
    yield f"{signature.summary} (`{signature.module}.{signature.class_name}`)"
    registry = next(each.registry for each in every if signature.operation in each.registry)
    for paragraph in description(signature, registry):
        yield from ("", paragraph)
    if signature.needs:
        yield from ("", f"Needs of a domain: {', '.join(f'`{each}`' for each in signature.needs)}.")
    rows = []
    for setting in every:
        found = example(signature, setting) if signature.operation in setting.registry else None
        if found is not None:
            rows.append(f"| {setting.domain.name} | `{found[0]}` | {found[1]} |")
    if rows:
        yield from ("", "| domain | example | answer |", "|---|---|---|", *rows)


def page() -> str:
    """The page, in Markdown."""
    every = settings()
    known = {each.operation: each for setting in every for each in setting.registry}
    known["beside"] = class_signature(Beside)
    lines = [HEAD.rstrip()]
    for title, kinds in GROUPS:
        lines += ["", f"## {title}"]
        for signature in sorted(
            (each for each in known.values() if each.output in kinds), key=lambda each: each.operation
        ):
            assert all(
                each.kind in (*INPUT_KINDS, "Concept", "Relation", BRACKET_KIND) for each in signature.parameters
            )
            lines += entry(signature, every)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_bytes(Path(sys.argv[1]), page().encode())
