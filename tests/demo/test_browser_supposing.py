"""Supposing in a browser: of objects and of steps, by mouse, with undo, and in the address."""

from typing import Any
from urllib.parse import unquote

import pytest
from watched_page import Watched, answer, answered, ask

pytestmark = pytest.mark.browser


def pressed(page: Any, objects: str) -> bool:
    """Whether the step comes to be shown to give these objects."""
    shown = (
        "Array.from(document.querySelectorAll('#wb-ticks [aria-pressed=true]')).map(each => each.textContent).join(' ')"
    )
    return bool(page.wait_for_function(f"objects => {shown} === objects", arg=objects))


def test_a_supposition_lights_what_it_changes(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many purple things are there?")
    page.select_option("#wb-object", "2")
    page.select_option("#wb-what", label="is purple")
    page.click("#wb-suppose-form button")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '3'")
    assert page.locator(".nmn-node.nmn-changed").count() == 2
    page.click("#wb-supposed button")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '2'")


def test_objects_are_ticked_in_and_out_of_what_a_step_gives(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many purple things are there?")
    page.click('[data-node="1"]')
    assert pressed(page, "0 3")
    page.click('#wb-ticks [aria-label="Object 2"]')
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '3'")
    assert pressed(page, "0 2 3")
    page.wait_for_function("document.activeElement.ariaLabel === 'Object 2'")
    assert "The answer changes from 2 to 3" in page.locator(".nmn-changes").inner_text()
    assert page.locator(".nmn-node.nmn-kept").count() == 1
    again = unquote(page.url)
    assert '"suppose":[{"node":1,"objects":[0,3,2]}]' in again
    page.locator(".nmn-panel:not([hidden]) tr[data-object='0'] .nmn-number").click()
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '2'")
    page.click("#wb-undo")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '3'")
    page.goto("about:blank")
    page.goto(again)
    answered(page)
    assert answer(page) == "3"


def test_a_value_and_a_relation_can_be_supposed_and_taken_back(opened: Watched) -> None:
    page = opened.page
    ask(page, "How many purple things are left of the large yellow cylinder?")
    assert answer(page) == "1"
    page.select_option("#wb-object", "0")
    page.select_option("#wb-what", label="is left of …")
    page.select_option("#wb-other", "1")
    page.click("#wb-suppose-form button")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '2'")
    assert page.locator("#wb-supposed li").inner_text().startswith("suppose object 0 is left of object 1")
    page.select_option("#wb-gives", "5")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '5'")
    page.select_option("#wb-gives", label="…")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '2'")
    page.click("#wb-supposed button")
    page.wait_for_function("document.querySelector('.nmn-answer').textContent === '1'")
    assert page.locator(".nmn-changes").count() == 0
