"""The page of `nmn demo` in chromium: how long the first answer takes, and a click until its overlay is painted.

    PYTHONSAFEPATH=1 python benchmarks/page.py

Prints medians and ranges: seconds from the page being up until the first answer is drawn, and milliseconds from a click on a
step, as the browser notes it, until what it changed has been painted. Needs the extra 'demo', playwright and chromium.
"""

import argparse
import shutil
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 90_000  # ms
CLICKS = """window.clicks = [];
document.addEventListener("click", (event) => requestAnimationFrame(() => setTimeout(() =>
    window.clicks.push(performance.now() - event.timeStamp), 0)), true);"""


def main() -> None:
    """Serve the page, open it a few times, and click."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--times", type=int, default=5, help="How often the page is opened.")
    times = parser.parse_args().times
    chromium = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if chromium is None or find_spec("playwright") is None or find_spec("gradio") is None:
        print("needs chromium, playwright and the extra 'demo'; nothing is measured")
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    command = [sys.executable, "-P", "-c", "from nmn.cli import main; main()", "demo", "--port", address[17:-1]]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for(address, server)
        measure(address, chromium, times)
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


def measure(address: str, chromium: str, times: int) -> None:
    """Open the page so many times; the first opening, which warms everything up, does not count."""
    from playwright.sync_api import sync_playwright

    waits: list[float] = []
    clicks: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number in range(times + 1):
            waited, clicked = opened(browser.new_page(), address)
            if number:
                waits.append(waited)
                clicks += clicked
        browser.close()
    told("first answer after the page is up", "s", waits)
    told("click to painted overlay", "ms", clicks)


def opened(page: Any, address: str) -> tuple[float, list[float]]:
    """Seconds to the first answer, and milliseconds of some clicks."""
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("#wb-form")
    started = time.perf_counter()
    page.wait_for_selector("#wb-result .nmn-graph")
    waited = time.perf_counter() - started
    page.evaluate(CLICKS)
    nodes = page.locator("[data-node]").all()
    for node in nodes:
        node.click()
    page.wait_for_function("count => window.clicks.length === count", arg=len(nodes))
    clicks = page.evaluate("window.clicks")
    page.close()
    return waited, clicks


def told(what: str, unit: str, values: list[float]) -> None:
    """One line."""
    print(
        f"{what}: median {statistics.median(values):.3g} {unit}, "
        f"{min(values):.3g} to {max(values):.3g}, {len(values)} times"
    )


if __name__ == "__main__":
    main()
