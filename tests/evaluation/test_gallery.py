"""The gallery: one page that is well formed, asks nothing of the network, and shows text as text."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from nmn.evaluation import Outcome
from nmn.evaluation.gallery import Exhibit, Picture, gallery
from nmn.evaluation.steps import Step, first_wrong, origins

EVIL = '<script src="//evil.example/x.js">alert(1)</script><img src=x onerror=alert(1)> & "quoted"'
VOID = {"meta", "image", "rect", "img"}


class Page(HTMLParser):
    """Checks that tags nest, and keeps what it meets."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "data", "srcset")]
        assert not [name for name, _ in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def outcome(index: int, **changes: object) -> Outcome:
    fields: dict[str, object] = {
        "question_index": index,
        "image_index": 3,
        "answer": "2",
        "expected": "1",
        "correct": False,
        "confidence": 0.93,
        "error": None,
        "type": "count",
        "guess": "2",
    }
    return Outcome(**{**fields, **changes})  # type: ignore[arg-type]


EXHIBITS = [
    Exhibit(
        outcome(5),
        EVIL,
        program="count(filter(scene(), size=large))",
        true_program="count(scene())",
        steps=(
            Step("scene()", "2 of 2 objects", "2 of 2 objects", False),
            Step("filter(#0, size=large)", "2 of 2 objects", "1 of 2 objects: 0", True, (0,)),
            Step("count(#1)", "2 (0.97)", "1", True, (1,)),
        ),
        picture=Picture(
            np.zeros((64, 96, 3), np.uint8), (("0", (1.0, 2.0, 30.0, 40.0)),), (("missed 1", (50.0, 9.0, 60.0, 20.0)),)
        ),
        cause="attribute",
        distribution=(("2", 0.97), ("1", 0.03)),
    ),
    Exhibit(outcome(6, answer=None, error=EVIL, failure="image", confidence=None, guess=None), "Is it?"),
    Exhibit(outcome(7, answer=None, declined=True, guess="yes", confidence=0.4), "Is it not?"),
]


@pytest.fixture(scope="module")
def page() -> Page:
    parsed = Page()
    parsed.feed(gallery(EXHIBITS, wrong=3, questions=100, title=EVIL))
    parsed.close()
    return parsed


def test_tags_nest_and_nothing_runs_or_is_loaded_from_elsewhere(page: Page) -> None:
    assert page.open == []
    assert not {"script", "iframe", "object", "embed", "link", "form"} & set(page.tags)
    assert page.links
    assert all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    text = gallery(EXHIBITS[1:], wrong=3, questions=100, title="t")
    assert not re.search(r"https?:|@import|url\(", text)


def test_text_is_shown_as_text(page: Page) -> None:
    assert page.text.count(EVIL) == 4  # twice as title, a question, an error


def test_steps_that_went_wrong_by_themselves_are_told_from_those_that_follow() -> None:
    assert origins(EXHIBITS[0].steps) == (1,)
    two = (*EXHIBITS[0].steps, Step("filter(#0, size=small)", "0", "1", True, (0,)))
    assert (origins(two), first_wrong(two), first_wrong(())) == ((1, 3), 1, None)


def test_the_first_wrong_step_is_marked_once(page: Page) -> None:
    assert page.text.count("first wrong step") == 1
    assert "filter(#0, size=large) first wrong step" in re.sub(r"\s+", " ", page.text)


def test_what_was_answered_is_said_in_every_case(page: Page) -> None:
    for words in ("2, confidence 0.930", "I don't know, best guess yes, confidence 0.400", "attribute", "no picture"):
        assert words in page.text
    assert "3 of 100 questions were answered wrong; all of them are shown." in page.text


def test_a_page_of_no_errors_says_so() -> None:
    assert "All of 7 questions were answered right" in gallery([], wrong=0, questions=7, title="t")
    assert "the worst 1 of them" in gallery(EXHIBITS[:1], wrong=3, questions=100, title="t")
