"""The cascade of parsers: which link answers, what is tried, what it costs, and when nobody knows."""

import pickle
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.errors import QuestionError, Span
from nmn.parse import Parse, Parser, Readings, parse_many
from nmn.parser.cascade import CascadeParser, Link
from nmn.parser.english import EnglishParser
from nmn.program import Node, Program

CLEVR = Domain.load("clevr")
QUESTIONS = ("what is it", "how many are there", "where was it")


def program(name: str) -> Program:
    return Program((Node(name),))


@dataclass
class Clock:
    """Tells the time, which passes only when somebody sleeps."""

    now: float = 0.0  # s

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock that cascades read."""
    clock = Clock()
    monkeypatch.setattr("nmn.parser.cascade.perf_counter", clock)
    return clock


@dataclass
class Fake:
    """Reads a question as it is told to: programs by name with confidences, or nothing."""

    name: str
    readings: dict[str, tuple[tuple[str, float], ...]]
    pause: float = 0.0  # seconds a question
    clock: Clock = field(default_factory=Clock)
    asked: list[str] = field(default_factory=list)

    def parse(self, question: str) -> Readings:
        self.asked.append(question)
        self.clock.sleep(self.pause)
        found = self.readings.get(question)
        if not found:
            raise QuestionError(f"{self.name} cannot read this", text=question, span=Span(0, 4))
        return tuple(Parse(program(name), confidence, (None,), self.name, self.pause) for name, confidence in found)


@dataclass
class Batched(Fake):
    """Reads questions together."""

    batches: list[int] = field(default_factory=list)

    def parse_many(self, questions: Sequence[str]) -> list[Readings | QuestionError]:
        self.batches.append(len(questions))
        return list(parse_many(Fake(self.name, self.readings), questions))


def cascade(*links: tuple[Parser, float]) -> CascadeParser:
    return CascadeParser([Link.of(parser, threshold=threshold) for parser, threshold in links])


confidences = st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=4)
thresholds = st.lists(st.floats(0, 1), min_size=4, max_size=4)


def fakes(given: Sequence[float | None]) -> list[Fake]:
    question = QUESTIONS[0]
    return [
        Fake(f"link{place}", {} if each is None else {question: ((f"p{place}", each),)})
        for place, each in enumerate(given)
    ]


@given(confidences, thresholds)
def test_the_first_link_that_is_sure_enough_answers(given: list[float | None], bounds: list[float]) -> None:
    parser = cascade(*zip(fakes(given), bounds, strict=False))
    sure = [place for place, each in enumerate(given) if each is not None and each >= bounds[place]]
    if all(each is None for each in given):
        with pytest.raises(QuestionError, match="link0 cannot read this"):
            parser.parse(QUESTIONS[0])
        return
    best, *_ = parser.parse(QUESTIONS[0])
    assert best.known == bool(sure)
    if sure:
        assert best.link == f"link{sure[0]}"
        assert [each.link for each in best.attempts] == [f"link{place}" for place in range(sure[0] + 1)]
    else:
        assert best.confidence == max(each for each in given if each is not None)
        assert len(best.attempts) == len(given)
    assert [each.confidence for each in best.attempts] == given[: len(best.attempts)]


@given(confidences)
def test_with_thresholds_of_zero_the_first_link_that_reads_answers(given: list[float | None]) -> None:
    links = fakes(given)
    parser = cascade(*((link, 0.0) for link in links))
    readers = [link for link, each in zip(links, given, strict=True) if each is not None]
    if readers:
        assert parser.parse(QUESTIONS[0])[0].link == readers[0].name
        after = links[links.index(readers[0]) + 1 :]
        assert not any(link.asked for link in after)


@given(confidences.filter(lambda given: any(each is not None for each in given)))
def test_with_thresholds_of_one_all_are_tried_and_the_best_is_a_guess(given: list[float | None]) -> None:
    given = [None if each is None else each * 0.99 for each in given]
    best, *others = cascade(*((link, 1.0) for link in fakes(given))).parse(QUESTIONS[0])
    assert not best.known
    assert not any(each.known for each in others)
    assert len(best.attempts) == len(given)
    assert best.confidence == max(each for each in given if each is not None)


@given(st.lists(st.tuples(*(st.none() | st.floats(0, 1) for _ in range(2))), min_size=1, max_size=6), thresholds)
def test_questions_read_together_are_read_as_one_by_one(
    given: list[tuple[float | None, float | None]], bounds: list[float]
) -> None:
    questions = [f"question {number}" for number in range(len(given))]

    def fresh() -> CascadeParser:
        links = [
            kind(
                name,
                {q: ((f"{name}{q}", each[place]),) for q, each in zip(questions, given, strict=True) if each[place]},
            )  # type: ignore[misc]
            for place, (kind, name) in enumerate(((Fake, "first"), (Batched, "second")))
        ]
        return cascade(*zip(links, bounds, strict=False))

    together = fresh().parse_many(questions)
    alone = parse_many(_OneByOne(fresh()), questions)
    for one, other in zip(together, alone, strict=True):
        if isinstance(one, QuestionError):
            assert str(one) == str(other)
        else:
            assert isinstance(other, tuple)
            assert [(p.program, p.confidence, p.known, p.link) for p in one] == [
                (p.program, p.confidence, p.known, p.link) for p in other
            ]


@dataclass
class _OneByOne:
    inner: CascadeParser
    name: str = "one by one"

    def parse(self, question: str) -> Readings:
        return self.inner.parse(question)


def test_a_link_reads_together_only_what_those_before_did_not_know() -> None:
    first = Batched("first", {QUESTIONS[0]: (("sure", 0.9),), QUESTIONS[1]: (("unsure", 0.4),)})
    second = Batched("second", {QUESTIONS[1]: (("sure", 0.8),), QUESTIONS[2]: (("unsure", 0.3),)})
    found = cascade((first, 0.5), (second, 0.5)).parse_many([*QUESTIONS, QUESTIONS[0], ""])
    assert (first.batches, second.batches) == ([4], [2])
    assert [each if isinstance(each, QuestionError) else each[0].link for each in found[:4]] == [
        "first",
        "second",
        "second",
        "first",
    ]
    assert isinstance(found[4], QuestionError)


def test_one_question_that_spoils_a_batch_spoils_no_other() -> None:
    class Strict(Batched):
        def parse_many(self, questions: Sequence[str]) -> list[Readings | QuestionError]:
            found = super().parse_many(questions)
            for each in found:
                if isinstance(each, QuestionError):
                    raise each
            return found

    readings = {f"question {number}": (("p", 1.0),) for number in range(7)}
    questions = [*readings, "bad", *readings]
    found = cascade((Strict("strict", readings), 0.5)).parse_many(questions)
    assert [isinstance(each, QuestionError) for each in found] == [question == "bad" for question in questions]


def test_guesses_that_mean_the_same_are_one_and_the_likeliest_comes_first() -> None:
    first = Fake("first", {QUESTIONS[0]: (("a", 0.4), ("b", 0.3))})
    second = Fake("second", {QUESTIONS[0]: (("b", 0.6), ("c", 0.1))})
    found = cascade((first, 0.9), (second, 0.9)).parse(QUESTIONS[0])
    assert [(each.program, each.confidence, each.link) for each in found] == [
        (program("b"), 0.6, "second"),
        (program("a"), 0.4, "first"),
        (program("c"), 0.1, "second"),
    ]


def test_each_attempt_costs_what_its_own_link_took(clock: Clock) -> None:
    slow = Fake("slow", {}, pause=0.5, clock=clock)
    quick = Fake("quick", {QUESTIONS[0]: (("p", 1.0),)}, pause=0.25, clock=clock)
    best, *_ = cascade((slow, 0.0), (quick, 0.0)).parse(QUESTIONS[0])
    assert [attempt.cost for attempt in best.attempts] == [0.5, 0.25]


def test_loading_a_parser_is_no_part_of_its_cost_and_is_done_once_when_needed(clock: Clock) -> None:
    loads: list[str] = []

    def load() -> Parser:
        loads.append("loaded")
        clock.sleep(8.0)
        return Fake("second", dict.fromkeys(QUESTIONS, (("p", 1.0),)), pause=0.5, clock=clock)

    first = Fake("first", {QUESTIONS[0]: (("p", 1.0),)})
    parser = CascadeParser([Link.of(first), Link("second", load)])
    parser.parse(QUESTIONS[0])
    assert not loads
    assert parser.parse(QUESTIONS[1])[0].attempts[1].cost == 0.5
    parser.parse(QUESTIONS[2])
    assert loads == ["loaded"]


def test_a_failed_attempt_keeps_the_reason_and_its_place() -> None:
    parser = cascade((EnglishParser(CLEVR), 0.0), (Fake("second", {"how many cubez": (("p", 1.0),)}), 0.0))
    first, second = parser.parse("how many cubez")[0].attempts
    assert "unknown word 'cubez'" in (first.failure or "")
    error = first.error("how many cubez")
    assert error is not None
    assert error.pointer() == "how many cubez\n         ^^^^^"
    assert (second.failure, second.error(""), second.to_json()["confidence"]) == (None, None, 1.0)
    assert first.to_json()["span"] == [9, 14]


@pytest.mark.parametrize("text", ["", "  \t ", "???", "\x00\x07", "\N{SLIGHTLY SMILING FACE}", "a" * 10_001])
def test_what_nobody_can_read_is_refused_before_anybody_is_asked(text: str) -> None:
    link = Fake("link", {text: (("p", 1.0),)})
    with pytest.raises(QuestionError):
        cascade((link, 0.0)).parse(text)
    assert not link.asked


def test_confidence_is_what_the_links_map_makes_of_all_readings() -> None:
    def reverse(readings: Sequence[Parse]) -> list[float]:
        return [reading.confidence for reading in reversed(readings)]

    fake = Fake("link", {QUESTIONS[0]: (("a", 0.7), ("b", 0.3))})
    found = CascadeParser([Link.of(fake, confidence=reverse)]).parse(QUESTIONS[0])
    assert [(each.program, each.confidence) for each in found] == [(program("b"), 0.7), (program("a"), 0.3)]


def test_a_cascade_of_the_grammar_alone_is_the_grammar() -> None:
    grammar = EnglishParser(CLEVR)
    alone = cascade((grammar, 0.0))
    for question in ("How many cubes are there?", "Are there any things left of the ball behind the cube?"):
        given, found = grammar.parse(question), alone.parse(question)
        assert [(p.program, p.confidence, p.spans, p.link) for p in given] == [
            (p.program, p.confidence, p.spans, p.link) for p in found
        ]
    with pytest.raises(QuestionError) as expected:
        grammar.parse("How many cubez are there?")
    with pytest.raises(QuestionError) as raised:
        alone.parse("How many cubez are there?")
    assert str(raised.value) == str(expected.value)


def test_a_cascade_goes_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(cascade((EnglishParser(CLEVR), 0.5))))
    assert sent.parse("How many cubes are there?")[0].attempts[0].link == "grammar"


def test_links_have_names_of_their_own() -> None:
    for links in ([], [Link.of(Fake("a", {})), Link.of(Fake("a", {}))]):
        with pytest.raises(ValueError, match="own name"):
            CascadeParser(links)


def test_batches_of_every_make_are_one_protocol() -> None:
    for kind, question in product((Fake, Batched), QUESTIONS):
        found = parse_many(kind("a", {question: (("p", 1.0),)}), [question, "else"])
        assert isinstance(found[0], tuple)
        assert isinstance(found[1], QuestionError)


def test_what_the_grammar_knows_imports_no_heavy_library() -> None:
    code = (
        "import sys; from nmn.domain import Domain; from nmn.parser.cascade import CascadeParser, Link;"
        "from nmn.parser.english import EnglishParser;"
        "parser = CascadeParser([Link.of(EnglishParser(Domain.load('clevr')))]);"
        "assert parser.parse('How many cubes are there?')[0].known;"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
