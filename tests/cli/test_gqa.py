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
