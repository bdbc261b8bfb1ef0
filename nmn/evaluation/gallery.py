"""Gallery: the worst errors on one page, each with its picture, program and steps. One file, no script, no network."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from importlib import resources
from io import BytesIO
from string import Template

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nmn.evaluation.outcome import Outcome
from nmn.evaluation.steps import Step, first_wrong, origins

WIDEST = 480  # px of a picture on the page
JPEG_QUALITY = 80

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Picture:
    """An image and what to draw over it.

    Attributes:
        pixels: [height, width, 3] bytes.
        seen: Name and box of every object that was seen, in pixels.
        missed: Name and box of every true object that was not.
    """

    pixels: NDArray[np.uint8]
    seen: tuple[tuple[str, Box], ...] = ()
    missed: tuple[tuple[str, Box], ...] = ()


@dataclass(frozen=True)
class Exhibit:
    """One wrong answer.

    Attributes:
        outcome: What became of the question.
        text: The question.
        program: What was run, as text; None where nothing was.
        true_program: The file's program as text, where it is another.
        steps: What ran; empty where nothing did.
        picture: The image; None where it cannot be shown.
        cause: What caused the error; None where that was not asked for.
        distribution: The likeliest answers and their probabilities, the likeliest first.
    """

    outcome: Outcome
    text: str
    program: str | None = None
    true_program: str | None = None
    steps: tuple[Step, ...] = ()
    picture: Picture | None = None
    cause: str | None = None
    distribution: tuple[tuple[str, float], ...] = ()


def gallery(exhibits: Sequence[Exhibit], *, wrong: int, questions: int, title: str) -> str:
    """The page.

    Args:
        exhibits: The errors to show, worst first.
        wrong: How many there are in all.
        questions: Of how many questions.
        title: What was evaluated.
    """
    page = Template(resources.files("nmn.evaluation").joinpath("gallery.html").read_text(encoding="utf-8"))
    shown = f"the worst {len(exhibits)}" if len(exhibits) < wrong else "all"
    summary = f"{wrong:,} of {questions:,} questions were answered wrong; {shown} of them are shown."
    return page.substitute(
        title=escape(title),
        summary=escape(
            summary if wrong else f"All of {questions:,} questions were answered right, or had no right answer."
        ),
        errors="\n".join(_card(number, each) for number, each in enumerate(exhibits, start=1)),
    )


def _card(number: int, exhibit: Exhibit) -> str:
    outcome = exhibit.outcome
    heading = f"{number}. Question {outcome.question_index}, image {outcome.image_index}, {outcome.type}"
    return "\n".join(
        (
            '<article class="error">',
            f"<h2>{escape(heading)}{_badge(exhibit.cause)}</h2>",
            f'<p class="question">{escape(exhibit.text)}</p>',
            '<div class="body">',
            _picture(exhibit.picture),
            '<div class="facts">',
            _facts(exhibit),
            _steps(exhibit.steps),
            "</div></div></article>",
        )
    )


def _badge(cause: str | None) -> str:
    return "" if cause is None else f' <span class="cause">{escape(cause)}</span>'


def _facts(exhibit: Exhibit) -> str:
    outcome = exhibit.outcome
    rows: list[tuple[str, str]] = [("expected", f'<b class="right">{escape(str(outcome.expected))}</b>')]
    if outcome.error is not None:
        rows.append(("not answered", f'<b class="wrong">{escape(outcome.error)}</b>'))
    else:
        said = "I don't know" if outcome.declined else str(outcome.answer)
        guess = f", best guess {outcome.guess}" if outcome.declined and outcome.guess is not None else ""
        sure = "" if outcome.confidence is None else f"{guess}, confidence {outcome.confidence:.3f}"
        rows.append(("answered", f'<b class="wrong">{escape(said)}</b>{escape(sure)}'))
    if exhibit.distribution:
        rows.append(("likeliest", escape(", ".join(f"{name} {chance:.3f}" for name, chance in exhibit.distribution))))
    if exhibit.program is not None:
        rows.append(("program", f"<code>{escape(exhibit.program)}</code>"))
    if exhibit.true_program is not None:
        rows.append(("true program", f'<code class="right">{escape(exhibit.true_program)}</code>'))
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{value}</dd>' for name, value in rows)}</dl>"


def _steps(steps: Sequence[Step]) -> str:
    if not steps:
        return ""
    told = any(step.true is not None for step in steps)
    first, red = first_wrong(steps), origins(steps)
    rows = "".join(
        _step(index, step, told, "origin" if index in red else "later" if step.wrong else "", first=index == first)
        for index, step in enumerate(steps)
    )
    head = "<th>#</th><th>call</th><th>seen</th>" + ("<th>truth</th>" if told else "")
    note = ""
    if told and first is None:
        note = "<p>Every step agrees with the true scene, each value taken at its likeliest.</p>"
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>{note}'


def _step(index: int, step: Step, told: bool, style: str, *, first: bool) -> str:
    kind = f' class="{style}"' if style else ""
    mark = ' <span class="mark">first wrong step</span>' if first else ""
    truth = f"<td>{escape(step.true or '')}</td>" if told else ""
    call, seen = f"<code>{escape(step.call)}</code>{mark}", escape(step.seen)
    return f"<tr{kind}><td>{index}</td><td>{call}</td><td>{seen}</td>{truth}</tr>"


def _picture(picture: Picture | None) -> str:
    if picture is None:
        return '<div class="picture none">no picture</div>'
    height, width = picture.pixels.shape[:2]
    parts = [f'<image href="{_data(picture.pixels)}" width="{width}" height="{height}"/>']
    parts += _boxes(picture.missed, "missed", width)
    parts += _boxes(picture.seen, "seen", width)
    return f'<svg class="picture" viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg>'


def _boxes(boxes: Iterable[tuple[str, Box]], kind: str, width: int) -> Iterator[str]:
    size = max(width / 34, 6.0)
    for name, (x0, y0, x1, y1) in boxes:
        frame = f'x="{x0:.1f}" y="{y0:.1f}" width="{max(0.0, x1 - x0):.1f}" height="{max(0.0, y1 - y0):.1f}"'
        yield f'<rect class="{kind}" {frame}/>'
        yield f'<text class="{kind}" x="{x0 + 2:.1f}" y="{y0 + size:.1f}" font-size="{size:.1f}">{escape(name)}</text>'


def _data(pixels: NDArray[np.uint8]) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((WIDEST, WIDEST))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode('ascii')}"
