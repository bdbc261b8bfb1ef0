"""What looks are worth: laws of value, and the same by counting every world there is."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from looking import CLEVR, outcome, reporting

from nmn.exact import ExactBackend
from nmn.parser.text import parse_program
from nmn.perceiver import PRESENCE
from nmn.policies.belief import Belief
from nmn.policies.modal import Modal
from nmn.policies.survey import Survey, survey
from nmn.program import Program
from nmn.registry import default_registry
from nmn.worlds.world import ATTRIBUTE_FACET, PRESENCE_FACET, Facet

SEEDS = st.integers(0, 10_000)
REPORTING = reporting()
BACKEND = ExactBackend(CLEVR)
TEXTS = (
    "count(filter(scene(), color=red))",
    "exist(filter(scene(), shape=cube, size=large))",
    "query[shape](unique(filter(scene(), material=metal, size=small)))",
    "equal[shape](query[shape](unique(filter(scene(), size=large))), query[shape](unique(filter(scene(), size=small))))",
    "count(relate(unique(filter(scene(), shape=sphere)), left))",
    "exist(same[material](unique(filter(scene(), shape=cylinder))))",
)


def belief(seed: int, objects: int = 4, tolerance: float = 0.0) -> Belief:
    seen = outcome(seed, objects, noise=3.0)
    circumstances = seen.circumstances.astype(np.float64)
    chances = {
        name: REPORTING.attribute(name, value.astype(np.float64), circumstances) for name, value in seen.logits.items()
    }
    chances[PRESENCE] = REPORTING.presence(seen.presence.astype(np.float64), circumstances)
    return Belief(CLEVR, chances, seen.relations > 0, tolerance)


def read(text: str) -> Program:
    return parse_program(text, default_registry()).program


def whole(text: str, seed: int, objects: int = 4) -> Survey:
    """All worlds there are."""
    return survey(BACKEND.compile(read(text)), belief(seed, objects), 0.0, most=10**6)


def alone(found: Survey) -> tuple[list[Facet], dict[int, float], dict[tuple[int, int], float]]:
    facets = list(found.read)
    values, pairs = found.values({place: [facet] for place, facet in enumerate(facets)})
    return facets, values, pairs


@pytest.mark.parametrize("text", TEXTS)
@given(SEEDS)
@settings(max_examples=2, deadline=None)
def test_all_probability_is_accounted_for(text: str, seed: int) -> None:
    found = whole(text, seed)
    assert sum(found.answers.values()) == pytest.approx(1.0, abs=1e-9)
    assert found.weights.sum() == pytest.approx(1.0, abs=1e-9)
    for facet in found.read:
        assert found.given(facet).sum(1) == pytest.approx(np.ones(len(found.weights)))


@pytest.mark.parametrize("text", TEXTS)
@given(SEEDS)
@settings(max_examples=2, deadline=None)
def test_no_look_is_worth_less_than_nothing_and_no_pair_less_than_either(text: str, seed: int) -> None:
    _, values, pairs = alone(whole(text, seed))
    assert all(value >= 0 for value in values.values())
    for (first, second), value in pairs.items():
        assert value >= max(values[first], values[second]) - 1e-9


@pytest.mark.parametrize("text", TEXTS[:3])
@given(SEEDS)
@settings(max_examples=2, deadline=None)
def test_values_are_those_of_counting_every_world(text: str, seed: int) -> None:
    found = whole(text, seed, objects=2)
    facets, values, _ = alone(found)
    compiled = BACKEND.compile(read(text))
    options = [_options(found.belief, facet) for facet in facets]
    joint: dict[tuple[str | None, tuple[int, ...]], float] = {}
    for chosen in product(*options):
        weight = float(np.prod([chance for _, chance in chosen]))
        answer = compiled.answer(Decided(found.belief, facets, [value for value, _ in chosen]))
        joint[answer, tuple(value for value, _ in chosen)] = weight
    before = sum(each**2 for each in _masses(joint, lambda answer, _: answer).values())
    for place in range(len(facets)):
        reported = _masses(joint, partial(_reported, place=place))
        both = _masses(joint, partial(_with_report, place=place))
        after = sum(mass**2 / reported[value] for (_, value), mass in both.items())
        assert values[place] == pytest.approx(after - before, abs=1e-7)


def _reported(_: str | None, values: tuple[int, ...], *, place: int) -> int:
    return values[place]


def _with_report(answer: str | None, values: tuple[int, ...], *, place: int) -> tuple[str | None, int]:
    return answer, values[place]


def _masses(joint: Mapping[Any, float], part: Callable[..., Any]) -> dict[Any, float]:
    found: dict[Any, float] = {}
    for (answer, values), weight in joint.items():
        found[part(answer, values)] = found.get(part(answer, values), 0.0) + weight
    return found


def _options(held: Belief, facet: Facet) -> list[tuple[int, float]]:
    table = held.presence if facet[0] == PRESENCE_FACET else held.attribute(facet[1], 1 << facet[2])
    return list(table.doubtful[facet[2]])


class Decided:
    """An exact scene in which some facets are decided, others are the likeliest."""

    def __init__(self, held: Belief, facets: list[Facet], values: list[int]) -> None:
        self.decided = dict(zip(facets, values, strict=True))
        self.held = held
        chances = held.chances[PRESENCE]
        there = [self.decided.get((PRESENCE_FACET, 0, i, 0), int(chances[i] > 0.5)) for i in range(held.objects)]
        self.everything = sum(1 << i for i, each in enumerate(there) if each)

    def value(self, attribute: int, subject: int) -> int:
        first, _ = CLEVR.span(CLEVR.attributes[attribute].name)
        likeliest = first + int(self.held.chances[CLEVR.attributes[attribute].name][subject].argmax())
        return self.decided.get((ATTRIBUTE_FACET, attribute, subject, 0), likeliest)

    def related(self, relation: int, anchor: int) -> int:
        raise NotImplementedError

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        raise NotImplementedError

    def fitting(self, concept: int, members: int) -> int:
        attribute = CLEVR.concept_attributes[concept]
        objects = [i for i in range(self.held.objects) if members >> i & 1]
        return sum(1 << i for i in objects if self.value(attribute, i) == concept)


@pytest.mark.parametrize("text", TEXTS)
def test_the_order_of_objects_changes_no_answer_and_no_value(text: str) -> None:
    there = belief(3)
    order = np.array([2, 0, 3, 1])
    turned = belief(3)
    turned.chances = {name: value[order] for name, value in there.chances.items()}
    turned._relations = there._relations[:, order][:, :, order]
    turned.renew()
    compiled = BACKEND.compile(read(text))
    one, other = (survey(compiled, each, 0.0, most=10**6) for each in (there, turned))
    assert other.answers == pytest.approx(one.answers)
    facets, values, _ = alone(one)
    others, worth, _ = alone(other)
    place = {old: new for new, old in enumerate(order.tolist())}
    for number, (kind, attribute, index, _) in enumerate(facets):
        assert worth[others.index((kind, attribute, place[index], 0))] == pytest.approx(values[number], abs=1e-9)


@given(SEEDS)
@settings(max_examples=2, deadline=None)
def test_a_survey_that_stops_early_never_says_it_is_surer_than_it_is(seed: int) -> None:
    for text in TEXTS:
        early = survey(BACKEND.compile(read(text)), belief(seed), 0.2)
        assert early.doubt >= whole(text, seed).doubt - 1e-9


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_the_likeliest_world_alone_never_says_it_is_surer_than_all_worlds_are(seed: int) -> None:
    for text in TEXTS:
        answer, likely = Modal(belief(seed)).answer(BACKEND.compile(read(text)))
        assert likely <= whole(text, seed).answers.get(answer, 0.0) + 1e-9


def test_a_look_at_what_the_answer_does_not_hang_on_is_worth_nothing() -> None:
    found = whole("count(filter(scene(), color=red))", 5)
    assert {name for _, name in found.read.values()} <= {"color", PRESENCE}
