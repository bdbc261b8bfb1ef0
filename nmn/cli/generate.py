"""nmn generate: questions with their programs, without end."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from nmn.cli.options import AsJson, DomainName, examples
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console, print_json
from nmn.errors import InputError, printable

if TYPE_CHECKING:
    from nmn.domain import Domain
    from nmn.parser.generation.generator import Example, QuestionGenerator


class Style(StrEnum):
    """How questions are put; the styles of :class:`nmn.parser.generation.generator.QuestionGenerator`."""

    PLAIN = "plain"
    CLEVR = "clevr"
    SPOKEN = "spoken"
    NOISY = "noisy"
    OUTSIDE = "outside"


SHOWN, WRITTEN = 10, 1000  # questions if no number is given: on the screen, and in a file
A_SCENE = 10  # questions on each scene if no number is given, as in CLEVR
UNGROUNDED = "generated"  # what the split of questions without scenes is called

app = typer.Typer(help="Generate questions with their programs.", no_args_is_help=True)


@app.callback()
def generate() -> None:
    """Generate questions with their programs."""


@dataclass(frozen=True)
class _Generated:
    """A question and, where it is asked about a scene, its answer and its image."""

    example: "Example"
    kind: str
    answer: str | None = None
    image_index: int = 0
    image_filename: str | None = None


@app.command(
    "questions",
    epilog=examples(
        "nmn generate questions",
        "nmn generate questions --style spoken --style noisy --number 3 --seed 7",
        "nmn generate questions --scenes demo/samples/scenes.json --style clevr \\",
        "    --output questions.json",
        "nmn eval clevr --questions questions.json --scenes demo/samples/scenes.json",
    ),
)
def questions(
    scenes: Annotated[
        Path | None,
        typer.Option("--scenes", help="Scenes file in CLEVR's format: ask about these scenes, and answer, too."),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--number",
            min=1,
            help=f"How many questions; {A_SCENE} a scene, {WRITTEN:,} without scenes, or {SHOWN} if they are only printed.",
        ),
    ] = None,
    style: Annotated[
        list[Style] | None,
        typer.Option(
            "--style",
            help="How they are put; given again, each question has one of the styles. plain (the default) and clevr: as the"
            " grammar reads them. spoken: as people talk. noisy: with typing errors. outside: what has no program.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same file, byte by byte.")] = 0,
    output: Annotated[
        Path | None, typer.Option("--output", help="Questions file to write, in CLEVR's format; printed if not given.")
    ] = None,
    domain: DomainName = "clevr",
    json: AsJson = False,
) -> None:
    """Generate questions from random well-typed programs, in many wordings.

    With scenes, every question makes sense on its scene: what it takes for granted is there, nothing it says is idle, and no
    answer is much more frequent than others. The file is one that nmn check, nmn parse and nmn eval clevr read.
    """
    from nmn.domain import Domain
    from nmn.parser.generation.generator import QuestionGenerator

    styles = style or [Style.PLAIN]
    if scenes is not None and Style.OUTSIDE in styles:
        raise InputError("--style outside has no answers, so it does not go with --scenes")
    if output is not None:
        check_target(output, "--output", inputs=(scenes,))
    spoken = Domain.load(domain)
    generator = QuestionGenerator(spoken)
    random = Random(seed)
    if scenes is None:
        wanted = number or (SHOWN if output is None else WRITTEN)
        drawn: Iterable[_Generated] = _without_scenes(generator, random, wanted, styles)
        split = UNGROUNDED
    else:
        found, split = _read_scenes(scenes, spoken)
        wanted = number or A_SCENE * sum(bool(each.objects) for each in found)
        drawn = _on_scenes(generator, random, wanted, styles, found)
    made = list(_tracked(drawn, wanted))
    records = [_record(each, index, split, spoken) for index, each in enumerate(made)]
    unnamed = generator.names.unnamed
    summary = {**_summary(made, seed, styles), **({"without_words": unnamed} if unnamed else {})}
    if output is not None:
        info = {
            "split": split,
            "generator": "nmn generate questions",
            "domain": spoken.name,
            "seed": seed,
            "styles": styles,
        }
        write_target(output, "--output", {"info": info, "questions": records})
    if unnamed and not json:
        left_out = " and ".join(f"{number:,} {what if number > 1 else what[:-1]}" for what, number in unnamed.items())
        console(stderr=True).print(
            f"nothing is asked about {left_out} of {spoken.name}: no word is theirs alone", style="dim"
        )
    if json:
        print_json(summary if output is not None else {**summary, "questions": records})
    elif output is not None:
        _print_summary(made, output)
    else:
        _print_questions(made)


def _without_scenes(
    generator: "QuestionGenerator", random: Random, number: int, styles: list[Style]
) -> Iterator[_Generated]:
    for _ in range(number):
        example = generator.sample(random, random.choice(styles))
        yield _Generated(example, Style.OUTSIDE if example.program is None else example.program.nodes[-1].operation)


def _on_scenes(
    generator: "QuestionGenerator", random: Random, number: int, styles: list[Style], scenes: list[Any]
) -> Iterator[_Generated]:
    from nmn.parser.generation.on_scenes import SceneQuestions

    for each in SceneQuestions(generator, scenes).sample(random, number, styles):
        yield _Generated(each.example, each.kind, each.answer, each.scene.image_index, each.scene.image_filename)


def _read_scenes(path: Path, domain: "Domain") -> tuple[list[Any], str]:
    """The scenes of a file and the name of its split. Raises: InputError where facts are uncertain."""
    from nmn.datasets.clevr import read_scenes
    from nmn.exact.scene import is_certain
    from nmn.files import read_json

    scenes = list(read_scenes(path, domain).values())
    unsure = next((each for each in scenes if not is_certain(each)), None)
    if unsure is not None:
        raise InputError(
            f"{path}: image {unsure.image_index} has objects that are not certain, so there is no right answer"
        )
    document = read_json(path)
    info = document.get("info") if isinstance(document, dict) else None
    split = info.get("split") if isinstance(info, dict) else None
    return scenes, split if isinstance(split, str) else UNGROUNDED


def _tracked(drawn: Iterable[_Generated], number: int) -> Iterator[_Generated]:
    """The same, with a progress bar where somebody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("generating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        yield from progress.track(drawn, total=number, description="generating")


def _record(made: _Generated, index: int, split: str, domain: "Domain") -> dict[str, Any]:
    from nmn.parser.clevr import export_program

    program = made.example.program
    filename = made.image_filename
    return {
        "split": split,
        "question_index": index,
        "image_index": made.image_index,
        **({} if filename is None else {"image_filename": filename, "image": Path(filename).stem}),
        "question": made.example.text,
        "style": made.example.style,
        "program": None if program is None else export_program(program, domain),
        **({} if made.answer is None else {"answer": made.answer}),
    }


def _summary(made: list[_Generated], seed: int, styles: list[Style]) -> dict[str, Any]:
    answers: dict[str, Counter[str]] = {}
    for each in made:
        if each.answer is not None:
            answers.setdefault(each.kind, Counter())[each.answer] += 1
    return {
        "number": len(made),
        "seed": seed,
        "styles": styles,
        "kinds": _sorted(Counter(each.kind for each in made)),
        **({"answers": {kind: _sorted(answers[kind]) for kind in sorted(answers)}} if answers else {}),
    }


def _sorted(counts: Counter[str]) -> dict[str, int]:
    by_number: Callable[[tuple[str, int]], tuple[int, str]] = lambda item: (-item[1], item[0])  # noqa: E731
    return dict(sorted(counts.items(), key=by_number))


def _print_questions(made: list[_Generated]) -> None:
    out = console()
    for each in made:
        out.print(
            Text(printable(each.example.text)), Text("" if each.answer is None else f"  {each.answer}", style="bold")
        )
        if each.example.program is not None:
            out.print(Text(f"  {each.example.program.text}", style="cyan"))


def _print_summary(made: list[_Generated], output: Path) -> None:
    summary = _summary(made, 0, [])
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("asks for", style="cyan")
    table.add_column("questions", justify="right")
    answers = summary.get("answers", {})
    if answers:
        table.add_column("answers")
    for kind, times in summary["kinds"].items():
        told = ", ".join(f"{answer} {count:,}" for answer, count in answers.get(kind, {}).items())
        table.add_row(kind, f"{times:,}", *([Text(printable(told))] if answers else []))
    out = console()
    out.print(table)
    out.print(Text(printable(f"{len(made):,} questions written to {output}")))
