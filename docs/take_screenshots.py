"""Take the pictures of docs/inspection.md: `make screenshots`. Needs the extra 'demo', playwright and chromium."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parent / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESK, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
MARGIN = 8  # px
PATIENCE = 60_000  # ms


def main() -> None:
    """Serve the page, bring it into each state, and take its picture."""
    browser_path = next(found for name in BROWSERS if (found := shutil.which(name)))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-P", "-c", "from nmn.cli import main; main()", "demo", "--port", str(port)]
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/", server)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            for name, state in STATES.items():
                context = browser.new_context(viewport=state.size, color_scheme=state.scheme)
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                page.goto(f"http://127.0.0.1:{port}/")
                settled(page)
                state.bring(page)
                settled(page)
                page.mouse.move(4, 4)
                take(page, name, state)
                context.close()
    finally:
        server.terminate()
        server.wait(20)


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    """Until the page is there."""
    while server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise SystemExit("the page does not start")


def settled(page: Any) -> None:
    """Until the answer is there."""
    page.wait_for_selector("#wb-result .nmn-graph")
    page.wait_for_function("!document.querySelector('[aria-busy]')")


def take(page: Any, name: str, state: "State") -> None:
    """The page from one of its parts down to another, in a window that holds all of it."""
    for _ in range(2):  # what comes into sight may make the page longer
        page.set_viewport_size({**state.size, "height": page.evaluate("document.documentElement.scrollHeight")})
        page.wait_for_timeout(600)
    top = page.locator(state.first).first.bounding_box()["y"] - MARGIN
    last = page.locator(state.last).last.bounding_box()
    height = last["y"] + last["height"] + MARGIN - top
    clip = {"x": 0, "y": max(0, top), "width": state.size["width"], "height": height + min(0, top)}
    page.screenshot(path=TARGET / f"{name}.png", clip=clip)


def ask(page: Any, question: str) -> None:
    """Ask as a person does."""
    page.fill("#wb-question", question)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    settled(page)


def answer(page: Any) -> None:
    """A relation is selected: its arrows are over the image."""
    page.click('[data-node="5"]')


def edit(page: Any) -> None:
    """A program that is not well typed, with the place marked."""
    page.click("#wb-editor summary")
    page.fill("#wb-program", "count(filter(relate(filter(scene(), color=purple), left), shape=cube))")
    page.wait_for_selector("#wb-program-problem:not([hidden])")


def suppose(page: Any) -> None:
    """What changes if the purple ball were left of the yellow cylinder, and what ran again for that."""
    ask(page, "How many purple things are left of the large yellow cylinder?")
    page.select_option("#wb-object", "2")
    page.select_option("#wb-what", label="is left of …")
    page.select_option("#wb-other", "3")
    page.click("#wb-suppose-form button")
    page.wait_for_selector(".nmn-changes")
    page.click('[data-node="5"]')


def compare(page: Any) -> None:
    """Two questions side by side."""
    page.click('[name=wb-image][value="CLEVR_val_000284"] + img')
    page.wait_for_timeout(500)
    settled(page)
    ask(page, "How many small things are left of the big red thing?")
    page.click("#wb-compare")
    page.wait_for_selector(".nmn-of-2")
    ask(page, "How many small metal things are behind the big red thing?")
    page.wait_for_selector(".nmn-changed")
    page.locator("article").nth(1).locator('[data-node="4"]').click()


def phone(page: Any) -> None:
    """The image and the graph on a phone."""
    ask(page, "How many large things are right of the green ball?")
    page.click('[data-node="4"]')


@dataclass(frozen=True)
class State:
    """What is in a picture: the window, its colours, how it is reached, and the first and the last part that is shown."""

    size: dict[str, int]
    scheme: str
    bring: Callable[[Any], None]
    first: str
    last: str


STATES = {
    "answer": State(DESK, "light", answer, ".wb-bar", ".nmn-columns"),
    "edit": State(DESK, "light", edit, ".wb-bar", ".nmn-reading"),
    "suppose": State(DESK, "dark", suppose, ".wb-actions", ".nmn-work"),
    "compare": State(DESK, "light", compare, ".nmn-run-title", ".nmn-panel:not([hidden])"),
    "phone": State(PHONE, "dark", phone, ".nmn-head", ".nmn-right"),
}

if __name__ == "__main__":
    main()
