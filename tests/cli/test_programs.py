"""`nmn parse`, `nmn check`, `nmn run`, `nmn modules`: questions, programs and scenes, right and wrong."""

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUESTIONS, SCENES = Path("demo/samples/questions.json"), Path("demo/samples/scenes.json")
COUNT = "count(scene())"
Write = Callable[[str, Any], Path]


@pytest.fixture
def scene(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / SCENES).read_text())["scenes"][0]
    return found


def test_a_question_becomes_a_program(nmn: Any) -> None:
    done = nmn("parse", "How many cubes are left of the red ball?")
    program = "count(filter(relate(unique(filter(scene(), color=red, shape=sphere)), left), shape=cube))"
    assert (done.code, done.out) == (0, f"{program}\n")
    record = nmn("parse", "How many cubes are left of the red ball?", "--json").json()
    assert set(record) == {"question", "known", "readings", "attempts"}
    assert record["known"]
    assert record["readings"][0]["program"] == program
    assert set(record["readings"][0]) == {"program", "nodes", "spans", "confidence", "link", "seconds"}


@pytest.mark.parametrize("question", ["", "   ", "\t\n"])
def test_an_empty_question_is_refused_without_a_caret_under_nothing(nmn: Any, question: str) -> None:
    nmn("parse", question).refused("empty")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("Wie viele Würfel gibt es?", "English"),
        ("有几个红色的球?", "English"),
        ("Combien de cubes y a-t-il?", "unknown word"),
        ("How many dogs are there?", "'dogs'"),
        ("How many " * 5000, "characters"),
        ("How many large " + "large " * 500 + "dogs are there?", "'dogs'"),
        ("z" * 9000, "unknown word"),
        ("How many \x1b[31mcubes\x07 are there?", "U+001B"),
        ("How many\x00cubes?", "U+0000"),
        ("Is there a cu\u202ebe?", "U+202E"),
        ("Is there a \ud800?", "U+D800"),
        ("cube", ""),
        ("?!", ""),
    ],
)
def test_questions_that_cannot_be_read_are_refused_with_a_caret(nmn: Any, question: str, words: str) -> None:
    done = nmn("parse", question, "--parser", "grammar")
    done.refused(words, lines=3)
    text, caret = done.err.splitlines()[1:]
    assert set(caret) == {" ", "^"} or set(caret) == {"^"}
    assert max(len(text), len(caret)) <= 106
    assert len(done.err.splitlines()[0]) < 1100


def test_the_caret_stands_under_wide_and_replaced_letters(nmn: Any) -> None:
    done = nmn("check", "count(球)")
    assert done.err.splitlines()[1:] == ["count(球)", "      ^^"]
    done = nmn("check", 'count(filter(scene(), color="球球", shape="e\u0301"))')
    assert done.err.splitlines()[2] == " " * 22 + "^" * 12
    done = nmn("check", "count(filter(scene(),\tcolor=\x07redd))")
    assert done.err.splitlines()[1] == "count(filter(scene(), color=\ufffdredd))"


def test_narrow_terminals_get_a_short_caret_line(nmn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    done = nmn("parse", "How many large large large large large dogs are there?")
    assert all(len(line) <= 30 for line in done.err.splitlines()[1:])


@pytest.mark.parametrize("columns", ["1", "20", "59", "80", "200"])
def test_terminals_of_any_width_show_a_trace(nmn: Any, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = nmn("run", "exist(filter(scene(), size=small))", "--scene", SCENES, "--index", 0, "--trace")
    assert done.code == 0
    assert done.out.split()[0] in ("yes", "no")


def test_a_file_of_questions_gets_programs(nmn: Any, write: Write, root: Path, tmp_path: Path) -> None:
    records = json.loads((root / QUESTIONS).read_text())["questions"][:3]
    records[1]["question"] = "How many cubez are there?"
    path, out = write("my questions.json", {"info": {"split": "mine"}, "questions": records}), tmp_path / "out.json"
    done = nmn("parse", path, "--output", out, "--json", "--parser", "grammar")
    assert (done.code, done.json()) == (1, {"questions": 3, "parsed": 2, "refused": [records[1]["question_index"]]})
    written = json.loads(out.read_text())
    assert written["info"] == {"split": "mine"}
    first, second, third = written["questions"]
    assert isinstance(first["program"], list)
    assert second["program"] is None
    assert "cubez" in second["error"]
    assert "error" not in third
    assert nmn("check", out, "--format", "clevr").code == 1
    assert nmn("parse", path, "--output", out, "--format", "nmn", "--limit", 1).code == 0
    (only,) = json.loads(out.read_text())["questions"]
    assert nmn("check", only["program"]).code == 0
    shown = nmn("parse", path, "--output", out, "--parser", "grammar")
    assert "2 of 3 questions parsed" in shown.out
    assert "cubez" in shown.out


def test_output_that_cannot_be_written_is_refused_before_the_work(nmn: Any, tmp_path: Path) -> None:
    nmn("parse", QUESTIONS).refused("--output")
    nmn("parse", QUESTIONS, "--output", tmp_path).refused("folder")
    nmn("parse", QUESTIONS, "--output", tmp_path / "no" / "out.json").refused("no folder")
    nmn("parse", QUESTIONS, "--output", "/dev/null").refused("plain file")
    nmn("parse", "How many cubes are there?", "--output", tmp_path / "out.json").refused("questions file")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{\n  oops\n}", "line 2"),
        ("", "empty"),
        ('{"questions": [', "cut short"),
        ([1], "questions"),
        ({"questions": [{"question": 3}]}, "question"),
        (b"\xff\xd8", "UTF-8"),
    ],
)
def test_files_that_hold_no_questions_are_refused(
    nmn: Any, write: Write, tmp_path: Path, content: Any, words: str
) -> None:
    path = write("q.json", content)
    nmn("parse", path, "--output", tmp_path / "o.json").refused(words, str(path))
    nmn("check", path, "--format", "clevr").refused(words)
    nmn("eval", "clevr", "--questions", path, "--scenes", SCENES).refused(words)


def test_missing_files_and_folders_are_refused(nmn: Any, tmp_path: Path) -> None:
    for arguments in (
        ("parse", "none.json", "--output", tmp_path / "o.json"),
        ("check", "none.json", "--format", "clevr"),
        ("check", "none.nmn"),
        ("run", COUNT, "--scene", tmp_path / "none.json", "--index", 0),
        ("run", COUNT, "--image", tmp_path / "none.jpg"),
        ("eval", "clevr", "--questions", tmp_path / "none.json", "--scenes", SCENES),
        ("eval", "clevr", "--questions", QUESTIONS, "--scenes", tmp_path / "none.json"),
        ("eval", "clevr", "--questions", QUESTIONS, "--images", tmp_path / "none"),
    ):
        nmn(*arguments).refused("no ", "none")
    for arguments in (
        ("parse", tmp_path, "--output", tmp_path / "o.json"),
        ("check", tmp_path),
        ("run", COUNT, "--scene", tmp_path, "--index", 0),
        ("eval", "clevr", "--questions", tmp_path, "--scenes", SCENES),
        ("eval", "clevr", "--questions", QUESTIONS, "--images", QUESTIONS),
    ):
        nmn(*arguments).refused("folder")


def call(operation: str, *inputs: int) -> dict[str, Any]:
    return {"operation": operation, "inputs": inputs, "attribute": None, "constants": []}


def calls(*nodes: dict[str, Any]) -> str:
    return json.dumps({"version": 1, "nodes": nodes})


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("", "empty"),
        ("{", "not JSON"),
        ("{}", "version"),
        ('{"a":' * 3000, "nested"),
        ("[1, 2]", "object"),
        ('{"version": 1, "nodes": []}', "at least one call"),
        (calls(call("count", 0)), "cycle"),
        (calls(call("unique", 1), call("count", 0)), "cycle"),
        (calls(call("scene"), call("count", 7)), "7"),
        ('{"version": 1, "nodes": [{"operation": "count", "inputs": [NaN]}]}', ""),
        ('{"questions": []}', "--format clevr"),
    ],
)
def test_json_programs_that_are_wrong_are_refused(nmn: Any, write: Write, program: str, words: str) -> None:
    nmn("check", program).refused(words)
    nmn("run", write("program.json", program), "--scene", SCENES, "--index", 0).refused(words)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("count(", "ends too early"),
        ("scene()", "must end in"),
        ("count(unique(scene()))", "needs an ObjectSet"),
        ("count(scene(), scene())", "1 input"),
        ("count()", "1 input"),
        ("count(scene(), red)", "constant"),
        ("count(filter(scene(), color=redd))", "did you mean 'red'"),
        ("count(filter(scene(), colour=red))", "'color'"),
        ("cuont(scene())", "did you mean 'count'"),
        ("query(unique(scene()))", "attribute in brackets"),
        ("count(relate(unique(scene()), lft))", "'left'"),
        ("let a = scene(); count(scene())", "never used"),
        ("count(scene()) \x1b[2J", r"\x1b"),
        ("a" * 100_000, "ends too early"),
    ],
)
def test_programs_that_are_wrong_are_refused_with_a_caret(nmn: Any, program: str, words: str) -> None:
    nmn("check", program).refused(words, lines=3)
    nmn("run", program, "--scene", SCENES, "--index", 0).refused(words, lines=3)


def test_check_prints_the_type_of_every_call(nmn: Any, write: Write) -> None:
    record = nmn("check", write("program.nmn", f"{COUNT}\n"), "--json").json()
    assert record["type"] == "Count"
    assert record["nodes"] == [
        {"index": 0, "call": "scene", "inputs": [], "type": "ObjectSet"},
        {"index": 1, "call": "count", "inputs": [0], "type": "Count"},
    ]
    shown = nmn("check", "query[color](unique(scene()))")
    assert "query[color](#1)" in shown.out
    assert "Value[color]" in shown.out


def test_check_reads_a_program_of_clevr(nmn: Any, root: Path) -> None:
    question = json.loads((root / QUESTIONS).read_text())["questions"][0]
    assert nmn("check", json.dumps(question["program"])).code == 0


def test_check_counts_a_files_programs_and_names_the_wrong_ones(nmn: Any, write: Write, root: Path) -> None:
    whole = nmn("check", QUESTIONS, "--format", "clevr")
    assert whole.code == 0
    assert "48 of 48 programs are well formed" in whole.out
    document = json.loads((root / QUESTIONS).read_text())
    for record in document["questions"][:20]:
        record["program"] = [{"type": "nonsense", "inputs": [], "value_inputs": []}]
    path = write("q.json", document)
    done = nmn("check", path, "--format", "clevr")
    assert done.code == 1
    assert "and 10 more" in done.out
    record = nmn("check", path, "--format", "clevr", "--json", "--limit", 21).json()
    assert record["questions"] == 21
    assert len(record["refused"]) == 20
    assert record["reasons"] == {"CLEVR has no function": 20}


def test_index_is_the_image_index_of_the_file(nmn: Any, root: Path) -> None:
    for scene in json.loads((root / SCENES).read_text())["scenes"]:
        index = scene["image_index"]
        answer = nmn("run", COUNT, "--scene", SCENES, "--index", index, "--json").json()["answer"]
        assert answer == str(len(scene["objects"]))
    nmn("run", COUNT, "--scene", SCENES, "--index", 1).refused("image_index 1", "nearest")
    nmn("run", COUNT, "--scene", SCENES).refused("--index")
    nmn("run", COUNT, "--image", "demo/samples/CLEVR_val_000000.jpg", "--index", 0).refused("--index")
    nmn("run", COUNT).refused("--scene")


def test_a_scene_without_objects_counts_none(nmn: Any, write: Write) -> None:
    relations = {name: [] for name in ("left", "right", "front", "behind")}
    empty = {"image_index": 7, "objects": [], "relationships": relations}
    path = write("empty scene.json", {"scenes": [empty]})
    assert nmn("run", COUNT, "--scene", path, "--json").json()["answer"] == "0"
    assert nmn("run", "exist(scene())", "--scene", path, "--index", 7).out.startswith("no ")
    assert "no objects" in nmn("run", COUNT, "--scene", path, "--trace").out
    nmn("run", "query[color](unique(scene()))", "--scene", path, "--strict").refused("there is none", code=1)


def test_an_image_runs_programs_too(nmn: Any) -> None:
    done = nmn("run", COUNT, "--image", "demo/samples/CLEVR_val_000000.jpg", "--json")
    assert done.json()["question"] is None
    assert done.json()["answer"].isdigit()


def broken(scene: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    changed = copy.deepcopy(scene)
    change(changed)
    return {"scenes": [changed]}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda scene: scene.pop("objects"), "'objects'"),
        (lambda scene: scene["objects"][2].pop("color"), "object 2: lacks 'color'"),
        (lambda scene: scene["objects"][1].update(shape="cubee"), "did you mean 'cube'"),
        (lambda scene: scene["objects"][0].update({"3d_coords": [0, math.nan, 1]}), "finite"),
        (lambda scene: scene["objects"][0].update({"3d_coords": [0, 1]}), "3 numbers"),
        (lambda scene: scene["objects"][0].update(bbox=[0, 1, 2, math.inf]), "finite"),
        (lambda scene: scene["relationships"].pop("left"), "lacks 'left'"),
        (lambda scene: scene["relationships"]["left"][0].append(99), "99 is no object"),
        (lambda scene: scene["relationships"]["left"][0].append(-1), "-1 is no object"),
        (lambda scene: scene["relationships"].update(left=[[0]]), "'left'"),
        (lambda scene: scene["relationships"]["left"][0].append(0), "itself"),
        (lambda scene: scene.update(image_index="first"), "image_index"),
        (lambda scene: scene.update(directions=3), "directions"),
    ],
)
def test_scenes_that_break_the_format_are_refused(
    nmn: Any, write: Write, scene: dict[str, Any], change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    path = write("scenes.json", broken(scene, change))
    nmn("run", COUNT, "--scene", path).refused(words, str(path))
    nmn("eval", "clevr", "--questions", QUESTIONS, "--scenes", path).refused(words)


def test_a_domain_of_ones_own_is_read_from_its_file(nmn: Any, write: Write) -> None:
    domain = write(
        "fruit.toml",
        'name = "fruit"\nversion = 1\nnouns = ["fruit"]\n[attributes.ripeness]\nwords = ["ripeness"]\n'
        '[attributes.ripeness.values]\nripe = ["ripe"]\ngreen = ["green", "unripe"]\n'
        '[relations.on]\nwords = ["on"]\ninverse = "under"\n[relations.under]\nwords = ["under"]\ninverse = "on"\n',
    )
    shown = nmn("parse", "How many unripe fruits are there?", "--domain", domain)
    assert shown.out == "count(filter(scene(), ripeness=green))\n"
    objects = [{"ripeness": "ripe"}, {"ripeness": "green"}, {"ripeness": "green"}]
    relations = {"on": [[1], [], []], "under": [[], [0], []]}
    scenes = write("scenes.json", {"scenes": [{"image_index": 3, "objects": objects, "relationships": relations}]})
    done = nmn("run", shown.out.strip(), "--scene", scenes, "--domain", domain, "--json")
    assert done.json()["answer"] == "2"
    nmn("parse", "Is there a cube?", "--domain", "nonesuch").refused("no domain 'nonesuch'")
    nmn("parse", "Is there a cube?", "--domain", write("bad.toml", "name = ")).refused("bad.toml")


def test_every_operation_is_listed(nmn: Any) -> None:
    shown = nmn("modules").out
    record = nmn("modules", "--json").json()["modules"]
    for module in record:
        assert module["signature"] in shown
        assert module["summary"] in shown
    count = next(module for module in record if module["operation"] == "count")
    assert set(count) == {
        *("operation", "signature", "inputs", "constants"),
        *("attribute", "output", "module", "summary"),
    }


@pytest.mark.parametrize("arguments", [("ask",), ("bogus",), ("ask", "x.jpg"), ("parse", "--nope"), ("eval", "gqa")])
def test_wrong_usage_is_refused_and_help_is_pointed_at(nmn: Any, arguments: tuple[str, ...]) -> None:
    nmn(*arguments).refused("--help")


def test_without_a_command_the_help_is_shown(nmn: Any) -> None:
    done = nmn()
    assert done.code == 2
    assert "Usage: nmn" in done.out
    assert "Exit codes" in done.out
    assert nmn("--version").out.startswith("nmn 0.")
