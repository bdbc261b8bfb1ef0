"""Certifying: answers of stops are proved where prediction sets leave no other."""

import numpy as np
import pytest

from nmn.domain import Domain
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.promise import verify
from nmn.promise.certifying import Certifier, missed
from nmn.promise.risk import largest_threshold
from nmn.registry import default_registry

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
CERTIFIER = Certifier(CLEVR, REGISTRY, 0.01, {"domain": CLEVR.fingerprint})
RELATIONS = np.zeros((len(CLEVR.relations), 2, 2), bool)


def program(text: str) -> Program:
    return parse_program(text, REGISTRY).program


def shapes(*rows: tuple[float, ...]) -> dict[str, np.ndarray]:
    return {"shape": np.array(rows), "color": np.full((len(rows), 8), 1 / 8)}


def test_an_answer_is_proved_where_what_is_doubtful_does_not_matter() -> None:
    asked = program("count(filter(scene(), shape=cube))")
    found = CERTIFIER.certificate(
        asked, np.array([0.999, 1.0]), shapes((0.995, 0.005, 0.0), (0.0, 0.4, 0.6)), RELATIONS, "1"
    )
    assert found is not None
    assert verify(found.text, domain=CLEVR) == "1"
    assert "attribute color" not in found.text


@pytest.mark.parametrize(
    ("presence", "first", "answer"),
    [
        (0.999, 0.9, "1"),  # the first may be something else
        (0.98, 0.995, "1"),  # or may not be there
        (0.999, 0.995, "2"),  # and this is not the answer
    ],
)
def test_an_answer_that_may_be_another_is_not_proved(presence: float, first: float, answer: str) -> None:
    asked = program("count(filter(scene(), shape=cube))")
    table = shapes((first, 1.0 - first, 0.0), (0.0, 0.4, 0.6))
    assert CERTIFIER.certificate(asked, np.array([presence, 1.0]), table, RELATIONS, answer) is None


def test_programs_of_which_nothing_can_be_proved_get_no_certificate() -> None:
    gqa = Domain.load("gqa")
    certifier = Certifier(gqa, REGISTRY, 0.01, {})
    none = np.zeros((len(gqa.relations), 0, 0), bool)
    asked = program("count(filter(scene(), name=dog))")
    assert certifier.certificate(asked, np.zeros(0), {}, none, "0") is None


def test_relations_that_the_glance_tells_are_taken_as_they_are() -> None:
    relations = RELATIONS.copy()
    relations[CLEVR.relation_ids["left"], 0, 1] = True
    relations[CLEVR.relation_ids["right"], 1, 0] = True
    asked = program("exist(relate(unique(filter(scene(), shape=cube)), left))")
    table = shapes((0.999, 0.001, 0.0), (0.0, 0.4, 0.6))
    assert CERTIFIER.certificate(asked, np.ones(2), table, relations, "yes") is not None
    assert CERTIFIER.certificate(asked, np.ones(2), table, RELATIONS, "no") is not None


def test_what_prediction_sets_miss_falls_to_the_threshold_that_is_allowed() -> None:
    random, thresholds = np.random.default_rng(0), [0.0, 0.001, 0.01, 0.05, 0.1, 0.3]
    rows = []
    for _ in range(400):
        chances = random.dirichlet([20.0, 0.5, 0.2], 8)
        reported = np.array([random.choice(3, p=each) for each in chances])
        rows.append(missed({"shape": reported}, {"shape": chances}, thresholds))
    losses = np.stack(rows)
    assert losses[:, 0].max() == 0.0
    assert (np.diff(losses, axis=1) >= 0).all()
    found = largest_threshold(losses, thresholds, 0.02)
    assert found is not None
    assert 0.0 < found < 0.3
    assert missed({"shape": np.zeros(0, int)}, {"shape": np.zeros((0, 3))}, thresholds).tolist() == [0.0] * 6
