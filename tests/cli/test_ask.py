"""`nmn ask`: whatever image and question people give, an answer or one clear line."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SAMPLE = Path("demo/samples/CLEVR_val_000000.jpg")
HOW_MANY = "How many cubes are there?"


@pytest.fixture
def sample(root: Path) -> Image.Image:
    with Image.open(root / SAMPLE) as image:
        return image.convert("RGB")


def test_an_answer_says_the_question_the_answer_its_confidence_and_the_program(nmn: Any) -> None:
    done = nmn("ask", SAMPLE, HOW_MANY)
    question, answer, program = done.out.splitlines()
    assert (done.code, question, done.err) == (0, HOW_MANY, "")
    assert answer.split()[0].isdigit()
    assert "confidence 0." in answer or "confidence 1." in answer
    assert program == "count(filter(scene(), shape=cube))"


def test_a_trace_shows_every_node_its_value_and_its_cost(nmn: Any) -> None:
    done = nmn("ask", SAMPLE, "What number of small things are there?", "--trace")
    assert done.code == 0
    for words in ("call", "value", "facets", "FLOPs", "ms", "scene()", "filter(#0, size=small)", "size ×", "count(#1)"):
        assert words in done.out
    assert "3 nodes over " in done.out
    assert "for the first look at the image" in done.out


def test_json_is_one_object_with_the_documented_fields(nmn: Any) -> None:
    plain = nmn("ask", SAMPLE, HOW_MANY, "--json").json()
    fields = {
        "question",
        "answer",
        "confidence",
        "granted",
        "distribution",
        "program",
        "presuppositions",
        "known",
        "reading",
        "guess",
    }
    assert set(plain) == fields
    assert (plain["known"], plain["guess"], plain["reading"]["link"]) == (True, None, "grammar")
    assert plain["question"] == HOW_MANY
    assert 0 <= plain["confidence"] <= 1
    assert sum(plain["distribution"].values()) == pytest.approx(1, abs=1e-4)
    assert plain["distribution"][plain["answer"]] == max(plain["distribution"].values())
    traced = nmn("ask", SAMPLE, HOW_MANY, "--json", "--trace").json()
    assert traced["answer"] == plain["answer"]
    assert [node["index"] for node in traced["trace"]["nodes"]] == [0, 1, 2]
    assert traced["trace"]["version"] == 1
    assert [attempt["link"] for attempt in traced["trace"]["reading"]["attempts"]] == ["grammar"]
    assert {"box", "presence"} == set(traced["trace"]["objects"][0])


@pytest.mark.parametrize("kind", ["CMYK", "RGBA", "L", "1", "palette", "16-bit", "grey with alpha"])
def test_images_of_every_kind_are_converted_and_answered(
    nmn: Any, sample: Image.Image, tmp_path: Path, kind: str
) -> None:
    deep = np.asarray(sample.convert("L")).astype(np.uint16) * 257
    other = {"palette": sample.quantize(64), "16-bit": Image.fromarray(deep), "grey with alpha": sample.convert("LA")}
    path = tmp_path / ("a photo.jpg" if kind == "CMYK" else "a photo.png")
    (other[kind] if kind in other else sample.convert(kind)).save(path)
    assert nmn("ask", path, HOW_MANY, "--json").json()["answer"].isdigit()


@pytest.mark.parametrize("name", ["with spaces in it.jpg", "Würfel 方块.jpg", "-dash.jpg"])
def test_any_path_will_do(nmn: Any, root: Path, tmp_path: Path, name: str) -> None:
    shutil.copy(root / SAMPLE, tmp_path / name)
    assert nmn("ask", tmp_path / name, HOW_MANY).code == 0


def test_an_image_of_nothing_is_answered(nmn: Any, tmp_path: Path) -> None:
    Image.new("RGB", (480, 320), (120, 120, 120)).save(tmp_path / "grey.png")
    assert nmn("ask", tmp_path / "grey.png", "Are there any things?", "--trace").code == 0
    assert nmn("ask", tmp_path / "grey.png", "What color is the cube?", "--trace", "--json").json()["trace"]


def bad_image(kind: str, folder: Path, sample: Image.Image) -> Path:
    path = folder / "image.png"
    if kind == "missing":
        return path
    if kind == "folder":
        return folder
    if kind == "truncated":
        sample.save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif kind == "animated":
        sample.save(folder / "image.gif", save_all=True, append_images=[sample.transpose(Image.Transpose.ROTATE_180)])
        return folder / "image.gif"
    elif kind in ("empty", "text"):
        path.write_bytes(b"" if kind == "empty" else b"no image")
    else:
        Image.new("1", {"dot": (1, 1), "wide": (20_000, 20), "bomb": (9_999, 9_999)}[kind]).save(path)
    return path


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("missing", "no image file"),
        ("folder", "folder"),
        ("truncated", "damaged or cut off"),
        ("animated", "animated"),
        ("empty", "empty"),
        ("text", "not an image"),
        ("dot", "1x1 px"),
        ("wide", "20000x20 px"),
        ("bomb", "too large"),
    ],
)
def test_images_that_cannot_be_used_are_refused_in_one_line(
    nmn: Any, sample: Image.Image, tmp_path: Path, kind: str, words: str
) -> None:
    nmn("ask", bad_image(kind, tmp_path, sample), HOW_MANY).refused(words)


def test_an_unknown_word_is_pointed_at_and_the_nearest_are_named(nmn: Any) -> None:
    done = nmn("ask", SAMPLE, "How many cubez are there?", "--parser", "grammar")
    done.refused("unknown word 'cubez'", "'cubes'", lines=3)
    assert done.err.splitlines()[1:] == ["How many cubez are there?", "         ^^^^^"]


def test_arguments_the_wrong_way_round_or_too_long_are_one_line(nmn: Any) -> None:
    nmn("ask", HOW_MANY, SAMPLE).refused("no image file How many cubes")
    nmn("ask", "a" * 5000, HOW_MANY).refused("no image file")
    nmn("ask", SAMPLE, HOW_MANY, "--weights", "a" * 5000).refused("too long")
    nmn("run", "count(scene())", "--scene", "a" * 5000, "--index", 0).refused("too long")


def test_the_name_of_a_file_that_is_not_there_is_no_question(nmn: Any) -> None:
    nmn("ask", SAMPLE, "questions.txt").refused("no file 'questions.txt'")
    nmn("ask", SAMPLE, "docs").refused("folder")


QUESTIONS = f"{HOW_MANY}\n\n  How many cubez are there?\r\nAre there any things?\n"


def test_a_file_of_questions_is_answered_line_by_line(nmn: Any, write: Callable[[str, Any], Path]) -> None:
    path = write("my questions.txt", QUESTIONS)
    done = nmn("ask", SAMPLE, path, "--json", "--parser", "grammar")
    first, second, third = done.json()["answers"]
    assert done.code == 1
    assert [first["error"], third["error"]] == [None, None]
    assert (second["answer"], second["confidence"], second["question"]) == (None, None, "How many cubez are there?")
    assert "cubez" in second["error"]
    assert first == {**nmn("ask", SAMPLE, HOW_MANY, "--json", "--parser", "grammar").json(), "error": None}
    shown = nmn("ask", SAMPLE, path, "--parser", "grammar")
    assert shown.code == 1
    assert "not answered: unknown word 'cubez'" in shown.out
    assert len(shown.out.split("\n\n")) == 3
    assert nmn("ask", SAMPLE, path, "--limit", 1).code == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [("\n \n", "no questions"), (b"\xff\xfe\x00", "UTF-8"), ('{"questions": []}', "JSON")],
)
def test_a_file_without_questions_is_refused(nmn: Any, write: Callable[..., Path], content: Any, words: str) -> None:
    nmn("ask", SAMPLE, write("q.txt", content)).refused(words)


def test_strict_refuses_what_does_not_hold_and_says_it_in_words(nmn: Any, write: Callable[[str, Any], Path]) -> None:
    question = "What color is the thing?"
    loose = nmn("ask", SAMPLE, question)
    assert loose.code == 0
    assert "The question speaks of one thing, but there are" in loose.out
    nmn("ask", SAMPLE, question, "--strict").refused("one thing, but there are", code=1)
    several = nmn("ask", SAMPLE, write("q.txt", f"{question}\n{HOW_MANY}\n"), "--strict", "--json")
    first, second = several.json()["answers"]
    assert several.code == 1
    assert "one thing, but there are" in first["error"]
    assert second["error"] is None


@pytest.mark.parametrize("device", ["gpu", "meta", "cpu:0", "", "cuda:x", "CUDA", "cuda:99"])
def test_unknown_devices_are_refused(nmn: Any, device: str) -> None:
    nmn("ask", SAMPLE, HOW_MANY, "--device", device).refused("device")


@pytest.fixture
def weights(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "nmn" / "weights" / "clevr", tmp_path / "the weights"))


def test_weights_are_read_from_a_folder(nmn: Any, weights: Path) -> None:
    own = nmn("ask", SAMPLE, HOW_MANY, "--json", "--weights", weights).json()
    assert own == nmn("ask", SAMPLE, HOW_MANY, "--json").json()


def test_broken_weights_are_refused(nmn: Any, weights: Path) -> None:
    def asked(words: str) -> None:
        nmn("ask", SAMPLE, HOW_MANY, "--weights", weights).refused(words)

    config = json.loads((weights / "config.json").read_text())
    other = {**config, "domain": {**config["domain"], "fingerprint": "0" * 16}}
    (weights / "config.json").write_text(json.dumps(other))
    asked("trained for domain 'clevr' with other names or values")
    (weights / "config.json").write_text(json.dumps({**config, "domain": {"name": "kitchen", "fingerprint": "0"}}))
    asked("kitchen")
    (weights / "config.json").write_text(json.dumps({key: config[key] for key in ("format", "domain")}))
    asked("config")
    (weights / "config.json").write_text("{")
    asked("cut short")
    (weights / "config.json").write_text(json.dumps(config))
    data = (weights / "model.safetensors").read_bytes()
    for kept in (0, 5, len(data) // 2):
        (weights / "model.safetensors").write_bytes(data[:kept])
        asked("model.safetensors")
    (weights / "model.safetensors").unlink()
    asked("no perception weights")
    nmn("ask", SAMPLE, HOW_MANY, "--weights", weights / "none").refused("no perception weights")


def test_not_knowing_is_an_answer(nmn: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from nmn.engine import Engine

    found = Engine.answer

    def unsure(self: Engine, *arguments: Any, **options: Any) -> Any:
        return replace(found(self, *arguments, **options), value=None, confidence=0.0)

    monkeypatch.setattr(Engine, "answer", unsure)
    shown = nmn("ask", SAMPLE, HOW_MANY)
    assert shown.code == 0
    assert "I don't know  confidence 0.000" in shown.out
    record = nmn("ask", SAMPLE, HOW_MANY, "--json")
    assert (record.code, record.json()["answer"]) == (0, None)


class Unsure:
    """A parser that takes every question for one and is not sure of it, but of what ends in "please"."""

    name = "unsure"

    def parse(self, question: str) -> Any:
        from nmn.domain import Domain
        from nmn.parse import Parse
        from nmn.parser.english import EnglishParser

        program = EnglishParser(Domain.load("clevr")).parse(HOW_MANY)[0].program
        sure = 0.97 if question.endswith("please") else 0.4
        return (Parse(program, sure, (None,) * len(program.nodes), self.name, 0.0),)


@pytest.fixture
def unsure(monkeypatch: pytest.MonkeyPatch) -> None:
    from nmn.domain import Domain
    from nmn.parser.cascade import CascadeParser, Link
    from nmn.parser.english import EnglishParser

    links = [Link.of(EnglishParser(Domain.load("clevr"))), Link.of(Unsure(), threshold=0.5)]
    monkeypatch.setattr("nmn.cli.ask.chosen_parser", lambda *arguments: CascadeParser(links))


@pytest.mark.usefixtures("unsure")
def test_of_a_question_that_is_not_understood_the_best_guess_is_shown_as_such(nmn: Any) -> None:
    done = nmn("ask", SAMPLE, "How many cubez are there?")
    question, answer, guess, program, reason, text, caret = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert (question, answer) == ("How many cubez are there?", "I don't know")
    assert guess.startswith("best guess: ")
    assert guess.split()[2].isdigit()
    assert program == "by count(filter(scene(), shape=cube))"
    assert reason.startswith("grammar: unknown word 'cubez'")
    assert (text, caret) == ("How many cubez are there?", "         ^^^^^")
    record = nmn("ask", SAMPLE, "How many cubez are there?", "--json")
    assert record.code == 0
    shown = record.json()
    assert (shown["answer"], shown["known"], shown["distribution"]) == (None, False, {})
    assert shown["guess"]["answer"] == guess.split()[2]
    assert 0 < shown["guess"]["confidence"] <= 0.4


@pytest.mark.usefixtures("unsure")
def test_a_trace_says_who_was_asked_to_read_and_what_that_took(nmn: Any) -> None:
    def line(question: str) -> str:
        out = nmn("ask", SAMPLE, question, "--trace").out
        return next(each for each in out.splitlines() if each.startswith("read by: "))

    assert re.fullmatch(r"read by: grammar [\d.]+ ms, confidence 1.00", line(HOW_MANY))
    known = r"read by: grammar [\d.]+ ms, did not know; unsure [\d.]+ ms, confidence 0.97"
    assert re.fullmatch(known, line("cubez please"))
    unknown = r"read by: grammar [\d.]+ ms, did not know; unsure [\d.]+ ms, did not know"
    assert re.fullmatch(unknown, line("cubez"))


@pytest.mark.usefixtures("unsure")
def test_not_knowing_is_no_failure_in_a_file_of_questions(nmn: Any, write: Callable[[str, Any], Path]) -> None:
    path = write("q.txt", f"{HOW_MANY}\ncubez\ncubez please\n")
    done = nmn("ask", SAMPLE, path, "--json")
    assert done.code == 0
    answers = done.json()["answers"]
    assert [each["known"] for each in answers] == [True, False, True]
    assert [each["error"] for each in answers] == [None, None, None]
    assert [each["reading"]["link"] for each in answers] == ["grammar", "unsure", "unsure"]
    assert answers[2]["answer"] == answers[0]["answer"]
    assert answers[2]["confidence"] == pytest.approx(0.97 * answers[0]["confidence"])


def test_parsers_that_do_not_go_together_are_refused(nmn: Any, tmp_path: Path) -> None:
    nmn("ask", SAMPLE, HOW_MANY, "--parser", "grammar", "--parser-weights", tmp_path).refused("--parser-weights")
    nmn("ask", SAMPLE, HOW_MANY, "--parser", "grammar", "--language-model", "gpt").refused("--language-model")
    nmn("ask", SAMPLE, HOW_MANY, "--parser", "other").refused("parser")
    nmn("ask", SAMPLE, HOW_MANY, "--parser-weights", tmp_path).refused("no parser weights")
