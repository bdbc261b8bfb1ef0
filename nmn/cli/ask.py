"""nmn ask: a question about an image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmn.cli.inputs import as_file, question_or_program, text_of
from nmn.cli.options import (
    AsJson,
    BudgetMs,
    Device,
    Doubt,
    ExecutionGuided,
    LanguageModel,
    Limit,
    ParserKind,
    ParserWeights,
    PolicyName,
    Weights,
)
from nmn.cli.pages import check_page, write_page
from nmn.cli.parsers import chosen_parser, guided
from nmn.cli.show import print_answer, print_json, print_plan, print_refused
from nmn.errors import InputError, NmnError

if TYPE_CHECKING:
    from nmn.engine import Engine
    from nmn.trace import Answer


def ask(
    image: Annotated[Path, typer.Argument(help="An image file.")],
    question: Annotated[
        str, typer.Argument(help="A question, or a program as text, or a file with one question a line.")
    ],
    trace: Annotated[bool, typer.Option("--trace", help="Show what ran, node by node.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse, with exit code 1, when what the question takes for granted does not hold."
        ),
    ] = False,
    limit: Limit = None,
    parser: ParserKind = "cascade",
    parser_weights: ParserWeights = None,
    language_model: LanguageModel = None,
    execution_guided: ExecutionGuided = None,
    policy: PolicyName = None,
    doubt: Doubt = None,
    budget_ms: BudgetMs = None,
    weights: Weights = None,
    device: Device = "cpu",
    html: Annotated[
        Path | None, typer.Option("--html", help="Also write a page to look inside: one file that needs no network.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Ask a question about an image, or a file of questions.

    A question that no parser is sure to understand is answered "I don't know", with the best guess beside it. Of a
    file's questions, those that cannot be read are said to be, the others are answered, and the exit code is 1.
    """
    from nmn.images import load_image
    from nmn.policies.choice import choice_of

    choice = choice_of(policy, doubt, budget_ms)
    pixels = load_image(image)
    if html is not None:
        check_page(html, question, inputs=[image])
    several = as_file(question) is not None
    questions = _lines(question)[:limit] if several else [question]
    from nmn.engine import Engine
    from nmn.perception.detector import PixelPerceiver
    from nmn.policies.selecting import StagedBackends

    perceiver = PixelPerceiver.from_pretrained(weights, device=device)
    reader = chosen_parser(perceiver.domain, parser, parser_weights, language_model, device)
    engine = Engine(
        perceiver,
        parser=reader,
        policy=choice,
        staged=StagedBackends.of_weights(perceiver, weights),
        execution_guided=guided(execution_guided),
    )
    engine.backend_for()
    if several:
        _ask_several(engine, pixels, questions, trace=trace, strict=strict, json=json)
        return
    asked = question_or_program(question, engine.domain)
    answer = engine.answer(pixels, asked, trace=trace, strict=strict)
    if html is not None:
        write_page(html, engine, pixels, asked)
    if json:
        print_json(answer.to_json())
    else:
        print_answer(answer, engine.domain)


def _lines(file: str) -> list[str]:
    lines = [line.strip() for line in text_of(file).splitlines() if line.strip()]
    if not lines:
        raise InputError(f"{file!r} holds no questions: write one a line")
    if lines[0].startswith(("{", "[")):
        raise InputError(f"{file!r} is JSON, not text with one question a line; nmn eval answers a questions file")
    return lines


def _ask_several(engine: "Engine", pixels: Any, questions: list[str], *, trace: bool, strict: bool, json: bool) -> None:
    found = [
        _reason(each) if isinstance(each, NmnError) or (strict and each.presuppositions) else each
        for each in engine.answer_many([(pixels, question) for question in questions], trace=trace)
    ]
    if json:
        records = [
            {"question": question, "answer": None, "confidence": None, "error": each}
            if isinstance(each, str)
            else {**each.to_json(), "error": None}
            for question, each in zip(questions, found, strict=True)
        ]
        print_json({"answers": records})
    else:
        for number, (question, each) in enumerate(zip(questions, found, strict=True)):
            if number:
                print()
            if isinstance(each, str):
                print_refused(question, each)
            else:
                print_answer(each, engine.domain)
        plans = {each.trace.plan for each in found if not isinstance(each, str) and each.trace is not None}
        for plan in plans:
            if plan is not None:
                print()
                print_plan(plan)
    if any(isinstance(each, str) for each in found):
        raise typer.Exit(1)


def _reason(found: "Answer | NmnError") -> str:
    """Why a question is not answered, in one line."""
    return str(found).split("\n")[0] if isinstance(found, NmnError) else found.presuppositions[0].words
