"""Print answers, programs and traces for people; JSON for machines."""

import json
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from nmn.domain import Domain
from nmn.trace import Answer, NodeTrace, Trace
from nmn.words import value_words


def console() -> Console:
    """Where people read."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def print_json(value: Any) -> None:
    """One JSON object on standard output."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def print_answer(answer: Answer, domain: Domain) -> None:
    """The answer, how sure it is, the program, and the trace if there is one."""
    out = console()
    if answer.question is not None:
        out.print(Text(answer.question, style="italic"))
    shown = "I don't know" if answer.value is None else answer.value
    out.print(Text.assemble((shown, "bold green"), (f"  confidence {answer.confidence:.3f}", "dim")))
    for failed in answer.presuppositions:
        out.print(Text(f"but {failed.words}", style="yellow"))
    out.print(Text(answer.program.text, style="cyan"))
    if answer.trace is not None:
        out.print(trace_table(answer.trace))
        out.print(Text(_total(answer.trace, domain), style="dim"))


def trace_table(trace: Trace) -> Table:
    """One row a node: the call, its value in words, and what it cost."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("#", justify="right", style="dim")
    table.add_column("call", style="cyan")
    table.add_column("value")
    table.add_column("facets computed", style="magenta")
    table.add_column("FLOPs", justify="right")
    table.add_column("ms", justify="right")
    for node in trace.nodes:
        flops = node.flops + sum(facet.flops for facet in node.facets)
        table.add_row(
            str(node.index), node.call, _value(node), _facets(node), f"{flops:,}", f"{node.seconds * 1e3:.2f}"
        )
    return table


def _value(node: NodeTrace) -> str:
    words = value_words(node)
    if node.presupposition is not None and node.presupposition < 0.99:
        words += f" (exactly one: {node.presupposition:.2f})"
    return words


def _facets(node: NodeTrace) -> str:
    return ", ".join(f"{facet.facet} of {facet.rows}" for facet in node.facets)


def _total(trace: Trace, domain: Domain) -> str:
    rows = sum(facet.rows for node in trace.nodes for facet in node.facets)
    possible = len(trace.presence) * (len(domain.attributes) + len(domain.relations))
    return (
        f"{len(trace.nodes)} nodes over {len(trace.presence)} objects; {rows} of {possible} facet rows computed; "
        f"{trace.flops:,} FLOPs, and {trace.glance_flops:,} for the first look at the image"
    )
