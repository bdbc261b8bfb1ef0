"""GQA on the command line: its programs and its files of questions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Write = Callable[[str, Any], Path]


def test_check_reads_a_program_of_gqa(nmn: Any) -> None:
    calls = [
        {"operation": "select", "dependencies": [], "argument": "dog (12)"},
        {"operation": "exist", "dependencies": [0], "argument": "?"},
    ]
    assert nmn("check", json.dumps(calls), "--domain", "gqa").out.startswith("exist(select(name=dog))")
    nmn("check", json.dumps(calls)).refused("clevr has no attribute 'name'")


def test_check_counts_a_files_programs_of_gqa(nmn: Any, write: Write) -> None:
    question = {"question": "Is there a dog?", "imageId": "1"}
    calls = [
        {"operation": "select", "dependencies": [], "argument": "dog (12)"},
        {"operation": "exist", "dependencies": [0], "argument": "?"},
    ]
    right = {**question, "semantic": calls}
    path = write("right.json", {"07": right})
    whole = nmn("check", path, "--format", "gqa")
    assert whole.code == 0
    assert "1 of 1 programs are well formed" in whole.out
    wrong = {**question, "semantic": [{**calls[0], "argument": "dogg (12)"}, calls[1]]}
    alone = {**question, "semantic": [calls[0], {**calls[1], "operation": "common"}]}
    path = write("mixed.json", {"07": right, "08": wrong, "09": alone, "10": question})
    done = nmn("check", path, "--format", "gqa")
    assert done.code == 1
    assert "did you mean 'dog'" in done.out
    record = nmn("check", path, "--format", "gqa", "--json").json()
    assert record["operations"] == {"select": 1, "exist": 1}
    assert record["reasons"] == {"unknown word": 1, "wrong inputs": 1, "no program": 1}
    assert list(record["refused"]) == ["08", "09", "10"]
    assert nmn("check", path, "--format", "gqa", "--limit", 1).code == 0


QUESTIONS, GRAPHS = "demo/samples/gqa_questions.json", "demo/samples/gqa_scene_graphs.json"


def test_eval_answers_questions_on_scene_graphs(nmn: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = nmn("eval", "gqa", "--questions", QUESTIONS, "--scene-graphs", GRAPHS, "--thirds", "--json", path)
    assert (done.code, done.err) == (0, "")
    assert "common" in done.out
    report = json.loads(path.read_text())
    assert (report["accuracy"], report["questions"], report["thirds"], report["left_out"]) == (1.0, 8, True, {})
    assert set(report["by_family"]) == {"query", "compare", "choose", "logical", "verify"}
    assert report["data"] == {"questions": QUESTIONS, "scene_graphs": GRAPHS}
    first = report["answers"][0]
    assert (first["key"], first["image"], first["answer"], first["type"]) == ("00", "park", "frisbee", "query[name]")
    assert nmn("eval", "compare", path, path).code == 0
    small = tmp_path / "small.json"
    nmn(
        "eval",
        "gqa",
        "--questions",
        QUESTIONS,
        "--scene-graphs",
        GRAPHS,
        "--thirds",
        "--json",
        small,
        "--batch-size",
        3,
    )
    assert json.loads(small.read_text())["answers"] == report["answers"]
    plain = nmn("eval", "gqa", "--questions", QUESTIONS, "--scene-graphs", GRAPHS, "--json", path)
    assert plain.code == 0
    report = json.loads(path.read_text())
    assert (report["correct"], report["declined"], report["answers"][-1]["answer"]) == (7, 1, None)


def test_eval_says_what_is_missing_and_what_is_left_out(nmn: Any, write: Write, tmp_path: Path) -> None:
    questions, graphs = json.loads(Path(QUESTIONS).read_text()), json.loads(Path(GRAPHS).read_text())
    questions["01"]["imageId"] = "street"
    questions["03"]["semantic"][0]["argument"] = "bensh (5)"
    del questions["05"]["answer"]
    graphs["park"]["objects"]["5"]["name"] = "bensh"
    graphs["park"]["objects"]["3"]["attributes"] += ["a\u202eb", "furious"]
    asked = ("--questions", write("questions.json", questions), "--scene-graphs", write("graphs.json", graphs))
    path = tmp_path / "report.json"
    done = nmn("eval", "gqa", *asked, "--thirds", "--json", path)
    assert done.code == 0
    assert "2 not answered: 1 for the image, 1 for the program" in done.out
    assert "no scene graph of image street" in done.out
    assert "left out of the scene graphs: attribute a" in done.out
    assert "name bensh" in done.out
    assert "\u202e" not in done.out
    report = json.loads(path.read_text())
    assert (report["questions"], report["judged"], report["correct"], report["failed"]) == (8, 7, 5, 2)
    nmn("eval", "gqa", *asked, "--thirds", "--json", path, "--on-error", "skip")
    report = json.loads(path.read_text())
    assert (report["judged"], report["correct"], report["skipped"]) == (5, 5, 2)
    nmn("eval", "gqa", *asked, "--on-error", "fail").refused("question 01: no scene graph of image street")
    assert "1 questions" in nmn("eval", "gqa", *asked, "--limit", 1).out


def test_eval_refuses_what_it_cannot_use(nmn: Any, write: Write) -> None:
    wrong = write("wrong.json", {"park": {"objects": []}})
    nmn("eval", "gqa", "--questions", QUESTIONS, "--scene-graphs", wrong).refused("'objects' must be an object")
    nmn("eval", "gqa", "--questions", wrong, "--scene-graphs", GRAPHS).refused("question park: needs 'question'")
    nmn("eval", "gqa", "--questions", QUESTIONS, "--scene-graphs", "none.json").refused("none.json")
    nmn("eval", "gqa", "--questions", QUESTIONS, "--scene-graphs", GRAPHS, "--json", GRAPHS).refused(
        "the file that is read"
    )
    nmn("eval", "gqa", "--questions", QUESTIONS, "--scene-graphs", GRAPHS, "--domain", "clevr").refused(
        "no attribute 'name'"
    )
    nmn("eval", "gqa", "--questions", QUESTIONS).refused("--scene-graphs")
