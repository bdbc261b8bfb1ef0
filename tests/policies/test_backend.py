"""Policies over images whose looks are known: what is bought, when it stops, and that batches change nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looking import PRICES, outcomes, perceiver, reporting

from nmn.parser.text import parse_program
from nmn.perceiver import PRESENCE
from nmn.policies.backend import StagedBackend
from nmn.policies.looks import Look, Policy
from nmn.policies.outcomes import Outcome
from nmn.policies.rules import GlanceAlone, Thorough, Threshold
from nmn.policies.settings import rate_of
from nmn.policies.survey import Sure
from nmn.policies.value import Value
from nmn.program import Program
from nmn.registry import default_registry
from nmn.soft import SoftBackend
from nmn.trace import Answer

REGISTRY = default_registry()
REPORTING = reporting()
SOFT = SoftBackend(perceiver(), REGISTRY)
PROGRAMS = tuple(
    parse_program(text, REGISTRY).program
    for text in (
        "count(filter(scene(), color=red))",
        "exist(filter(scene(), shape=cube, size=large))",
        "query[shape](unique(filter(scene(), material=metal)))",
        "equal_integer(count(filter(scene(), shape=sphere)), count(filter(scene(), color=blue)))",
        "count(relate(unique(filter(scene(), shape=sphere)), left))",
        "exist(same[material](unique(filter(scene(), shape=cylinder))))",
    )
)
SEEDS = st.integers(0, 1000)


def value(doubt: float, budget: float | None = None, rate: float | None = None) -> Value:
    return Value(doubt, rate_of(doubt, PRICES) if rate is None else rate, PRICES, budget)


def run(
    policy: Policy, images: list[Outcome], programs: tuple[Program, ...] = PROGRAMS, at_once: int = 64
) -> tuple[list[Answer], list[set[Look]], StagedBackend]:
    """Answers of all programs on all images, and the looks at each image."""
    backend = StagedBackend(SOFT, REPORTING, policy)
    bought: list[set[Look]] = []
    add = backend.tally.add
    backend.tally.add = lambda pending, *rest: (bought.extend(each.taken for each in pending), add(pending, *rest))[1]  # type: ignore[method-assign,assignment]
    found: list[Answer] = []
    for start in range(0, len(images), at_once):
        part = images[start : start + at_once]
        positions = [image for image in range(len(part)) for _ in programs]
        found += backend.run(part, list(programs) * len(part), positions)
    return found, bought, backend


@pytest.mark.parametrize("policy", [value(0.05), Threshold(0.05)], ids=["value", "threshold"])
def test_the_same_looks_are_bought_one_image_at_a_time_and_many(policy: Policy) -> None:
    images = [each for seed in (0, 50) for each in outcomes(3, seed, objects=4 if seed else 6)]
    one, bought, _ = run(policy, images, at_once=1)
    many, together, _ = run(policy, images, at_once=64)
    assert bought == together
    assert [each.value for each in one] == [each.value for each in many]
    assert [each.confidence for each in one] == pytest.approx([each.confidence for each in many], abs=1e-5)


def test_a_glance_alone_buys_nothing_and_thorough_everything() -> None:
    images = outcomes(3)
    assert not any(run(GlanceAlone(), images)[1])
    _, bought, _ = run(Thorough(), images)
    assert all(len(looks) == 5 * 5 for looks in bought)


@given(SEEDS)
@settings(max_examples=2, deadline=None)
def test_without_any_tolerated_doubt_the_answers_are_those_of_every_look(seed: int) -> None:
    images = outcomes(2, seed, objects=4)
    wanted = [each.value for each in run(Thorough(), images)[0]]
    assert [each.value for each in run(value(0.0), images)[0]] == wanted


@given(SEEDS)
@settings(max_examples=2, deadline=None)
def test_less_tolerated_doubt_never_stops_before_it_is_met(seed: int) -> None:
    images = outcomes(2, seed)
    backend = StagedBackend(SOFT, REPORTING, value(0.1))
    seen = []
    add = backend.tally.add
    backend.tally.add = lambda pending, *rest: (seen.extend(pending), add(pending, *rest))[1]  # type: ignore[method-assign,assignment]
    backend.run(images, list(PROGRAMS) * 2, [0] * len(PROGRAMS) + [1] * len(PROGRAMS))
    for image in seen:
        for number in range(len(PROGRAMS)):
            found = image.surveys[number]
            if isinstance(found, Sure):
                assert found.doubt <= 0.1
                continue
            left = [named for named in found.read.values() if named not in image.belief.looked]
            assert found.doubt <= 0.1 or not left


def test_nothing_is_bought_where_the_glance_is_sure() -> None:
    images = outcomes(4, noise=0.0)
    assert not any(run(value(0.2), images, PROGRAMS[:2])[1])


def test_that_something_is_not_there_is_not_believed_at_a_glance() -> None:
    images = outcomes(8, noise=0.0)
    unique = PROGRAMS[2:3]
    answers, bought, _ = run(value(0.2), images, unique)
    failed = [bool(each.presuppositions) for each in answers]
    assert any(failed)
    assert [bool(looks) for looks in bought] == failed


def test_a_budget_is_kept() -> None:
    images = outcomes(6, noise=4.0)
    backend = StagedBackend(SOFT, REPORTING, value(0.0, budget=6.0))
    seen = []
    add = backend.tally.add
    backend.tally.add = lambda pending, *rest: (seen.extend(pending), add(pending, *rest))[1]  # type: ignore[method-assign,assignment]
    backend.run(images, [PROGRAMS[0]] * 6, range(6))
    assert any(image.taken for image in seen)
    assert all(image.spent <= 6.0 for image in seen)


def test_questions_on_one_image_share_looks() -> None:
    images = outcomes(6, noise=4.0)
    together = sum(map(len, run(value(0.05), images)[1]))
    apart = sum(len(looks) for program in PROGRAMS for looks in run(value(0.05), images, (program,))[1])
    assert together < apart


def test_a_trace_says_in_words_why_looks_were_taken_and_how_many_were_not() -> None:
    images = outcomes(8, noise=4.0)
    backend = StagedBackend(SOFT, REPORTING, value(0.02))
    for answer in backend.run(images, [PROGRAMS[2]] * 8, range(8), trace=True):
        assert answer.trace is not None
        assert answer.trace.looking is not None
        *taken, left = answer.trace.looking.words
        assert left.startswith("left out: ")
        assert all(line.startswith("looked closer at object ") for line in taken)
        assert answer.trace.to_json()["looking"] is not None


def test_no_image_and_no_object_are_fine() -> None:
    assert run(value(0.1), [])[0] == []
    empty = outcomes(1, objects=0)
    assert run(value(0.1), empty)[0][0].value == "0"


def test_pathways_tell_what_they_are_for() -> None:
    _, bought, backend = run(value(0.0), outcomes(3, noise=4.0), PROGRAMS[:1])
    assert {look.pathway for looks in bought for look in looks} <= {"color", PRESENCE}
    assert backend.tally.questions == 3
    assert backend.tally.flops >= 3 * 1000
