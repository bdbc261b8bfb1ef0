"""Print answers, programs and traces for people; JSON for machines."""

import codecs
import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nmn.domain import Domain
from nmn.errors import printable
from nmn.parse import Attempt, Parse
from nmn.trace import UNKNOWN, Answer, NodeTrace, PlanStatistics, Trace
from nmn.words import LIKELY, value_words

HOLDS = 0.995
"""From this probability on, a presupposition is not worth a word."""

NARROW = 60
"""Columns; in less, a trace shows calls and values only."""


def console(*, stderr: bool = False) -> Console:
    """Where people read."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(highlight=False, soft_wrap=not stream.isatty(), stderr=stderr)


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    unicode = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=not unicode, allow_nan=False) + "\n")


def print_answer(answer: Answer, domain: Domain) -> None:
    """The answer, how sure it is, the program, and the trace if there is one."""
    out = console()
    if answer.question is not None:
        out.print(Text(printable(answer.question), style="italic"))
    shown = UNKNOWN if answer.value is None else answer.value
    sure = "" if answer.guess is not None else f"  confidence {answer.confidence:.3f}"
    out.print(Text.assemble((shown, "bold green"), (sure, "dim")))
    if answer.guess is not None:
        _print_guess(answer.guess)
    for failed in answer.presuppositions:
        out.print(Text(failed.words[:1].upper() + failed.words[1:], style="yellow"))
    if answer.trace is not None:
        out.print()
        if answer.reading is not None and answer.reading.attempts:
            out.print(Text(attempts_in_words(answer.reading), style="dim"))
    if answer.guess is None:
        out.print(Text(answer.program.text, style="cyan"))
    if answer.trace is not None:
        out.print()
        out.print(trace_table(answer.trace, width=out.width))
        if answer.trace.looking is not None:
            out.print()
            for line in answer.trace.looking.words:
                out.print(Text(line))
        out.print()
        out.print(Text(_total(answer.trace, domain), style="dim"))


def _print_guess(guess: Answer) -> None:
    """What the likeliest reading of a question gives, as no more than a guess, and why nobody could read it at once."""
    out = console()
    shown = UNKNOWN if guess.value is None else guess.value
    out.print(Text(f"best guess: {shown}  confidence {guess.confidence:.3f}", style="dim"))
    out.print(Text(f"by {guess.program.text}", style="dim"))
    attempts = () if guess.reading is None else guess.reading.attempts
    for attempt in attempts[:1]:
        error = attempt.error(guess.question or "")
        if error is not None:
            out.print(Text(f"{attempt.link}: {printable(error.message)}", style="dim"))
            pointer = error.pointer(max(10, out.width - 6))
            if pointer is not None:
                out.print(Text(pointer, style="dim"))


def attempts_in_words(reading: Parse) -> str:
    """Who was asked to read a question: ``read by: grammar 0.4 ms, did not know; neural 61 ms, confidence 0.97``."""
    *before, last = reading.attempts
    said = [f"{_took(attempt)}, did not know" for attempt in before]
    said.append(f"{_took(last)}, " + (f"confidence {reading.confidence:.2f}" if reading.known else "did not know"))
    return f"read by: {'; '.join(said)}"


def _took(attempt: Attempt) -> str:
    milliseconds = attempt.cost * 1e3
    return f"{attempt.link} {milliseconds:.1f} ms" if milliseconds < 10 else f"{attempt.link} {milliseconds:.0f} ms"


def print_plan(plan: PlanStatistics) -> None:
    """What a batch of questions took, all together."""
    console().print(
        Text(
            f"{_many(plan.questions, 'question')} together: {_many(plan.nodes, 'node')} ran as {_many(plan.steps, 'step')} in "
            f"{_many(plan.groups, 'group')}, {_many(plan.kernels, 'call')} of modules, planned in "
            f"{plan.planner_seconds * 1e3:.1f} ms; {plan.facet_rows} of {plan.possible_facet_rows} facet rows computed",
            style="dim",
        )
    )


def print_refused(question: str, reason: str) -> None:
    """A question of several that has no answer, and why."""
    out = console()
    out.print(Text(printable(question), style="italic"))
    out.print(Text(f"not answered: {reason}", style="yellow"))


def trace_table(trace: Trace, *, width: int) -> Table:
    """One row a node: the call, its value in words, and where there is room what it cost."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("call", style="cyan", overflow="fold")
    table.add_column("value", overflow="fold")
    if width >= NARROW:
        table.add_column("facets", style="magenta", overflow="fold")
        table.add_column("FLOPs", justify="right", style="dim", no_wrap=True)
        table.add_column("ms", justify="right", style="dim", no_wrap=True)
    for node in trace.nodes:
        flops = node.flops + sum(facet.flops for facet in node.facets)
        number, call = str(node.index), Text(printable(node.call))
        facets = ", ".join(f"{facet.facet} ×{facet.rows}" for facet in node.facets)
        costs = (facets, short(flops), f"{node.seconds * 1e3:.2f}") if width >= NARROW else ()
        table.add_row(number, call, _value(node, trace.presence), *costs)
    return table


def _value(node: NodeTrace, presence: tuple[float, ...]) -> Text:
    words = Text(value_words(node, presence))
    if node.presupposition is not None and node.presupposition < HOLDS:
        words.append(
            f", exactly one: {node.presupposition:.2f}", style="yellow" if node.presupposition < LIKELY else ""
        )
    return words


def short(number: int) -> str:
    """Three digits and a unit: ``597 k``, ``2.71 G``, ``0``."""
    size = float(number)
    for unit in ("", "k", "M", "G", "T"):
        if size < 999.5 or unit == "T":
            break
        size /= 1000
    return f"{size:.3g} {unit}".strip() if size < 1000 else f"{size:.0f} {unit}"


def _flops(number: int) -> str:
    shown = short(number)
    return f"{shown}FLOPs" if shown[-1].isalpha() else f"{shown} FLOPs"


def _total(trace: Trace, domain: Domain) -> str:
    rows = sum(facet.rows for node in trace.nodes for facet in node.facets)
    proposed = len(trace.presence)
    there = sum(each >= LIKELY for each in trace.presence)
    more = "" if there == proposed else f" ({proposed} proposed)"
    milliseconds = sum(node.seconds for node in trace.nodes) * 1e3
    glance = f", after {_flops(trace.glance_flops)} for the first look at the image" if trace.glance_flops else ""
    return (
        f"{_many(len(trace.nodes), 'node')} over {_many(there, 'object')}{more}; {rows} of "
        f"{proposed * (len(domain.attributes) + len(domain.relations))} facet rows computed; "
        f"{_flops(trace.flops)} in {milliseconds:.1f} ms{glance}"
    )


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
