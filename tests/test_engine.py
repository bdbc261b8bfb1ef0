"""Engine: one question or many, text or program, in order; weights in and out; domains other than CLEVR's."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from worlds import random_scene

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import DomainError, ImageError, InputError, PresuppositionError, ProgramError, QuestionError, SceneError
from nmn.images import load_image
from nmn.parser.english import EnglishParser
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject
from nmn.trace import Answer

CLEVR = Domain.load("clevr")
SAMPLES = Path(__file__).resolve().parent.parent / "demo" / "samples"
FIRST, SECOND = SAMPLES / "CLEVR_val_000000.jpg", SAMPLES / "CLEVR_val_000012.jpg"
ASKED = [
    "How many things are there?",
    "Are there any cubes?",
    "What number of small things are there?",
    "Are there more cubes than spheres?",
    "How many metal things are there?",
]
TOY = """
name = "toy"
version = 1
nouns = ["animal"]
[attributes.kind]
words = ["kind"]
values_are = "nouns"
[attributes.kind.values]
cat = ["cat"]
dog = ["dog", "hound"]
[attributes.mood]
words = ["mood"]
[attributes.mood.values]
happy = ["happy"]
sad = ["sad"]
[relations.above]
words = ["above"]
inverse = "below"
[relations.below]
words = ["below"]
inverse = "above"
"""


def read(text: str) -> Program:
    return parse_program(text, default_registry()).program


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine.from_pretrained()


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    return [random_scene(Random(seed), CLEVR, 5) for seed in range(4)]


def values(answers: Sequence[Answer]) -> list[tuple[str | None, float]]:
    return [(answer.value, pytest.approx(answer.confidence, abs=1e-4)) for answer in answers]


def test_one_question_gives_one_answer_and_a_list_gives_a_list(engine: Engine) -> None:
    one = engine.answer(FIRST, ASKED[0])
    assert isinstance(one, Answer)
    assert one.question == ASKED[0]
    several = engine.answer(FIRST, ASKED)
    assert [answer.question for answer in several] == ASKED
    assert values(several) == [(each.value, each.confidence) for each in (engine.answer(FIRST, q) for q in ASKED)]
    assert values(engine.answer(FIRST, [ASKED[0]])) == [(one.value, one.confidence)]
    assert engine.answer(FIRST, []) == []
    assert engine.answer([], []) == []


def test_a_path_a_string_and_pixels_are_the_same_image(engine: Engine) -> None:
    answers = [engine.answer(image, ASKED[2]) for image in (FIRST, str(FIRST), load_image(FIRST))]
    assert len({(answer.value, answer.confidence) for answer in answers}) == 1


def test_answers_come_in_the_order_of_the_questions(engine: Engine) -> None:
    pairs = [(image, question) for question in ASKED for image in (FIRST, SECOND)]
    images, questions = [image for image, _ in pairs], [question for _, question in pairs]
    expected = [engine.answer(image, question) for image, question in pairs]
    assert values(engine.answer(images, questions)) == [(each.value, each.confidence) for each in expected]
    backwards = engine.answer(images[::-1], questions[::-1])
    assert values(backwards[::-1]) == [(each.value, each.confidence) for each in expected]


class Counting:
    """Counts the images that are looked at."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.looked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def glance(self, images: Sequence[Any]) -> Any:
        self.looked.append(len(images))
        return self.inner.glance(images)


@pytest.mark.parametrize("questions", [2, 9])
def test_an_image_that_is_repeated_is_looked_at_once(scenes: list[Scene], questions: int) -> None:
    counting = Counting(ScenePerceiver(CLEVR))
    images = [scenes[place % 2] for place in range(questions)]
    Engine(counting).answer(images, [ASKED[0]] * questions)
    assert sum(counting.looked) == 2


def test_paths_that_are_equal_are_looked_at_once(engine: Engine) -> None:
    counting = Counting(engine.perceiver)
    Engine(counting).answer([FIRST, Path(str(FIRST)), SECOND, FIRST], ASKED[:4])
    assert sum(counting.looked) == 2


def test_programs_run_as_they_are(engine: Engine) -> None:
    program = read("count(filter(scene(), size=small))")
    answer = engine.answer(FIRST, program)
    assert answer.question is None
    assert answer.program == program
    mixed = engine.answer(FIRST, [program, ASKED[2]])
    assert mixed[0].value == mixed[1].value == answer.value
    assert mixed[1].question == ASKED[2]


def test_a_trace_is_attached_only_when_asked_for(engine: Engine) -> None:
    for questions in (ASKED[:2], ASKED * 2):
        for answer in engine.answer(FIRST, questions):
            assert answer.trace is None
        for answer in engine.answer(FIRST, questions, trace=True):
            assert answer.trace is not None
            assert [node.index for node in answer.trace.nodes] == list(range(len(answer.program.nodes)))
            assert all(node.seconds >= 0 for node in answer.trace.nodes)


def test_tracing_changes_no_answer(engine: Engine) -> None:
    plain, traced = engine.answer(FIRST, ASKED), engine.answer(FIRST, ASKED, trace=True)
    assert values(traced) == [(each.value, each.confidence) for each in plain]


def test_strict_refuses_what_does_not_hold(scenes: list[Scene]) -> None:
    engine, question = Engine.for_scenes(CLEVR), "What color is the thing?"
    loose = engine.answer(scenes[0], question)
    assert loose.presuppositions
    with pytest.raises(PresuppositionError, match="one thing") as raised:
        engine.answer(scenes[0], question, strict=True)
    assert raised.value.node == loose.presuppositions[0].node
    assert len(raised.value.candidates) == 5
    assert engine.answer(scenes[0], ASKED[0], strict=True).value == "5"
    with pytest.raises(PresuppositionError):
        engine.answer(scenes[0], [ASKED[0], question], strict=True)


def test_what_cannot_be_used_is_refused(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(QuestionError, match="empty"):
        engine.answer(FIRST, "?")
    with pytest.raises(QuestionError, match="cubez"):
        Engine(engine.perceiver, parser=EnglishParser(CLEVR)).answer(FIRST, "How many cubez are there?")
    with pytest.raises(ProgramError):
        engine.answer(FIRST, read("count(unique(scene()))"))
    with pytest.raises(ImageError, match="no image file"):
        engine.answer(tmp_path / "none.jpg", ASKED[0])
    with pytest.raises(InputError, match="2 images for 3 questions"):
        engine.answer([FIRST, SECOND], ASKED[:3])
    with pytest.raises(InputError):
        engine.answer(None, ASKED[0])


def test_a_scene_engine_wants_scenes() -> None:
    with pytest.raises(SceneError, match="scene"):
        Engine.for_scenes(CLEVR).answer(FIRST, ASKED[0])


def test_a_stream_is_answered_in_order_and_errors_take_their_place(engine: Engine, tmp_path: Path) -> None:
    items = [
        (FIRST, ASKED[0]),
        (tmp_path / "none.jpg", ASKED[0]),
        (FIRST, "?"),
        (SECOND, read("count(scene())")),
        (InputError("known before"), ASKED[0]),
        (FIRST, ASKED[1]),
    ]
    whole = list(engine.answer_many(items))
    assert isinstance(whole[1], ImageError)
    assert isinstance(whole[2], QuestionError)
    assert str(whole[4]) == "known before"
    for place in (0, 3, 5):
        alone = engine.answer(*items[place])
        found = whole[place]
        assert isinstance(found, Answer)
        assert (found.value, found.question) == (alone.value, alone.question)
    for batch_size, workers in ((1, 1), (2, 3)):
        again = list(engine.answer_many(iter(items), batch_size=batch_size, workers=workers))
        assert [type(each) for each in again] == [type(each) for each in whole]
    assert list(engine.answer_many([])) == []


def test_what_is_saved_and_loaded_gives_the_same_answers(engine: Engine, tmp_path: Path) -> None:
    engine.save_pretrained(tmp_path / "weights")
    again = Engine.from_pretrained(tmp_path / "weights")
    before, after = engine.answer(FIRST, ASKED), again.answer(FIRST, ASKED)
    assert [(each.value, each.confidence) for each in after] == [(each.value, each.confidence) for each in before]
    again.save_pretrained(tmp_path / "once more")
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "once more" / name).read_bytes() == (tmp_path / "weights" / name).read_bytes()
    shutil.rmtree(tmp_path / "weights")
    assert again.answer(FIRST, ASKED[0]).value == before[0].value


def test_scenes_have_no_weights_to_save(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no weights"):
        Engine.for_scenes(CLEVR).save_pretrained(tmp_path)


def test_an_unknown_domain_is_refused() -> None:
    with pytest.raises(DomainError, match="nonesuch"):
        Engine.for_scenes("nonesuch")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Domain, Scene]:
    path = tmp_path_factory.mktemp("toy") / "toy.toml"
    path.write_text(TOY)
    domain = Domain.load(str(path))
    kinds = [("cat", "happy"), ("cat", "sad"), ("dog", "sad")]
    objects = tuple(SceneObject({"kind": kind, "mood": mood}) for kind, mood in kinds)
    relations = {"above": ((), (0,), (0, 1)), "below": ((1, 2), (2,), ())}
    return domain, Scene(0, None, objects, relations)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("How many animals are there?", "3"),
        ("How many cats are there?", "2"),
        ("Are there any happy hounds?", "no"),
        ("What mood is the dog?", "sad"),
        ("What kind is the happy animal?", "cat"),
        ("How many animals are above the dog?", "2"),
        ("Is there a sad cat below the happy cat?", "yes"),
    ],
)
@pytest.mark.parametrize("exact", [True, False])
def test_a_domain_of_ones_own_is_asked_in_its_own_words(
    toy: tuple[Domain, Scene], question: str, answer: str, exact: bool
) -> None:
    domain, scene = toy
    engine = Engine.for_scenes(domain) if exact else Engine(ScenePerceiver(domain))
    found = engine.answer(scene, question, trace=True)
    assert found.value == answer
    assert found.confidence == pytest.approx(1, abs=1e-3)
    assert found.question == question


def test_domains_do_not_mix(toy: tuple[Domain, Scene], scenes: list[Scene]) -> None:
    ours, theirs = (Engine.for_scenes(domain, parser=EnglishParser(domain)) for domain in (toy[0], CLEVR))
    with pytest.raises(QuestionError, match="cubes"):
        ours.answer(toy[1], "How many cubes are there?")
    with pytest.raises(QuestionError, match="cats"):
        theirs.answer(scenes[0], "How many cats are there?")
    with pytest.raises(ProgramError, match="kind"):
        theirs.answer(scenes[0], read("count(filter(scene(), kind=cat))"))
    assert theirs.answer(scenes[0], "How many things are there?").value == "5"
    assert ours.answer(toy[1], "How many dogs are there?").value == "1"


def test_an_empty_scene_has_answers() -> None:
    empty = random_scene(Random(0), CLEVR, 0)
    for engine in (Engine.for_scenes(CLEVR), Engine(ScenePerceiver(CLEVR))):
        assert engine.answer(empty, "How many things are there?").value == "0"
        assert engine.answer(empty, "Are there any cubes?", trace=True).value == "no"
        lost = engine.answer(empty, "What color is the cube?")
        assert lost.presuppositions
        assert lost.confidence < 0.5
        assert np.isfinite(lost.confidence)
