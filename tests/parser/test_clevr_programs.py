"""CLEVR's functional programs, in and out."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.errors import ProgramError, ProgramTypeError
from nmn.parser.clevr import export_program, import_program
from nmn.program import Concept, Node, Program

CLEVR = Domain.load("clevr")
FILES = (
    "clevr_mini/train/CLEVR_questions.json",
    "clevr_mini/val/CLEVR_questions.json",
    "clevr_official/questions/CLEVR_train_generated.json",
    "clevr_official/questions/CLEVR_val_generated.json",
    "clevr_rendered/questions/CLEVR_val_questions.json",
    "clevr_rendered/questions/CLEVR_calib_questions.json",
    "clevr_rendered/questions/CLEVR_train_questions.json",
)
SAMPLED_EVERY = 50


def call(function: str, *inputs: int, values: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"function": function, "inputs": list(inputs), "value_inputs": list(values)}


def read(*calls: Any) -> Program:
    return import_program(list(calls), CLEVR, where="question 17")


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Well-typed programs over CLEVR's operations, shared nodes among them."""
    nodes: list[Node] = [Node("scene")]
    kinds = ["set"]

    def add(node: Node, kind: str) -> int:
        nodes.append(node)
        kinds.append(kind)
        return len(nodes) - 1

    def any_set() -> int:
        return draw(st.sampled_from([index for index, kind in enumerate(kinds) if kind == "set"]))

    for _ in range(draw(st.integers(0, 8))):
        step = draw(st.sampled_from(("scene", "filter", "relate", "same", "union", "intersect")))
        if step == "scene":
            add(Node("scene"), "set")
        elif step == "filter":
            add(Node("filter", (any_set(),), None, (Concept(*draw(st.sampled_from(CLEVR.concepts))),)), "set")
        elif step == "relate":
            relation = draw(st.sampled_from([relation.name for relation in CLEVR.relations]))
            add(Node("relate", (add(Node("unique", (any_set(),)), "object"),), None, (relation,)), "set")
        elif step == "same":
            attribute = draw(st.sampled_from([attribute.name for attribute in CLEVR.attributes]))
            add(Node("same", (add(Node("unique", (any_set(),)), "object"),), attribute), "set")
        else:
            add(Node(step, (any_set(), any_set())), "set")
    if draw(st.booleans()):
        counts = add(Node("count", (any_set(),)), "count"), add(Node("count", (any_set(),)), "count")
        add(Node(draw(st.sampled_from(("equal_integer", "less_than", "greater_than"))), counts), "bool")
    else:
        add(Node("query", (add(Node("unique", (any_set(),)), "object"),), "color"), "value")
    return Program.of(nodes)


@given(programs())
def test_importing_an_export_gives_the_program_back(program: Program) -> None:
    assert import_program(export_program(program, CLEVR), CLEVR, where="") == program


@given(programs())
def test_exporting_an_import_gives_the_record_back(program: Program) -> None:
    record = export_program(program, CLEVR)
    assert export_program(import_program(record, CLEVR, where=""), CLEVR) == record


def test_a_record_is_read() -> None:
    program = read(
        call("scene"),
        call("filter_color", 0, values=("red",)),
        call("unique", 1),
        call("relate", 2, values=("left",)),
        call("count", 3),
    )
    assert program.text == "count(relate(unique(filter(scene(), color=red)), left))"


def test_the_other_names_of_keys_are_read_and_other_keys_ignored() -> None:
    program = read(
        {"type": "scene", "inputs": [], "_output": [0, 1]},
        {"type": "filter_shape", "inputs": [0], "side_inputs": ["cube"], "_output": [1]},
        {"type": "exist", "inputs": [1], "side_inputs": []},
    )
    assert program.text == "exist(filter(scene(), shape=cube))"


@pytest.mark.parametrize(
    ("macro", "values", "text"),
    [
        ("filter_count", ("small", "", "metal", ""), "count(filter(scene(), size=small, material=metal))"),
        ("filter_exist", ("<Z>", "red", "<M>", "<S>"), "exist(filter(scene(), color=red))"),
        ("filter_exist", ("cube", "red"), "exist(filter(scene(), color=red, shape=cube))"),
        ("filter_count", (), "count(scene())"),
        ("filter", ("<Z>", "<C>", "<M>", "<S>"), "scene()"),
        ("filter", ("", "", "", "cube"), "filter(scene(), shape=cube)"),
        ("filter_unique", ("", "", "", "cube"), "unique(filter(scene(), shape=cube))"),
    ],
)
def test_template_macros_are_spelled_out(macro: str, values: tuple[str, ...], text: str) -> None:
    assert read(call("scene"), call(macro, 0, values=values)).text == text


@pytest.mark.parametrize(
    ("macro", "text"),
    [
        ("relate_filter", "filter(relate(unique(scene()), behind), color=red)"),
        ("relate_filter_unique", "unique(filter(relate(unique(scene()), behind), color=red))"),
        ("relate_filter_count", "count(filter(relate(unique(scene()), behind), color=red))"),
        ("relate_filter_exist", "exist(filter(relate(unique(scene()), behind), color=red))"),
    ],
)
def test_relating_macros_are_spelled_out(macro: str, text: str) -> None:
    assert read(call("scene"), call("unique", 0), call(macro, 1, values=("behind", "", "red"))).text == text


SCENE = call("scene")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "at least one call"),
        ({"function": "scene"}, "must be a list"),
        ([7], "node 0: a call must be an object"),
        ([{"inputs": []}], "'function' must be the name"),
        ([SCENE, call("filter_colour", 0, values=("red",))], "node 1 (filter_colour): CLEVR has no function"),
        ([SCENE, call("filter_color", 0)], "node 1 (filter_color): needs one value"),
        ([SCENE, call("filter_color", 0, values=("redd",))], "did you mean 'red'"),
        ([SCENE, call("filter_color", 0, values=("red", "blue"))], "needs one value"),
        ([SCENE, call("count", 0, values=("red",))], "needs no value"),
        ([SCENE, call("count", 0, 0)], "needs 1 input, not 2"),
        ([SCENE, call("count", 1)], "reads node 1, but only earlier nodes"),
        ([SCENE, call("count", -1)], "reads node -1"),
        ([SCENE, {"function": "count", "inputs": "0"}], "'inputs' must be a list"),
        ([SCENE, {"function": "count", "inputs": [True]}], "'inputs' must be a list"),
        ([SCENE, {"function": "count", "inputs": [0], "value_inputs": None}], "'value_inputs' must be a list"),
        ([SCENE, call("query_color", 0)], "reads one object, but scene gives a set of objects"),
        ([SCENE, call("unique", 0), call("relate", 1, values=("above",))], "no relation 'above'"),
        ([SCENE, call("unique", 0), call("relate_filter", 1, values=("<R>", "red"))], "needs a relation"),
        ([SCENE, call("filter", 0, values=("red", "blue"))], "two values of one attribute"),
        ([SCENE, call("filter_count", 0, values=("reed",))], "no value 'reed'"),
        ([SCENE, call("filter", 0)], "needs at least one value"),
        ([SCENE, call("filter_count")], "needs 1 input, not 0"),
        ([SCENE, call("equal_integer", 0)], "needs 2 inputs, not 1"),
    ],
)
def test_malformed_records_are_refused_in_words(record: Any, message: str) -> None:
    with pytest.raises(ProgramError, match="question 17") as raised:
        import_program(record, CLEVR, where="question 17")
    assert message in str(raised.value)


def test_values_of_two_attributes_cannot_be_compared() -> None:
    with pytest.raises(ProgramTypeError, match="a value of size"):
        read(SCENE, call("unique", 0), call("query_size", 1), call("query_color", 1), call("equal_size", 2, 3))


def test_programs_of_other_languages_cannot_be_exported() -> None:
    with pytest.raises(ProgramError, match=r"node 1 \(verify\)"):
        export_program(Program.of([Node("scene"), Node("verify", (0,))]), CLEVR)


def records(folder: Path, file: str) -> list[list[dict[str, Any]]]:
    path = folder / file
    if not path.is_file():
        pytest.skip(f"needs {path}")
    return [question["program"] for question in json.loads(path.read_text())["questions"]]


def plain(record: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{key: entry[key] for key in ("function", "inputs", "value_inputs")} for entry in record]


def in_post_order(record: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A record with its calls in post-order, as programs hold them, found here by itself."""
    order: list[int] = []

    def visit(index: int) -> None:
        for source in record[index]["inputs"]:
            visit(source)
        if index not in order:
            order.append(index)

    visit(len(record) - 1)
    return [{**record[index], "inputs": [order.index(source) for source in record[index]["inputs"]]} for index in order]


def check(found: list[list[dict[str, Any]]]) -> None:
    for index, record in enumerate(found):
        program = import_program(record, CLEVR, where=f"question {index}")
        exported = export_program(program, CLEVR)
        assert exported == in_post_order(plain(record))
        assert import_program(exported, CLEVR, where=f"question {index}") == program


@pytest.mark.parametrize("file", FILES)
def test_sampled_real_records_come_back(shared_data: Path, file: str) -> None:
    check(records(shared_data, file)[::SAMPLED_EVERY])


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_all_real_records_come_back(shared_data: Path, file: str) -> None:
    check(records(shared_data, file))


def test_every_template_of_clevr_is_read_with_its_placeholders_open(shared_data: Path) -> None:
    folder = shared_data / "clevr_templates" / "CLEVR_1.0_templates"
    relations = {"<R>": "left", "<R2>": "behind", "<R3>": "front"}
    for path in sorted(folder.glob("*.json")):
        for index, template in enumerate(json.loads(path.read_text())):
            nodes = [
                {**node, "side_inputs": [relations.get(value, value) for value in node.get("side_inputs", [])]}
                for node in template["nodes"]
            ]
            # A few templates hold the plain function, whose value cannot be left open.
            if not any(node["type"].removeprefix("filter_") in CLEVR.attribute_ids for node in nodes):
                assert import_program(nodes, CLEVR, where=f"{path.name} {index}")
