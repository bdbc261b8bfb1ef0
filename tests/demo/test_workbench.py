"""Workbench: whatever a page sends, it gets an answer or one clear line; what it sends is never markup."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from nmn.demo.run_request import LONGEST_PROGRAM, LONGEST_QUESTION, MOST_SUPPOSITIONS
from nmn.demo.workbench import Workbench

IMAGE = "CLEVR_val_000260"
EVIL = "<img src=x onerror=alert(1)>"


def request(**fields: Any) -> dict[str, Any]:
    return {"image": IMAGE, "question": "How many cubes are there?", **fields}


def nodes(html: str) -> int:
    return len(re.findall(r'data-node="', html))


def test_a_question_is_answered_and_drawn(workbench: Workbench) -> None:
    reply = workbench.ask(request())
    assert reply["answer"] == "1"
    assert reply["program"] == "count(filter(scene(), shape=cube))"
    assert nodes(reply["html"]) == len(reply["steps"]) == 3
    assert [each["kind"] for each in reply["steps"]] == ["ObjectSet", "ObjectSet", "Count"]
    assert reply["steps"][2]["outcomes"] == ["0", "1", "2", "3", "4", "5", "6"]
    assert reply["steps"][1]["members"] == [4]
    assert reply["objects"] == list(range(6))
    json.dumps(reply, allow_nan=False)


def test_a_program_is_run_as_it_is(workbench: Workbench) -> None:
    assert workbench.ask(request(question="", program="exist(filter(scene(), color=red))"))["answer"] == "no"


def test_the_network_and_the_annotation_can_be_compared(workbench: Workbench) -> None:
    reply = workbench.ask(request(eyes="annotation", beside=request()))
    assert nodes(reply["html"]) == 6
    assert reply["html"].count("data-nmn") == 2


def test_two_networks_and_two_policies_can_be_compared(workbench: Workbench) -> None:
    second = Workbench(workbench.engine, workbench.engines["annotation"], workbench.gallery, second=workbench.engine)
    reply = second.ask(request(eyes="second network", policy="everything", beside=request()))
    assert f"A · {IMAGE} · network · lazy" in reply["html"]
    assert f"B · {IMAGE} · second network · everything" in reply["html"]
    assert "there is no second network" in workbench.ask(request(eyes="second network"))["error"]["message"]


def test_a_supposition_lights_what_it_changes(workbench: Workbench) -> None:
    cubes = workbench.ask(request(suppose=[{"object": 0, "attribute": "shape", "value": "cube"}]))
    assert cubes["answer"] == "2"
    assert "Without the supposition: 1 of 6 objects" in cubes["html"]
    assert "nmn-changed" in cubes["html"]
    assert "The answer changes from 1 to 2" in cubes["html"]
    assert cubes["suppositions"] == ["object 0 is cube"]


@pytest.mark.parametrize(
    ("supposed", "answer"),
    [
        ({"node": 1, "objects": [0, 2, 5]}, "3"),
        ({"node": 1, "objects": []}, "0"),
        ({"node": 2, "value": "6"}, "6"),
        ({"object": 4, "value": "no"}, "0"),
        ({"object": 0, "relation": "left", "anchor": 1, "value": "yes"}, "1"),
    ],
)
def test_steps_presence_and_relations_can_be_supposed(
    workbench: Workbench, supposed: dict[str, Any], answer: str
) -> None:
    for eyes in ("network", "annotation"):
        reply = workbench.ask(request(eyes=eyes, suppose=[supposed]))
        assert len(reply["suppositions"]) == 1
        if eyes == "network":
            assert reply["answer"] == answer


def test_suppositions_are_told_in_what_is_compared_and_downloaded(workbench: Workbench) -> None:
    supposed = request(suppose=[{"node": 1, "objects": [0, 2, 5]}])
    assert "suppose step #1 gives objects 0, 2, 5" in workbench.ask({**supposed, "beside": request()})["html"]
    assert "Suppose step #1 gives objects 0, 2, 5" in workbench.download(supposed)["html"]


def test_the_words_of_a_program_are_checked_as_they_are_written(workbench: Workbench) -> None:
    assert workbench.check({"program": "count(scene())"}) == {"nodes": 2}
    problem = workbench.check({"program": "count(filter(scene(), color=rde))"})["error"]
    assert problem["about"] == "program"
    assert (problem["start"], problem["end"]) == (22, 31)
    assert problem["pointer"].splitlines()[1].strip() == "^" * 9
    assert "did you mean 'red'" in problem["message"]


def test_every_edit_on_the_menu_can_be_run(workbench: Workbench) -> None:
    reply = workbench.menu({"program": "count(filter(scene(), color=red))", "node": 1})
    assert {edit["sort"] for edit in reply["edits"]} >= {"Change", "Delete", "Insert after it", "Ask about it"}
    for edit in reply["edits"][:: len(reply["edits"]) // 6]:
        assert "html" in workbench.ask(request(question="", program=edit["program"], node=edit["node"]))


def test_a_download_is_a_whole_page(workbench: Workbench) -> None:
    reply = workbench.download(request())
    assert reply["name"] == "answer.html"
    assert reply["html"].startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (None, "must be an object"),
        ([], "must be an object"),
        ({}, "nothing is asked"),
        (request(question=" "), "nothing is asked"),
        (request(question="x" * (LONGEST_QUESTION + 1)), "longest allowed"),
        (request(question="", program="x" * (LONGEST_PROGRAM + 1)), "longest allowed"),
        (request(question=7), "must be text"),
        (request(image="../../etc/passwd"), "no such image"),
        (request(image=["a"]), "must be text"),
        (request(eyes="heart"), "nobody looks"),
        (request(policy="lazzy"), "did you mean 'lazy'"),
        (request(suppose=[{}] * (MOST_SUPPOSITIONS + 1)), "list of up to"),
        (request(suppose=[{"object": True, "value": "red"}]), "whole number"),
        (request(suppose=[{"object": 99, "attribute": "color", "value": "red"}]), "no object 99"),
        (request(doubt="much"), "must be a number"),
        (request(doubt=0.1), "takes no doubt"),
        (request(policy="value", doubt=2), "from 0 to below 1"),
        (request(policy="value", budget_ms=-1), "above 0"),
        (request(suppose=[{"object": 0, "value": "maybe"}]), "'yes' or 'no'"),
        (request(suppose=[{"object": 0, "relation": "lefft", "anchor": 1, "value": "yes"}]), "did you mean 'left'"),
        (request(suppose=[{"object": 0, "relation": "left", "value": "yes"}]), "whole number"),
        (request(suppose=[{"node": 1, "objects": [0, "1"]}]), "whole number"),
        (request(suppose=[{"node": 1, "objects": list(range(1000))}]), "list of up to"),
        (request(suppose=[{"node": 40, "value": "2"}]), "no step 40"),
        (request(suppose=[{"node": 2, "value": "many"}]), "cannot give"),
        (request(suppose="all"), "list of up to"),
        (request(beside=3), "must be an object"),
        (request(question="", program="count("), "ends too early"),
        (request(question="", program="scene()"), "must end in"),
        (request(question="", program="count(filter(scene(), " + ", ".join(["color=red"] * 200) + "))"), "up to 120"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(workbench: Workbench, sent: Any, words: str) -> None:
    problem = workbench.ask(sent)["error"]
    assert words in problem["message"]
    assert "\n" not in problem["message"]
    assert workbench.download(sent)["error"] == problem


def test_menu_check_and_upload_refuse_too(workbench: Workbench) -> None:
    for reply in (
        workbench.menu({"program": "count(scene())", "node": 9}),
        workbench.menu({"program": "count(scene())"}),
        workbench.menu("count"),
        workbench.check({"program": ["x"]}),
        workbench.upload({"address": 5}),
        workbench.upload({"address": "file:///etc/passwd"}),
    ):
        assert reply["error"]["message"]


def test_a_node_that_there_is_not_does_not_matter(workbench: Workbench) -> None:
    for node in (-1, 99, "2", True, None, 1.5):
        assert "html" in workbench.ask(request(node=node))


def test_markup_in_what_is_sent_is_never_markup_in_what_comes_back(workbench: Workbench) -> None:
    for sent in (
        request(question=f"How many {EVIL} are there?"),
        request(question="", program=f'count(filter(scene(), color="{EVIL}"))'),
        request(suppose=[{"object": 0, "attribute": EVIL, "value": EVIL}]),
        request(suppose=[{"object": 0, "relation": EVIL, "anchor": 1, "value": "yes"}]),
        request(suppose=[{"node": 2, "value": EVIL}]),
    ):
        reply = workbench.ask(sent)
        assert EVIL not in reply.get("html", "")
        assert "error" in reply or "&lt;img" in reply["html"]


def test_fifty_requests_at_once_are_all_answered_and_alike(workbench: Workbench) -> None:
    asked = [
        request(question=f"How many {word} are there?")
        for word in ("cubes", "spheres", "cylinders", "things", "metal things")
    ]
    wanted = [workbench.ask(each)["answer"] for each in asked]
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(workbench.ask, asked * 10))
    assert [each.get("answer") for each in replies] == wanted * 10
