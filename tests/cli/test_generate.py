"""nmn generate questions: files that the other commands read, balanced, the same again with the same seed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from nmn.domain import Domain
from nmn.parser.clevr import import_program

SAMPLES = "demo/samples/scenes.json"


def written(path: Path) -> list[dict]:
    return json.loads(path.read_text(encoding="utf-8"))["questions"]


@pytest.fixture
def asked(nmn, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Questions on the sample scenes, made once."""
    path = tmp_path_factory.getbasetemp() / "asked.json"
    if not path.exists():
        assert nmn("generate", "questions", "--scenes", SAMPLES, "--style", "clevr", "--output", path).code == 0
    return path


def test_questions_on_scenes_check_parse_and_evaluate_without_a_mistake(nmn, asked: Path, tmp_path: Path) -> None:
    assert "120 of 120 programs are well formed" in nmn("check", asked, "--format", "clevr").out
    assert "120 of 120 questions parsed" in nmn("parse", asked, "--output", tmp_path / "parsed.json").out
    for programs in ("given", "parsed"):
        report = tmp_path / f"{programs}.json"
        done = nmn("eval", "clevr", "--questions", asked, "--scenes", SAMPLES, "--programs", programs, "--json", report)
        assert done.code == 0, done.err
        assert "100.00%" in done.out.split("all")[1].split("\n")[0]


def test_parsed_programs_are_the_ones_that_were_written(nmn, asked: Path, tmp_path: Path) -> None:
    nmn("parse", asked, "--output", tmp_path / "parsed.json")
    clevr = Domain.load("clevr")
    first, second = (
        [import_program(each["program"], clevr, where="here").canonical() for each in written(path)]
        for path in (asked, tmp_path / "parsed.json")
    )
    assert first == second


def test_every_scene_gets_as_many_questions_and_none_twice(asked: Path) -> None:
    questions = written(asked)
    assert set(Counter(each["image_index"] for each in questions).values()) == {10}
    assert len({(each["image_index"], str(each["program"])) for each in questions}) == len(questions)
    assert [each["question_index"] for each in questions] == list(range(len(questions)))
    assert all(each["image_filename"].startswith(each["image"]) for each in questions)


def test_answers_are_balanced(nmn, tmp_path: Path) -> None:
    """Yes and no differ by a tenth of their number and two at most, in every kind of question."""
    done = nmn("generate", "questions", "--scenes", SAMPLES, "--number", 240, "--output", tmp_path / "b.json", "--json")
    answers = done.json()["answers"]
    for kind, counts in answers.items():
        if set(counts) <= {"yes", "no"}:
            assert abs(counts.get("yes", 0) - counts.get("no", 0)) <= 2 + sum(counts.values()) / 10, kind
    assert max(answers["count"].values()) < sum(answers["count"].values()) / 3
    assert sum(done.json()["kinds"].values()) == 240


def test_a_seed_gives_the_same_bytes_again(nmn, tmp_path: Path) -> None:
    options = ("generate", "questions", "--number", 40, "--style", "noisy", "--style", "spoken")
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert nmn(*options, "--seed", seed, "--output", tmp_path / name).code == 0
    first, second, third = ((tmp_path / name).read_bytes() for name in "abc")
    assert first == second
    assert first.replace(b'"seed": 5', b"") != third.replace(b'"seed": 6', b"")


def test_questions_are_printed_with_their_programs(nmn) -> None:
    done = nmn("generate", "questions", "--number", 3)
    assert done.code == 0
    assert sum("(scene()" in line for line in done.out.splitlines()) >= 3
    summary = nmn("generate", "questions", "--number", 3, "--style", "outside", "--json").json()
    assert summary["kinds"] == {"outside": 3}
    assert [each["program"] for each in summary["questions"]] == [None] * 3


def test_other_domains_have_questions_too(nmn, tmp_path: Path) -> None:
    path = tmp_path / "gqa.json"
    done = nmn("generate", "questions", "--domain", "gqa", "--number", 20, "--output", path)
    assert done.code == 0
    assert "values" in done.err
    assert "no word is theirs alone" in " ".join(done.err.split())
    assert "20 of 20" in nmn("check", path, "--format", "clevr", "--domain", "gqa").out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--scenes", SAMPLES, "--style", "outside"), ("--style outside", "--scenes")),
        (("--scenes", "no_such.json"), ("no_such.json",)),
        (("--style", "rude"), ("rude", "spoken")),
        (("--number", "0"), ("--number",)),
        (("--domain", "clever"), ("clever", "clevr")),
        (("--scenes", SAMPLES, "--output", SAMPLES), ("is the file that is read",)),
        (("--output", "no_such_folder/x.json"), ("no folder",)),
        (("--scenes", SAMPLES, "--domain", "gqa"), ("scenes.json",)),
    ],
)
def test_what_cannot_be_is_said_in_one_line(nmn, options: tuple[str, ...], words: tuple[str, ...]) -> None:
    nmn("generate", "questions", *options).refused(*words)


def test_scenes_without_objects_or_with_few_are_refused_in_one_line(nmn, tmp_path: Path) -> None:
    scene = {
        "image_index": 0,
        "objects": [],
        "relationships": {name: [] for name in ("left", "right", "behind", "front")},
    }
    path, domain = tmp_path / "scenes.json", tmp_path / "red.toml"
    path.write_text(json.dumps({"scenes": [scene]}), encoding="utf-8")
    nmn("generate", "questions", "--scenes", path).refused("no scene holds an object")
    # Of one thing that can only be red, few questions can be asked.
    domain.write_text(
        'name = "red"\nversion = 1\nnouns = ["thing"]\n[attributes.color]\nwords = ["color"]\nvalues = ["red"]\n'
    )
    path.write_text(json.dumps({"scenes": [scene | {"objects": [{"color": "red"}]}]}), encoding="utf-8")
    asked = ("generate", "questions", "--scenes", path, "--domain", domain)
    assert nmn(*asked, "--number", 2).code == 0
    nmn(*asked, "--number", 200).refused("no further question makes sense")
