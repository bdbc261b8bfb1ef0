"""Comparison of reports: of a report with itself nothing differs; reports on other questions are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.errors import DataError, InputError
from nmn.evaluation import Outcome, Report
from nmn.evaluation.bootstrap import mcnemar
from nmn.evaluation.comparison import compare, read_answers
from nmn.evaluation.submission import submission


def answers(right: list[bool | None], *, kind: str = "count") -> list[dict[str, Any]]:
    """Five questions an image."""
    outcomes = [
        Outcome(index, index // 5, "1" if each else "2", "1", each, 0.5, None, kind, guess="1" if each else "2")
        for index, each in enumerate(right)
    ]
    return [outcome.to_json() for outcome in outcomes]


pairs = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40)


@given(pairs)
def test_what_only_one_gets_right_makes_the_difference(each: list[tuple[bool, bool]]) -> None:
    first, second = [one for one, _ in each], [other for _, other in each]
    found = compare(answers(first), answers(second))
    assert found.all.difference == pytest.approx((sum(second) - sum(first)) / len(each))
    assert found.all.only_first - found.all.only_second == sum(first) - sum(second)
    assert found.all.p == mcnemar(found.all.only_first, found.all.only_second)
    assert [changed.question_index for changed in found.changed] == [
        index for index, (one, other) in enumerate(each) if one != other
    ]
    low, high = found.all.interval or (0.0, 0.0)
    assert low - 1e-9 <= found.all.difference <= high + 1e-9
    back = compare(answers(second), answers(first))
    assert back.all.p == found.all.p
    assert back.all.difference == pytest.approx(-found.all.difference)


def test_of_a_report_with_itself_nothing_differs() -> None:
    report = answers([True, False, True] * 10)
    found = compare(report, report)
    assert (found.all.difference, found.all.interval, found.all.p, found.changed) == (0.0, (0.0, 0.0), 1.0, ())


def test_types_are_told_apart_and_those_that_nobody_judges_left_out() -> None:
    first = answers([True, False, None], kind="unread")
    second = answers([False, False, True], kind="exist")
    found = compare(first, second)
    assert (found.all.questions, list(found.by_type)) == (2, ["exist"])
    assert compare([], []).all.to_json()["difference"] is None


def test_the_order_of_questions_does_not_matter() -> None:
    first, second = answers([True, False] * 10), answers([True, True] * 10)
    assert compare(first, second[::-1]) == compare(first, second)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda report: report.pop(), "question 3 is in the first alone"),
        (
            lambda report: report[1].update(image_index=7),
            "the image of question 1 is 0 in the first and 7 in the second",
        ),
        (lambda report: report[2].update(expected="9"), "the expected answer of question 2 is '1'"),
        (lambda report: report.append({**report[0], "question_index": 44}), "question 44 is in the second alone"),
    ],
)
def test_reports_on_other_questions_are_refused_in_a_line(change: Any, words: str) -> None:
    first, second = answers([True] * 4), answers([True] * 4)
    change(second)
    with pytest.raises(InputError) as refused:
        compare(first, second)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [[], {}, {"answers": 3}, {"answers": [1]}, {"answers": [{"type": "count"}]}])
def test_files_that_are_no_reports_are_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="is no report"):
        read_answers(path)


def test_reports_of_earlier_versions_can_be_compared(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    kept = ("question_index", "image_index", "answer", "expected", "correct", "confidence", "error", "type")
    old = [{key: answer[key] for key in kept} for answer in answers([True, False])]
    path.write_text(json.dumps({"accuracy": 0.5, "answers": old}))
    assert compare(read_answers(path), answers([True, True])).all.only_second == 1


def test_a_submission_has_one_line_a_question_in_the_order_of_the_file() -> None:
    outcomes = (
        Outcome(0, 0, "large", None, None, 0.9, None, "query[size]", guess="large"),
        Outcome(1, 0, None, None, None, None, "no image", "count", failure="image"),
        Outcome(2, 0, None, None, None, 0.2, None, "count", declined=True, guess="3"),
        Outcome(3, 0, "two\nlines", None, None, 0.9, None, "query", guess="two\nlines"),
    )
    assert submission(outcomes).splitlines() == ["large", "no", "3", "two lines"]
    assert len(submission(outcomes).splitlines()) == len(Report(outcomes, 1.0).outcomes)
