"""The page in a browser: every control does what it says, by mouse and by keyboard, on a desk and on a phone."""

import re
import statistics
import time
from pathlib import Path
from typing import Any

import pytest
from watched_page import Watched, answer, answered, ask, state

pytestmark = pytest.mark.browser

# From a click, as the browser notes it, until what it changed has been painted.
CLICKS = """window.clicks = [];
document.addEventListener("click", (event) => requestAnimationFrame(() => setTimeout(() =>
    window.clicks.push(performance.now() - event.timeStamp), 0)), true);"""


def test_every_node_that_is_clicked_shows_what_it_attends_to(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many large things are right of the green ball?")
    seen = []
    for node in page.locator("[data-node]").all():
        node.click()
        index = node.get_attribute("data-node")
        assert page.locator(".nmn-layer:not([hidden])").get_attribute("data-for") == index
        assert page.locator(".nmn-panel:not([hidden])").get_attribute("data-for") == index
        assert page.locator("figcaption").inner_text().startswith(f"#{index} ")
        seen.append(page.locator(".nmn-layer:not([hidden])").inner_html())
    assert len(set(seen)) > 3
    assert answer(page) == "3"


def test_an_ill_typed_program_shows_where_and_can_be_mended(opened: Watched) -> None:
    page = opened.page
    page.click("#wb-editor summary")
    page.fill("#wb-program", "count(filter(scene(), color=rde))")
    page.wait_for_selector("#wb-program-problem:not([hidden])")
    assert page.locator("#wb-mirror mark").inner_text() == "color=rde"
    pointer = page.locator("#wb-program-problem pre").inner_text().splitlines()
    assert pointer[1].index("^") == pointer[0].index("color=rde")
    page.fill("#wb-program", "count(filter(scene(), color=purple))")
    page.wait_for_selector("#wb-program-problem", state="hidden")
    page.click("#wb-run")
    page.wait_for_function("document.querySelectorAll('[data-node]').length === 3")
    answered(page)
    assert answer(page) == "2"


def test_a_node_is_changed_by_its_menu_and_changed_back_by_undo(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many purple things are there?")
    page.click('[data-node="1"]')
    page.wait_for_function(
        "document.querySelector('#wb-edit').options.length > 5 && document.querySelector('#wb-at').value === '#1'"
    )
    page.wait_for_timeout(300)
    page.select_option("#wb-edit", label="color=green")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '1'")
    assert "color=green" in state(page)
    page.click("#wb-undo")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '2'")


def test_two_runs_are_compared_side_by_side(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many purple things are there?")
    page.click("#wb-compare")
    page.wait_for_selector(".nmn-of-2")
    page.fill("#wb-question", "How many green things are there?")
    page.keyboard.press("Enter")
    page.wait_for_selector(".nmn-node.nmn-changed")
    left, right = page.locator("article").all()
    assert abs(left.bounding_box()["y"] - right.bounding_box()["y"]) < 2
    assert left.bounding_box()["x"] < right.bounding_box()["x"]
    right.locator('[data-node="1"]').click()
    assert left.locator(".nmn-panel:not([hidden])").get_attribute("data-for") == "1"
    assert "In the other run" in right.locator(".nmn-panel:not([hidden])").inner_text()
    page.click("#wb-compare")
    page.wait_for_function("document.querySelectorAll('article').length === 1")


def test_what_is_downloaded_works_from_disk(opened: Watched, chromium: Any, tmp_path: Path) -> None:
    ask(opened.page, "What color is the cube?")
    with opened.page.expect_download() as download:
        opened.page.click("#wb-download")
    kept = tmp_path / "answer.html"
    download.value.save_as(kept)
    assert kept.stat().st_size < 1_000_000
    alone = Watched.of(chromium.new_page())
    alone.page.goto(kept.as_uri())
    for node in alone.page.locator("[data-node]").all():
        node.click()
        assert alone.page.locator(".nmn-layer:not([hidden])").get_attribute("data-for") == node.get_attribute(
            "data-node"
        )
    alone.page.keyboard.press("ArrowUp")
    alone.page.locator('[data-action="play"]').click()
    assert not alone.problems
    alone.page.close()


def test_everything_can_be_reached_by_keyboard(opened: Watched) -> None:
    page = opened.page
    page.focus("#wb-question")
    page.keyboard.press("Control+A")
    page.keyboard.type("How many pur")
    page.wait_for_selector(".wb-completion:not([hidden])")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type(" things are there?")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "document.querySelector('.nmn-question').textContent === 'How many purple things are there?'"
    )
    answered(page)
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate(
                "document.activeElement.id || document.activeElement.className.baseVal || document.activeElement.className"
            )
        )
        if page.evaluate("Boolean(document.activeElement.closest('.nmn-nodes'))"):
            break
    assert {"wb-edit", "wb-object", "wb-what"} <= reached
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.dataset.node") == "1"
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.node") == "2"
    page.keyboard.press("Control+z")
    page.wait_for_function(
        "document.querySelector('.nmn-question').textContent !== 'How many purple things are there?'"
    )


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.mark.parametrize("opened", [PHONE], indirect=True)
def test_a_phone_shows_everything_without_scrolling_sideways(opened: Watched) -> None:
    page = opened.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator('[data-node="2"]').tap()
    assert page.locator(".nmn-panel:not([hidden])").get_attribute("data-for") == "2"
    for part in ("#wb-question", ".nmn-overlay", ".nmn-scroll", ".nmn-panel:not([hidden])"):
        box = page.locator(part).first.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_address_restores_the_run(opened: Watched, chromium: Any) -> None:
    page = opened.page
    ask(page, "How many purple things are there?")
    page.click('[data-node="1"]')
    page.wait_for_function("decodeURIComponent(location.hash).includes('\"node\":1')")
    again = Watched.of(chromium.new_page())
    again.page.goto(page.url)
    answered(again.page)
    assert again.page.locator(".nmn-question").inner_text() == "How many purple things are there?"
    assert again.page.locator(".nmn-panel:not([hidden])").get_attribute("data-for") == "1"
    again.page.close()


def test_a_broken_address_begins_anew(served: Any, chromium: Any) -> None:
    for broken in ("#%7B", "#[1]", '#{"suppose":3,"beside":"x","question":"How many cubes are there?"}'):
        again = Watched.of(chromium.new_page())
        again.page.goto(served.address + broken)
        answered(again.page)
        assert not again.problems
        again.page.close()


def test_an_image_can_be_uploaded_and_what_is_none_is_refused(opened: Watched, root: Path, tmp_path: Path) -> None:
    page = opened.page
    before = page.locator("[name=wb-image]").count()
    page.set_input_files("#wb-upload", root / "demo" / "samples" / "CLEVR_val_000002.jpg")
    page.wait_for_function("count => document.querySelectorAll('[name=wb-image]').length === count + 1", arg=before)
    answered(page)
    assert '"image":"upload-' in state(page)
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"no image")
    page.set_input_files("#wb-upload", wrong)
    page.wait_for_selector("#wb-question-problem:not([hidden])")
    assert "no image" in page.locator("#wb-question-problem").inner_text()


def test_markup_in_a_question_stays_text(opened: Watched) -> None:
    page = opened.page
    page.fill("#wb-question", "How many <img src=x onerror=alert(1)> are there?")
    page.keyboard.press("Enter")
    page.wait_for_selector("#wb-question-problem:not([hidden]), .nmn-unknown")
    assert page.locator("img[src='x']").count() == 0


def test_texts_are_neither_cut_off_nor_on_top_of_one_another(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many things are purple cubes or large metal things that are left of the green ball?")
    outside = page.evaluate(
        """() => Array.from(document.querySelectorAll('.nmn-node')).filter((node) => {
            const box = node.querySelector('.nmn-box').getBoundingClientRect();
            return Array.from(node.querySelectorAll('text')).some((text) => {
                const place = text.getBoundingClientRect();
                return place.left < box.left - 1 || place.right > box.right + 1 || place.bottom > box.bottom + 1;
            });
        }).length"""
    )
    assert outside == 0


@pytest.mark.parametrize("opened", [{"color_scheme": "light"}, {"color_scheme": "dark"}, PHONE], indirect=True)
def test_axe_finds_no_serious_violation(opened: Watched) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    page = opened.page
    page.click("#wb-editor summary")
    page.select_option("#wb-gives", "no")
    page.wait_for_selector(".nmn-changes")
    page.click("#wb-compare")
    page.wait_for_selector(".nmn-of-2")
    answered(page)
    found = axe.Axe().run(page).response["violations"]
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert not [(each["id"], [node["html"][:200] for node in each["nodes"][:3]]) for each in serious]


def test_axe_finds_no_serious_violation_in_a_file(opened: Watched, chromium: Any, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    with opened.page.expect_download() as download:
        opened.page.click("#wb-download")
    download.value.save_as(tmp_path / "answer.html")
    page = chromium.new_page()
    page.goto((tmp_path / "answer.html").as_uri())
    found = axe.Axe().run(page).response["violations"]
    assert not [each["id"] for each in found if each["impact"] in ("serious", "critical")]
    page.close()


def test_an_overlay_comes_at_once_without_the_server(chromium: Any, served: Any) -> None:
    """Prints how long the first answer and the overlays take, which no clock judges here."""
    page = chromium.new_page()
    page.goto(served.address)
    page.wait_for_selector("#wb-form")
    started = time.perf_counter()
    answered(page)
    waited = time.perf_counter() - started
    page.evaluate(CLICKS)
    page.route(re.compile("component_server"), lambda route: None)  # nothing that is asked from here on is answered
    for node in ("3", "5", "9"):
        page.locator(f'[data-node="{node}"]').click()
        page.wait_for_selector(f'.nmn-layer[data-for="{node}"]:not([hidden])', state="attached")
    page.wait_for_function("window.clicks.length === 3")
    print(f"first answer {waited:.2f} s, click to overlay {statistics.median(page.evaluate('window.clicks')):.0f} ms")
    page.close()


def test_no_request_of_the_page_or_of_its_server_leaves_the_machine(opened: Watched, served: Any) -> None:
    ask(opened.page, "How many cubes are there?")
    reached = set(served.connections.read_text(encoding="utf-8").split()) if served.connections.exists() else set()
    assert not {each for each in reached if not re.fullmatch(r"127\.0\.0\.1|::1|localhost", each)}
