"""Claim: English questions are parsed at thousands a second on one core, and LALR over a phrase lexicon is why.

Run: PYTHONSAFEPATH=1 python benchmarks/parser.py [--questions CLEVR_questions.json] [--json]

CPU time of one process and thread, without a cache of questions. Four tables: the whole parser by steps; the same grammar run
by other algorithms over the same lexemes, in turns; one question nested ever deeper; each link of the cascade, one question
at a time and 256 together (the neural parser where there are weights, a language model where one is named). Without
--questions a dozen built-in ones are used.
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from lark import Lark, Token
from lark.lexer import Lexer
from rich.console import Console
from rich.table import Table

from nmn.domain import Domain
from nmn.parse import Parser, parse_many
from nmn.parser.english import EnglishParser
from nmn.parser.links import (
    GRAMMAR,
    LANGUAGE_MODEL,
    NEURAL,
    load_grammar,
    load_language_model,
    load_neural,
    shipped_weights,
)

BUILT_IN = (
    "How many red things are there?",
    "Are there any tiny cubes left of the big metal sphere?",
    "What is the color of the ball right of the block behind the cylinder?",
    "How many other things are the same size as the gray rubber cube?",
    "There is a small thing that is both behind the cube and left of the ball; what is it made of?",
    "How many things are either big gray cubes or tiny cyan balls that are left of the metal thing?",
    "Are there fewer cubes right of the small ball than shiny things?",
    "Is the number of red cubes in front of the ball the same as the number of cylinders behind the tiny block?",
    "Do the red thing in front of the cube and the blue ball have the same material?",
    "There is a tiny block; is its color the same as the large sphere that is behind the brown metal thing?",
    "What shape is the thing in front of the red thing that is left of the cube that is behind the purple ball?",
    "Is the big cube made of the same material as the thing that is right of the small green cylinder?",
)
LARGE_BATCH = 256
SLOWEST_LOOKED_INTO = 30  # questions
SLOWEST_SHOWN_OF = 5  # runs; the best counts, so that a pause of the machine is not taken for a slow question


class Given(Lexer):
    """Hands over the lexemes that it is given."""

    def __init__(self, _: Any) -> None:
        pass

    def lex(self, lexemes: Any) -> Any:
        """The lexemes."""
        return iter(lexemes)


def seconds(run: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """CPU time for all inputs."""
    started = time.process_time()
    for given in inputs:
        run(given)
    return time.process_time() - started


def steps(parser: EnglishParser, questions: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    lexemes = [parser.lexicon.read(question) for question in questions]
    runs: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "lexicon": (parser.lexicon.read, questions),
        "grammar": (parser._grammar.parse, lexemes),
        "whole parser": (parser.parse, questions),
        "whole parser, first reading": (EnglishParser(parser.domain, most_readings=1).parse, questions),
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, (run, inputs) in runs.items():
            times[name].append(seconds(run, inputs) / len(questions))
    found = {name: {"us": statistics.median(taken) * 1e6} for name, taken in times.items()}
    slow = sorted(questions, key=lambda question: seconds(parser.parse, [question]))[-SLOWEST_LOOKED_INTO:]
    found["slowest question"] = {"us": max(best(parser, question) for question in slow) * 1e6}
    found["longest question"] = {"us": best(parser, max(questions, key=len)) * 1e6}
    return found


def best(parser: EnglishParser, question: str) -> float:
    return min(seconds(parser.parse, [question]) for _ in range(SLOWEST_SHOWN_OF))


def algorithms(parser: EnglishParser, questions: Sequence[str], rounds: int) -> dict[str, dict[str, float]]:
    text = (resources.files("nmn.parser") / "english.lark").read_text(encoding="utf-8")
    nested = text.replace("relations head ", "relations phrase ").replace("same AS head", "same AS phrase")
    grammars: dict[str, tuple[str, Any]] = {
        "LALR (ours)": (text, "lalr"),
        "Earley": (text, "earley"),
        "Earley, attachment in the grammar": (nested, "earley"),
        "CYK": (text, "cyk"),
    }
    runs = {
        name: Lark(grammar, parser=algorithm, lexer=Given, start="question")
        for name, (grammar, algorithm) in grammars.items()
    }
    lexemes: list[list[Token]] = [list(parser.lexicon.read(question)) for question in questions]
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, lark in runs.items():
            times[name].append(seconds(lark.parse, lexemes) / len(lexemes))
    return {name: {"us": statistics.median(taken) * 1e6} for name, taken in times.items()}


def depths(parser: EnglishParser, rounds: int) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for depth in (25, 100, 390):
        question = "How many things are left of the cube" + " that is left of the cube" * depth
        taken = min(seconds(parser.parse, [question]) for _ in range(rounds))
        found[f"{depth} clauses inside one another"] = {"us": taken * 1e6, "us_per_clause": taken * 1e6 / depth}
    return found


def links(domain: Domain, questions: Sequence[str], options: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Each link by itself, alone and in batches, in turns."""
    parsers: dict[str, Parser] = {GRAMMAR: load_grammar(domain)}
    folder = shipped_weights(domain) if options.weights is None else options.weights
    if folder is not None:
        parsers[NEURAL] = load_neural(folder, domain, "cpu")
    if options.language_model is not None:
        parsers[LANGUAGE_MODEL] = load_language_model(options.language_model, domain, "cpu")
    if len(parsers) > 1:
        import torch

        torch.set_num_threads(1)
    many = [questions[place % len(questions)] for place in range(LARGE_BATCH)]
    runs = {
        f"{name}, batch {size}": (partial(parse_many, parser), [many[:size]] if size > 1 else [[each] for each in few])
        for name, parser in parsers.items()
        for few in [many[: LARGE_BATCH if name == GRAMMAR else options.most_compared]]
        for size in (1, LARGE_BATCH)
    }
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run, batches in runs.values():
        run(batches[0])
    for _ in range(options.rounds):
        for name, (run, batches) in runs.items():
            times[name].append(seconds(run, batches) / sum(map(len, batches)))
    return {name: {"us": statistics.median(taken) * 1e6} for name, taken in times.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--questions", type=Path, help="a CLEVR questions file")
    arguments.add_argument("--most", type=int, default=2000, help="questions of it, evenly spread")
    arguments.add_argument("--most-compared", type=int, default=40, help="questions given to the slow algorithms")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--weights", type=Path, help="the neural parser's; by default those that ship")
    arguments.add_argument("--language-model", metavar="NAME", help="also measure this language model")
    arguments.add_argument("--json", action="store_true", help="print JSON instead of tables")
    options = arguments.parse_args()
    questions = list(BUILT_IN)
    if options.questions is not None:
        found = [
            question["question"] for question in json.loads(options.questions.read_text(encoding="utf-8"))["questions"]
        ]
        questions = found[:: max(1, len(found) // options.most)]
    domain = Domain.load("clevr")
    parser = EnglishParser(domain)
    parser.parse(questions[0])
    gc.freeze()
    compared = questions[:: max(1, len(questions) // options.most_compared)]
    tables = {
        f"Steps, {len(questions)} questions": steps(parser, questions, options.rounds),
        f"Algorithms, {len(compared)} questions": algorithms(parser, compared, options.rounds),
        "Depth": depths(parser, options.rounds),
        "Links": links(domain, questions, options),
    }
    if options.json:
        print(json.dumps(tables, indent=2))
        return
    for title, rows in tables.items():
        table = Table("", "us a question", "questions/s", title=title)
        for name, row in rows.items():
            per_clause = f" ({row['us_per_clause']:.1f} a clause)" if "us_per_clause" in row else ""
            table.add_row(name, f"{row['us']:.0f}{per_clause}", f"{1e6 / row['us']:,.0f}")
        Console().print(table)


if __name__ == "__main__":
    main()
