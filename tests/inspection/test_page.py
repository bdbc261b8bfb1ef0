"""Pages: every text is escaped, nothing is fetched, everything fits."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nmn.engine import Engine
from nmn.inspection import fragment, notebook, page, view
from nmn.inspection.graph_svg import MOST, graph_svg
from nmn.inspection.markup import element
from nmn.inspection.page import LARGEST, embedded
from nmn.inspection.running import inspect
from nmn.inspection.text_width import fitted, text_width
from nmn.inspection.view import Again, Beside, View
from nmn.inspection.work_panel import short
from nmn.parse import Attempt
from nmn.parser.text import parse_program
from nmn.program import Concept, Node, Program
from nmn.registry import default_registry
from nmn.scenes import Scene
from nmn.trace import Answer

EVIL = "</script><img src=x onerror=alert(1)>\"'&<svg onload=alert(2)>"
ACTIVE = {"script", "style", "svg", "img", "image", "a", "link", "iframe", "object", "form"}


class Tags(HTMLParser):
    """All tags with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def spoiled(shown: View) -> View:
    """A view in which every word is an attack."""
    nodes = tuple(
        replace(
            node, title=EVIL, argument=EVIL, call=EVIL, value=EVIL, brief=EVIL, words=EVIL, kind=EVIL, supposed=EVIL
        )
        for node in shown.nodes
    )
    objects = tuple(replace(each, words=EVIL, supposed=(EVIL,)) for each in shown.objects)
    assert shown.work is not None
    ways = tuple(replace(way, name=EVIL) for way in shown.work.ways)
    work = replace(shown.work, ways=ways, beside=Beside(EVIL), again=Again(1, shown.work.total))
    said = replace(shown, nodes=nodes, objects=objects, work=work, changes=(EVIL, EVIL), suppositions=(EVIL,))
    return replace(said, question=EVIL, answer=EVIL, program=EVIL, title=EVIL, failures=(EVIL,))


@pytest.fixture(scope="module")
def shown(engine: Engine, samples: Path) -> View:
    question = "How many big objects are purple metal cylinders or matte things?"
    return inspect(engine, samples / "CLEVR_val_000042.jpg", question).view


def test_whatever_the_words_are_no_tag_comes_of_them(shown: View) -> None:
    plain = [tag for tag, _ in Tags(page([shown])).found]
    assert EVIL not in page([spoiled(shown)])
    attacked = [tag for tag, _ in Tags(page([spoiled(shown)])).found]
    assert {tag: attacked.count(tag) for tag in ACTIVE} == {tag: plain.count(tag) for tag in ACTIVE}


def test_no_attribute_runs_anything(shown: View) -> None:
    for tag, attributes in Tags(page([spoiled(shown)])).found:
        assert not [name for name in attributes if name.startswith("on")], tag


def test_a_question_full_of_markup_is_shown_as_text(described: Engine, scenes: dict[int, Scene]) -> None:
    answer = replace(described.answer(scenes[0], "How many cubes are there?", trace=True), question=EVIL)
    text = page([view(answer)], title=EVIL)
    assert EVIL not in text
    assert [tag for tag, _ in Tags(text).found].count("img") == 0


def test_a_program_with_markup_in_its_words_is_shown_as_text() -> None:
    program = Program((Node("scene"), Node("filter", (0,), None, (Concept("color", EVIL),)), Node("count", (1,))))
    text = notebook(Answer(None, 0.0, {}, program))
    assert EVIL not in text
    assert "onerror" not in [name for _, attributes in Tags(text).found for name in attributes]


def test_a_page_asks_no_network_for_anything(shown: View) -> None:
    text = page([shown])
    addresses = [
        value
        for _, attributes in Tags(text).found
        for name, value in attributes.items()
        if name in ("src", "href", "action", "data", "poster") and value
    ]
    assert all(address.startswith("data:image/jpeg;base64,") for address in addresses)
    assert "@import" not in text
    assert not re.search(r"url\(", text)
    assert "default-src 'none'" in text
    assert set(re.findall(r"https?://[^\s\"'<>)]+", text)) <= {"http://www.w3.org/2000/svg"}


def test_a_page_is_less_than_a_megabyte_beside_its_image(shown: View) -> None:
    assert shown.picture is not None
    assert shown.picture.source is not None
    assert len(page([shown]).encode()) - len(shown.picture.source) < 1_000_000
    assert len(shown.picture.source) < 200_000


def test_drawings_are_well_formed(described: Engine, scenes: dict[int, Scene], programs: list[Program]) -> None:
    for each in programs[:20]:
        drawn = ElementTree.fromstring(graph_svg(inspect(described, scenes[0], each).view))
        assert drawn.tag.endswith("svg")


def test_texts_fit_into_their_nodes(described: Engine, scenes: dict[int, Scene], programs: list[Program]) -> None:
    for each in programs[:20]:
        drawn = ElementTree.fromstring(graph_svg(inspect(described, scenes[0], each).view))
        name = "{http://www.w3.org/2000/svg}"
        for node in drawn.iter(f"{name}g"):
            if "data-node" not in node.attrib:
                continue
            box = node.find(f"{name}rect")
            assert box is not None
            for text in node.findall(f"{name}text"):
                if "nmn-glyph" in text.get("class", "") or "badge" in text.get("class", ""):
                    continue
                parts = [
                    (text.text or "", False),
                    *((part.text or "", part.get("class") == "nmn-title") for part in text),
                ]
                width = sum(text_width(words, 13.0, bold=bold) for words, bold in parts)
                assert float(text.get("x", 0)) + width <= float(box.get("width", 0)) + 0.5
                assert "…" not in "".join(words for words, _ in parts) or float(box.get("width", 0)) == MOST


def test_without_scripts_every_step_can_be_read(shown: View) -> None:
    text = fragment(shown, standalone=False)
    for node in shown.nodes:
        assert element("code", node.call) in text
        assert element("td", node.value) in text


def test_notebooks_show_answers_and_traces(described: Engine, scenes: dict[int, Scene]) -> None:
    answer = described.answer(scenes[0], "How many cubes are there?", trace=True)
    assert "nmn-graph" in answer._repr_html_()
    assert answer.trace is not None
    assert "nmn-graph" in answer.trace._repr_html_()
    assert 'class="nmn-confidence"' not in answer.trace._repr_html_()


def test_what_ran_stands_beside_a_run_of_everything(shown: View) -> None:
    text = fragment(shown, standalone=False).partition("What ran")[2]
    assert "everything computed ahead" in text
    assert "looks and facets ahead" in text
    for way in ("lazy", "read", "everything"):
        assert element("th", way, scope="row") in text
    assert len(re.findall(r"--share:[\d.]+;--other:[\d.]+", text)) >= 2 * len(shown.nodes)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 "),
        (7, "7 "),
        (999, "999 "),
        (1000, "1.00 k"),
        (12_345, "12.3 k"),
        (999_499, "999 k"),
        (999_500, "1.00 M"),
    ],
)
def test_large_numbers_are_said_with_three_digits(number: int, words: str) -> None:
    assert short(number) == words


def test_data_in_a_script_cannot_end_it() -> None:
    assert "<" not in embedded({"said": EVIL})


def test_long_programs_are_shown_as_text() -> None:
    chain = ", ".join(["color=red"] * (LARGEST + 5))
    program = parse_program(f"count(filter(scene(), {chain}))", default_registry()).program
    text = notebook(Answer(None, 0.0, {}, program))
    assert "nmn-graph" not in text.replace(".nmn-graph", "").partition("</style>")[2].partition("<script>")[0]
    assert f"up to {LARGEST} are drawn" in text


def test_a_text_is_cut_only_where_there_is_no_room() -> None:
    assert fitted("filter", 13.0, 200.0) == "filter"
    cut = fitted("a very long value of a very long attribute", 13.0, 80.0)
    assert cut.endswith("…")
    assert text_width(cut, 13.0) <= 80.0


def test_an_answer_that_is_not_known_shows_the_best_guess_as_such(described: Engine, scenes: dict[int, Scene]) -> None:
    answer = described.answer(scenes[0], "How many cubes are there?", trace=True)
    assert answer.reading is not None
    tried = (Attempt("grammar", 0.001, failure="a word that is not known"), Attempt("neural", 0.06, confidence=0.4))
    reading = replace(answer.reading, link="neural", confidence=0.4, known=False, attempts=tried)
    shown = view(replace(answer, confidence=1.0).asked("How many cubes?", reading).unknown())
    assert shown.answer is None
    assert shown.guess == ("1", 0.4)
    text = fragment(shown, standalone=False)
    assert "I don&#x27;t know" in text or "I don't know" in text
    assert "best guess: 1, 0.400" in text
    assert "grammar: a word that is not known" in text
