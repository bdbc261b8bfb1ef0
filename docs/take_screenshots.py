"""Take the pictures of docs/inspection.md: `make screenshots`. Needs the extra 'demo', playwright and chromium."""

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

TARGET = Path(__file__).resolve().parent / "images"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
DESK, TALL, PHONE = ({"width": width, "height": height} for width, height in ((1440, 1000), (1440, 1180), (390, 844)))
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
            for name, (size, scheme, bring) in STATES.items():
                context = browser.new_context(viewport=size, color_scheme=scheme)
                page = context.new_page()
                page.set_default_timeout(PATIENCE)
                page.goto(f"http://127.0.0.1:{port}/")
                settled(page)
                bring(page)
                settled(page)
                page.mouse.move(4, 4)
                page.wait_for_timeout(600)
                page.screenshot(path=TARGET / f"{name}.png")
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


def ask(page: Any, question: str) -> None:
    """Ask as a person does."""
    page.fill("#wb-question", question)
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    settled(page)


def show(page: Any, top: str) -> None:
    """Scroll so that something is at the top."""
    page.evaluate("selector => document.querySelector(selector).scrollIntoView({block: 'start'})", top)
    page.evaluate("window.scrollBy(0, -10)")


def answer(page: Any) -> None:
    """A relation is selected: its arrows are over the image."""
    page.click('[data-node="5"]')
    show(page, ".wb-actions")


def edit(page: Any) -> None:
    """A program that is not well typed, with the place marked."""
    page.click("#wb-editor summary")
    page.fill("#wb-program", "count(filter(relate(filter(scene(), color=purple), left), shape=cube))")
    page.wait_for_selector("#wb-program-problem:not([hidden])")
    page.evaluate("window.scrollTo(0, 0)")


def suppose(page: Any) -> None:
    """What changes if the small metal block were red."""
    ask(page, "Do the tiny metal block and the large cylinder that is in front of the purple ball have the same color?")
    page.select_option("#wb-object", "4")
    page.select_option("#wb-what", label="is red")
    page.click("#wb-suppose-form button")
    page.wait_for_selector(".nmn-changed")
    page.click('[data-node="5"]')
    show(page, ".wb-actions")


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
    show(page, ".nmn-run-title")


def phone(page: Any) -> None:
    """The image and the graph on a phone."""
    page.click('[data-node="5"]')
    show(page, ".nmn-head")


STATES: dict[str, tuple[Any, str, Callable[[Any], None]]] = {
    "answer": (DESK, "light", answer),
    "edit": (DESK, "light", edit),
    "suppose": (DESK, "dark", suppose),
    "compare": (TALL, "light", compare),
    "phone": (PHONE, "dark", phone),
}

if __name__ == "__main__":
    main()
