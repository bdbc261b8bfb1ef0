"""`nmn eval clevr`: the report, what becomes of questions that cannot be answered, and options that change nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PNG = b"\x89PNG\r\n"
QUESTIONS, SCENES, IMAGES = Path("demo/samples/questions.json"), Path("demo/samples/scenes.json"), Path("demo/samples")
FIELDS = {"question_index", "image_index", "answer", "expected", "correct", "confidence", "error", "type"}
NUMBERS = ("confidence",)
LATER = {"failure", "declined", "guess", "link", "family", "length", "program_correct"}


def no_such_number(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=no_such_number)
    return found


@pytest.fixture
def document(root: Path) -> dict[str, Any]:
    return read(root / QUESTIONS)


@pytest.fixture
def report(nmn: Any, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Runs an evaluation and gives the report it wrote."""

    def call(*arguments: object, questions: Path = QUESTIONS) -> dict[str, Any]:
        path = tmp_path / "a report.json"
        done = nmn("eval", "clevr", "--questions", questions, "--json", path, *arguments)
        assert (done.code, done.err) == (0, "")
        return read(path)

    return call


@pytest.mark.parametrize("programs", ["given", "parsed"])
def test_described_scenes_are_all_answered_right(report: Any, programs: str) -> None:
    found = report("--scenes", SCENES, "--programs", programs)
    assert (found["accuracy"], found["questions"], found["correct"], found["failed"]) == (1.0, 48, 48, 0)
    assert found["programs"] == programs
    assert found["data"] == {"questions": str(QUESTIONS), "scenes": str(SCENES), "images": None}
    assert len(found["answers"]) == 48
    assert all(set(each) == FIELDS | LATER for each in found["answers"])
    assert sum(each["questions"] for each in found["by_type"].values()) == 48


def test_pixels_are_answered_and_the_table_says_what_the_report_says(nmn: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = nmn("eval", "clevr", "--questions", QUESTIONS, "--images", IMAGES, "--json", path)
    found = read(path)
    assert found["accuracy"] == found["correct"] / 48
    assert found["accuracy"] > 0.5
    last = next(line for line in done.out.splitlines() if line.startswith("all "))
    assert last.split()[:5] == ["all", "48", str(found["correct"]), f"{found['accuracy']:.2%}", "0"]


def stripped(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [{key: value for key, value in each.items() if key not in NUMBERS} for each in found["answers"]]


def test_workers_and_batch_size_change_no_answer(report: Any) -> None:
    whole = report("--images", IMAGES, "--limit", 12)
    for options in (("--batch-size", 1, "--workers", 4), ("--batch-size", 7, "--workers", 1)):
        other = report("--images", IMAGES, "--limit", 12, *options)
        assert stripped(other) == stripped(whole)
        for one, two in zip(other["answers"], whole["answers"], strict=True):
            assert [one[key] for key in NUMBERS] == pytest.approx([two[key] for key in NUMBERS], abs=1e-4)


def test_limit_takes_the_first_questions(report: Any, document: dict[str, Any]) -> None:
    found = report("--scenes", SCENES, "--limit", 5)
    first = [record["question_index"] for record in document["questions"][:5]]
    assert [each["question_index"] for each in found["answers"]] == first
    assert found["questions"] == 5
    assert report("--scenes", SCENES, "--limit", 1000)["questions"] == 48


def test_what_cannot_be_answered_counts_as_wrong_and_is_named(
    nmn: Any, write: Callable[[str, Any], Path], document: dict[str, Any], root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "my images"
    shutil.copytree(root / IMAGES, folder)
    records = document["questions"][:8]
    (folder / records[0]["image_filename"]).unlink()
    (folder / records[4]["image_filename"]).write_bytes(b"no image")
    gone = [record["image_filename"] == records[0]["image_filename"] for record in records]
    records[7]["question"] = "How many cubez\x1b[2J are there?"
    path, out = write("questions.json", document | {"questions": records}), tmp_path / "report.json"
    done = nmn("eval", "clevr", "--questions", path, "--images", folder, "--json", out, "--parser", "grammar")
    found = read(out)
    assert done.code == 0
    assert found["failed"] == 8
    assert found["accuracy"] == 0.0
    for each, missing in zip(found["answers"], gone, strict=True):
        assert (each["answer"], each["confidence"], each["correct"]) == (None, None, False)
        assert ("no image file" in each["error"]) == missing
    assert found["by_type"]["unread"]["failed"] >= 1
    assert "8 not answered:" in done.out
    assert "and 3 more" in done.out
    assert "\x1b" not in done.out


def test_a_scene_that_is_missing_counts_as_wrong(report: Any, write: Callable[[str, Any], Path], root: Path) -> None:
    scenes = read(root / SCENES)
    path = write("scenes.json", {"scenes": scenes["scenes"][1:]})
    found = report("--scenes", path)
    assert found["failed"] == 4
    assert found["accuracy"] == pytest.approx(44 / 48)
    errors = [each["error"] for each in found["answers"] if each["error"] is not None]
    assert all("no scene for image 0" in error for error in errors)


def test_questions_without_answers_are_answered_and_not_judged(
    nmn: Any, write: Callable[[str, Any], Path], document: dict[str, Any], report: Any
) -> None:
    for record in document["questions"]:
        del record["answer"]
    path = write("questions.json", document)
    found = report("--scenes", SCENES, questions=path)
    assert (found["accuracy"], found["questions"], found["judged"]) == (None, 48, 0)
    assert all(each["correct"] is None and each["answer"] is not None for each in found["answers"])
    assert nmn("eval", "clevr", "--questions", path, "--scenes", SCENES).code == 0
    empty = report("--scenes", SCENES, questions=write("none.json", {"questions": []}))
    assert (empty["accuracy"], empty["questions"], empty["answers"]) == (None, 0, [])


def test_reports_that_cannot_be_written_are_refused_before_the_work(
    nmn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("the work has started")

    monkeypatch.setattr("nmn.evaluation.evaluate", work)
    (tmp_path / "questions.json").write_text("{}")
    for target, words in (
        (tmp_path, "folder"),
        (tmp_path / "none" / "report.json", "no folder"),
        ("/dev/null", "plain file"),
        (QUESTIONS, "the file that is read"),
        (SCENES, "the file that is read"),
    ):
        nmn("eval", "clevr", "--questions", QUESTIONS, "--scenes", SCENES, "--json", target).refused("--json", words)


def test_a_full_disk_is_one_line(nmn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nmn.cli.outputs.write_json", full)
    arguments = ("--questions", QUESTIONS, "--scenes", SCENES, "--json", tmp_path / "r.json", "--limit", 1)
    nmn("eval", "clevr", *arguments).refused("No space left on device")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--images"),
        (("--scenes", SCENES, "--limit", 0), "--limit"),
        (("--scenes", SCENES, "--batch-size", "many"), "--batch-size"),
        (("--scenes", SCENES, "--workers", 0), "--workers"),
        (("--scenes", SCENES, "--programs", "guessed"), "--programs"),
        (("--scenes", SCENES, "--device", "nonesuch"), "device"),
        (("--scenes", QUESTIONS), "scenes"),
        (("--images", IMAGES, "--weights", "docs"), "no perception weights"),
        (("--scenes", SCENES, "--causes"), "--images"),
        (("--scenes", SCENES, "--on-error", "ignore"), "--on-error"),
        (("--scenes", SCENES, "--out", QUESTIONS), "is a file"),
        (("--scenes", SCENES, "--out", "none/such/folder"), "no folder"),
        (("--scenes", SCENES, "--submission", "demo"), "--submission"),
    ],
)
def test_wrong_options_are_refused(nmn: Any, arguments: tuple[object, ...], words: str) -> None:
    nmn("eval", "clevr", "--questions", QUESTIONS, *arguments).refused(words)


@pytest.fixture
def whole(nmn: Any, tmp_path: Path) -> Path:
    """The folder that an evaluation from pixels with everything wrote."""
    out = tmp_path / "out"
    sources = ("--questions", QUESTIONS, "--images", IMAGES, "--scenes", SCENES, "--limit", 12)
    done = nmn("eval", "clevr", *sources, "--causes", "--out", out, "--submission", tmp_path / "answers.txt")
    assert (done.code, done.err) == (0, "")
    assert "scenes: " in done.out
    assert "programs: 12 of 12" in done.out
    return out


def test_the_folder_has_the_report_a_page_plots_and_the_errors(whole: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the extra 'plots': pip install 'nmn-engine[plots]'")
    drawn = ["coverage.png", "reliability.png", "types.png"]
    assert sorted(path.name for path in whole.iterdir()) == [drawn[0], "errors.html", drawn[1], "report.json", "report.md",
                                                             drawn[2]]  # fmt: skip
    assert all((whole / name).read_bytes().startswith(PNG) for name in drawn)
    found = read(whole / "report.json")
    assert found["compute"]["traced"] == 12
    assert 0 < found["compute"]["facet_rows_per_question"] <= found["compute"]["possible_facet_rows"]
    assert found["compute"]["glance_flops_per_image"] > found["compute"]["flops_per_question"] > 0
    assert found["scenes"]["images"] == 3
    assert sum(found["causes"]["total"].values()) == found["judged"] - found["correct"]
    page = (whole / "report.md").read_text()
    for words in (
        "# Evaluation on questions.json",
        "## By family",
        "## Calibration",
        "## Scenes",
        "(errors.html)",
        *drawn,
    ):
        assert words in page
    answers = (tmp_path / "answers.txt").read_text().splitlines()
    assert answers == [each["answer"] for each in found["answers"]]


def test_without_matplotlib_all_but_the_plots_is_written(
    nmn: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmn.evaluation.plots.find_spec", lambda name: None)
    out = tmp_path / "out"
    done = nmn("eval", "clevr", "--questions", QUESTIONS, "--scenes", SCENES, "--limit", 3, "--out", out)
    assert done.code == 0
    assert "pip install 'nmn-engine[plots]'" in done.out
    assert sorted(path.name for path in out.iterdir()) == ["errors.html", "report.json", "report.md"]
    assert ".png" not in (out / "report.md").read_text()


@pytest.mark.parametrize("on_error", ["count", "skip", "fail"])
def test_broken_images_are_counted_skipped_or_refused(
    nmn: Any, document: dict[str, Any], root: Path, tmp_path: Path, on_error: str
) -> None:
    folder, out = tmp_path / "images", tmp_path / "report.json"
    shutil.copytree(root / IMAGES, folder)
    (folder / document["questions"][4]["image_filename"]).write_bytes(b"no image")
    source = ("--questions", QUESTIONS, "--images", folder, "--limit", 8, "--json", out)
    done = nmn("eval", "clevr", *source, "--on-error", on_error)
    if on_error == "fail":
        done.refused(f"question {document['questions'][4]['question_index']}: ", "is not an image")
        assert not out.exists()
        return
    found = read(out)
    assert (found["questions"], found["failed"], found["failures"]) == (8, 4, {"image": 4})
    assert (found["judged"], found["skipped"]) == ((4, 4) if on_error == "skip" else (8, 0))
    assert "4 not answered: 4 for the image" in done.out


def test_reports_are_compared(nmn: Any, report: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"{name}.json" for name in ("first", "second", "third"))
    found = report("--scenes", SCENES, "--limit", 12)
    first.write_text(json.dumps(found))
    found["answers"][3] |= {"answer": "nonsense", "correct": False}
    second.write_text(json.dumps(found))
    done = nmn("eval", "compare", first, second, "--json", third)
    assert (done.code, done.err) == (0, "")
    written = read(third)
    assert (written["all"]["only_first"], written["all"]["only_second"], written["all"]["p"]) == (1, 0, 1.0)
    assert written["all"]["difference"] == pytest.approx(-1 / 12)
    assert [each["second"] for each in written["changed"]] == ["nonsense"]
    last = next(line for line in done.out.splitlines() if line.startswith("all "))
    assert last.split()[:4] == ["all", "12", "100.00", "91.67"]
    found["answers"].pop()
    second.write_text(json.dumps(found))
    nmn("eval", "compare", first, second).refused("not about the same questions")
    nmn("eval", "compare", first, QUESTIONS).refused("is no report")
    nmn("eval", "compare", first, first, "--json", first).refused("--json", "the file that is read")


def test_a_benchmarks_targets_are_checked_before_it_starts(nmn: Any, tmp_path: Path) -> None:
    for option in ("--json", "--plot"):
        nmn("bench", "executor", option, tmp_path / "none" / "file").refused(option, "no folder")
    nmn("bench", "executor", "--scenes", SCENES).refused("--questions")
    nmn("bench", "executor", "--work", "nonsense").refused("nonsense")
