"""A page in a browser, with all that it should not do."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

PATIENCE = 90_000  # ms


@dataclass
class Watched:
    """A page, and what it complains about or asks for elsewhere."""

    page: Any
    problems: list[str] = field(default_factory=list)

    @staticmethod
    def of(page: Any) -> "Watched":
        watched = Watched(page)
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: watched.problems.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: watched.problems.append(str(error)))
        page.on("request", lambda request: watched.asked(request.url))
        return watched

    def asked(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("data", "blob", "file") and parts.hostname != "127.0.0.1":
            self.problems.append(f"asked for {address}")


def answered(page: Any) -> None:
    """Wait for the answer."""
    page.wait_for_selector("#wb-result .nmn-graph")
    page.wait_for_function("!document.querySelector('[aria-busy]')")


def answer(page: Any) -> str:
    """The answer that is shown; of two runs the last one's."""
    return str(page.locator(".nmn-answer").last.inner_text())


def ask(page: Any, question: str) -> None:
    """Ask as a person does, and wait for the answer."""
    page.fill("#wb-question", question)
    page.keyboard.press("Enter")
    page.wait_for_function("words => document.querySelector('.nmn-question')?.textContent === words", arg=question)
    answered(page)


def state(page: Any) -> str:
    """The state that the address holds."""
    return unquote(str(page.evaluate("location.hash")))
