"""Questions on their way to an answer: what is not understood has none, and readings are chosen by what they fit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest
from worlds import random_scene

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import PresuppositionError, QuestionError
from nmn.evaluation.run import SceneTable, evaluate
from nmn.parse import Attempt, Parse, Readings
from nmn.parser.cascade import CascadeParser, Link
from nmn.parser.english import EnglishParser
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.questions import Question
from nmn.registry import default_registry
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject
from nmn.trace import MISTAKEN, Answer, holds_as_asked

CLEVR = Domain.load("clevr")
GRAMMAR = EnglishParser(CLEVR)
KNOWN, GUESSED, UNREAD = "How many things are there?", "umber of stuff plz", "what"


def read(text: str) -> Program:
    return parse_program(text, default_registry()).program


@dataclass
class Guesser:
    """Takes every question for the same one, and says how sure it is."""

    readings: tuple[tuple[str, float], ...]
    name: str = "guesser"

    def parse(self, question: str) -> Readings:
        if question == UNREAD:
            raise QuestionError("the guesser cannot read this")
        programs = [(read(text), confidence) for text, confidence in self.readings]
        return tuple(Parse(each, sure, (None,) * len(each.nodes), self.name, 0.0) for each, sure in programs)


def engine(confidence: float, threshold: float = 0.5, *, exact: bool = True) -> Engine:
    guesser = Guesser((("count(scene())", confidence),))
    parser = CascadeParser([Link.of(GRAMMAR), Link.of(guesser, threshold=threshold)])
    return Engine.for_scenes(CLEVR, parser=parser) if exact else Engine(ScenePerceiver(CLEVR), parser=parser)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return random_scene(Random(0), CLEVR, 5)


def test_what_a_link_is_sure_of_is_answered_with_its_confidence_in_the_product(scene: Scene) -> None:
    answer = engine(0.8).answer(scene, GUESSED)
    assert (answer.value, answer.known, answer.guess, answer.confidence) == ("5", True, None, 0.8)
    assert answer.reading is not None
    assert [each.link for each in answer.reading.attempts] == ["grammar", "guesser"]
    soft = engine(0.8, exact=False)
    assert soft.answer(scene, GUESSED).confidence == pytest.approx(
        0.8 * soft.answer(scene, read("count(scene())")).confidence
    )


@pytest.mark.parametrize("trace", [False, True])
def test_what_nobody_is_sure_of_has_no_answer_but_a_guess(scene: Scene, trace: bool) -> None:
    answer = engine(0.3).answer(scene, GUESSED, trace=trace)
    assert (answer.value, answer.known, answer.confidence, answer.distribution) == (None, False, 0.0, {})
    assert answer.guess is not None
    assert (answer.guess.value, answer.guess.confidence) == ("5", 0.3)
    assert answer.guess.program == answer.program
    assert answer.question == GUESSED
    assert (answer.trace is not None) == trace
    record = answer.to_json()
    assert (record["answer"], record["known"], record["reading"]["known"]) == (None, False, False)
    assert record["guess"] == {"answer": "5", "confidence": 0.3, "program": "count(scene())"}
    if trace:
        assert [each["link"] for each in record["trace"]["reading"]["attempts"]] == ["grammar", "guesser"]
        assert "umber" in record["trace"]["reading"]["attempts"][0]["failure"]


def test_programs_are_always_known(scene: Scene) -> None:
    answer = engine(0.3).answer(scene, read("count(scene())"), trace=True)
    assert (answer.value, answer.known, answer.reading) == ("5", True, None)
    assert answer.to_json()["trace"]["reading"] is None
    lost = engine(0.3).answer(scene, read("query[color](unique(scene()))"))
    assert (lost.value, lost.known, lost.guess) == (None, True, None)


def test_a_stream_has_guesses_and_errors_in_their_places(scene: Scene) -> None:
    questions = [KNOWN, GUESSED, UNREAD, "", KNOWN, read("count(scene())"), GUESSED]
    found = list(engine(0.3).answer_many([(scene, question) for question in questions], batch_size=3))
    assert [each.known if isinstance(each, Answer) else str(type(each).__name__) for each in found] == [
        True,
        False,
        "QuestionError",
        "QuestionError",
        True,
        True,
        False,
    ]
    for question, each in zip(questions, found, strict=True):
        if isinstance(each, Answer) and isinstance(question, str):
            alone = engine(0.3).answer(scene, question)
            assert (each.value, each.confidence, each.known) == (alone.value, alone.confidence, alone.known)


def test_a_guess_is_never_counted_as_an_answer(scene: Scene) -> None:
    questions = [Question(place, 0, None, text, None, "5") for place, text in enumerate((KNOWN, GUESSED, UNREAD))]
    images = SceneTable({0: scene})
    report = evaluate(engine(0.3), questions, images, programs="parsed")
    first, second, third = report.outcomes
    assert (first.correct, second.correct, third.correct) == (True, False, False)
    assert (second.answer, second.declined) == (None, True)
    assert (report.score.correct, report.score.declined, report.score.failed) == (1, 1, 1)
    sure = evaluate(engine(0.8), questions, images, programs="parsed")
    assert (sure.score.correct, sure.score.declined) == (2, 0)


def test_strict_asks_nothing_of_what_is_not_known(scene: Scene) -> None:
    unsure = replace(engine(0.3).parser.parse(GUESSED)[0], program=read("query[color](unique(scene()))"))

    class Unsure:
        name = "unsure"

        def parse(self, question: str) -> Readings:
            return (unsure,)

    assert not Engine.for_scenes(CLEVR, parser=Unsure()).answer(scene, GUESSED, strict=True).known
    with pytest.raises(PresuppositionError):
        Engine.for_scenes(CLEVR).answer(scene, "What color is the thing?", strict=True)


def colored(*colors: str) -> Scene:
    """Small rubber cubes of some colors in a row, the first one leftmost."""
    objects = tuple(
        SceneObject({"size": "small", "color": color, "material": "rubber", "shape": "cube"}) for color in colors
    )
    number = len(objects)
    after = tuple(tuple(range(place + 1, number)) for place in range(number))
    before = tuple(tuple(range(place)) for place in range(number))
    return Scene(0, None, objects, {"right": after, "left": before, "front": after, "behind": before})


RED, BLUE = (f"query[size](unique(filter(scene(), color={color})))" for color in ("red", "blue"))


def guided(readings: Sequence[tuple[str, float]], *, on: bool, exact: bool = True) -> Engine:
    parser = Guesser(tuple(readings))
    if exact:
        return Engine.for_scenes(CLEVR, parser=parser, execution_guided=on)
    return Engine(ScenePerceiver(CLEVR), parser=parser, execution_guided=on)


@pytest.mark.parametrize("exact", [True, False])
def test_the_reading_that_fits_the_image_is_chosen_where_that_is_wanted(exact: bool) -> None:
    readings = ((RED, 0.6), (BLUE, 0.3))
    image = colored("blue", "green")
    plain = guided(readings, on=False, exact=exact).answer(image, GUESSED)
    assert plain.program == read(RED)
    assert plain.presuppositions
    chosen = guided(readings, on=True, exact=exact).answer(image, GUESSED, trace=True)
    assert (chosen.program, chosen.value, chosen.presuppositions) == (read(BLUE), "small", ())
    assert chosen.reading is not None
    assert chosen.reading.program == read(BLUE)
    weights = 0.6 * MISTAKEN, 0.3
    assert chosen.confidence == pytest.approx(0.9 * weights[1] / sum(weights), abs=0.01)  # of all that the two have


@pytest.mark.parametrize("granted", [0.0, 1e-6, 0.3, 0.5, 0.99, 1.0])
def test_that_a_question_is_asked_speaks_for_what_it_takes_for_granted(granted: float) -> None:
    fits, asked_all_the_same = granted, (1 - granted) * MISTAKEN
    assert holds_as_asked(granted) == pytest.approx(fits / (fits + asked_all_the_same))
    assert granted <= holds_as_asked(granted) <= 1
    assert (holds_as_asked(granted) in (0.0, 1.0)) == (granted in (0.0, 1.0))


def test_of_readings_that_fit_alike_the_likeliest_is_chosen() -> None:
    for image in (colored("blue", "red"), colored("green", "gray")):
        answer = guided(((RED, 0.6), (BLUE, 0.3)), on=True).answer(image, GUESSED)
        assert answer.program == read(RED)
        assert answer.reading is not None
        assert answer.reading.confidence == pytest.approx(0.6)


def test_a_reading_that_is_far_likelier_is_kept_though_it_does_not_fit() -> None:
    answer = guided(((RED, 0.98), (BLUE, 0.015)), on=True).answer(colored("blue", "green"), GUESSED)
    assert answer.program == read(RED)
    assert answer.presuppositions


def test_choosing_among_readings_changes_nothing_where_there_is_one() -> None:
    image = colored("blue", "red", "red")
    texts = [KNOWN, "What size is the blue thing?", "Are there any red cubes left of the blue thing?"]
    plain, chosen = (
        Engine.for_scenes(CLEVR, parser=GRAMMAR, execution_guided=on).answer(image, texts) for on in (False, True)
    )
    assert [(each.value, each.confidence) for each in plain] == [(each.value, each.confidence) for each in chosen]


def test_many_questions_are_chosen_for_as_one_by_one() -> None:
    images = [colored("blue", "green"), colored("red", "green"), colored("red", "blue"), colored("gray", "gray")] * 3
    for exact in (True, False):
        ours = guided(((RED, 0.6), (BLUE, 0.3)), on=True, exact=exact)
        together = ours.answer(images, [GUESSED] * len(images))
        for image, each in zip(images, together, strict=True):
            alone = ours.answer(image, GUESSED)
            assert each.program == alone.program
            assert each.confidence == pytest.approx(alone.confidence, abs=1e-4)


def test_an_attempt_without_a_failure_has_no_error() -> None:
    assert Attempt("link", 0.0, 0.5).error("what") is None
