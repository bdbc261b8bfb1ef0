"""Accuracy of the question parsers, and whether they know when they do not know.

Run: PYTHONSAFEPATH=1 python benchmarks/parser_accuracy.py [--grammar] [--neural [WEIGHTS]] [--cascade [WEIGHTS]]
    [--data FOLDER] [--json]

Tables, for each parser: new compositions by family (no file of CLEVR holds their structures), noise by kind, questions from
outside the domain, the confidence against the share that is right, and, with --data, CLEVR's own questions. A question is
right when its first reading is the program that was built with it, and "alike" when it means the same in another order.

--write-compositions writes the questions of the new compositions, so that their structures can be left out of training.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from nmn.domain import Domain
from nmn.errors import QuestionError
from nmn.files import write_json
from nmn.parse import Parser
from nmn.parser.clevr import export_program, import_program
from nmn.parser.links import default_parser, load_grammar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "support"))

from compositions import FAMILIES, QUESTIONS_OF_EACH
from judging import Asked, Row, by_row, calibration, judge, links, outside, read_all, reliability, suites
from official import Invalid, official_answer

FURTHER_QUESTIONS = 200  # of each family, so that every structure it can have occurs
WITH_PROGRAMS = {
    "official scenes": "clevr_official/questions/CLEVR_val_generated.json",
    "rendered scenes": "clevr_rendered/questions/CLEVR_val_questions.json",
}
OFFICIAL_TEXTS = "clevr_official/questions/CLEVR_val_questions.json"
OFFICIAL_SCENES = "clevr_official/scenes/CLEVR_val_scenes.json"


def write_compositions(path: Path, domain: Domain) -> int:
    """Write all families as a CLEVR questions file; those that are measured come first in each. Returns how many."""
    questions: list[dict[str, Any]] = []
    for index, family in enumerate(FAMILIES):
        measured = list(family.questions(domain))
        texts = {question.text for question in measured}
        further = [found for found in family.questions(domain, FURTHER_QUESTIONS, seed=1) if found.text not in texts]
        for place, question in enumerate((*measured, *further)):
            questions.append(
                {
                    "question_index": len(questions),
                    "image_index": 0,
                    "question": question.text,
                    "program": export_program(question.program, domain),
                    "question_family_index": index,
                    "family": family.name,
                    "measured": place < QUESTIONS_OF_EACH,
                }
            )
    write_json(path, {"info": {"about": "compositions that no file of CLEVR has"}, "questions": questions})
    return len(questions)


def questions_of_files(folder: Path, domain: Domain, most: int) -> Iterator[Asked]:
    """Questions of CLEVR with programs, evenly spread over each file."""
    for row, name in WITH_PROGRAMS.items():
        found = json.loads((folder / name).read_text(encoding="utf-8"))["questions"]
        for index, record in list(enumerate(found))[:: max(1, len(found) // most)]:
            program = import_program(record["program"], domain, where=f"{name}, question {index}")
            yield Asked("CLEVR", row, record["question"], program.canonical())


def official_texts(parser: Parser, folder: Path, domain: Domain) -> Row:
    """CLEVR's own validation questions, which have no programs: by the answers that their programs give."""
    from nmn.datasets.clevr import read_questions, read_scenes

    scenes = read_scenes(folder / OFFICIAL_SCENES, domain)
    questions = read_questions(folder / OFFICIAL_TEXTS)
    outcomes = read_all(parser, [question.text for question in questions])
    counts: Counter[str] = Counter()
    for question, outcome in zip(questions, outcomes, strict=True):
        if isinstance(outcome, QuestionError) or not outcome[0].known:
            counts["does not know"] += 1
            continue
        try:
            answer = official_answer(outcome[0].program, scenes[question.image_index])
        except Invalid:
            counts["wrong"] += 1
        else:
            counts["right" if answer == question.answer else "wrong"] += 1
    return {"questions": len(questions), **{name: counts[name] for name in ("right", "wrong", "does not know")}}


def measure(parser: Parser, options: argparse.Namespace, domain: Domain) -> Row:
    """All tables of one parser."""
    asked = list(suites(domain))
    tables = ["New compositions", "Noise"]
    if options.data is not None:
        asked += questions_of_files(options.data, domain, options.most)
        tables.append("CLEVR")
    judged = judge(parser, asked)
    found: Row = {table: by_row(judged, table) for table in tables}
    found["Outside the domain"] = {"all": outside(judged)}
    found["Confidence"] = calibration(judged)
    found["Reliability, 15 bins of equal mass"] = {str(place): row for place, row in enumerate(reliability(judged), 1)}
    found["Links"] = links(judged)
    if options.data is not None:
        found["CLEVR, by answers"] = {"official": official_texts(parser, options.data, domain)}
    return found


def parsers(options: argparse.Namespace, domain: Domain) -> Iterator[Parser]:
    """Those that are asked for; the grammar where none is."""
    if options.grammar or not (options.neural or options.cascade):
        yield load_grammar(domain)
    if options.neural:
        from nmn.parser.neural.parser import NeuralParser

        yield NeuralParser.from_pretrained(None if options.neural is True else options.neural, domain=domain)
    if options.cascade:
        weights = None if options.cascade is True else options.cascade
        yield default_parser(domain, weights=weights, language_model=options.language_model)


def show(console: Console, title: str, rows: Mapping[str, Row]) -> None:
    """Print a table."""
    columns = list(next(iter(rows.values()), ()))
    table = Table(Column("", no_wrap=True), *columns, title=title)
    for name, row in rows.items():
        table.add_row(name, *(shown(row[column]) for column in columns))
    console.print(table)


def shown(value: Any) -> str:
    """A cell."""
    if isinstance(value, float):
        return f"{value:.3f}"
    return "-" if value is None else f"{value:,}"


def main() -> None:
    """Measure, or write what is measured with."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--grammar", action="store_true", help="the grammar; measured if no parser is named")
    arguments.add_argument("--neural", nargs="?", const=True, type=Path, metavar="WEIGHTS", help="the neural parser")
    arguments.add_argument("--cascade", nargs="?", const=True, type=Path, metavar="WEIGHTS", help="the cascade")
    arguments.add_argument("--language-model", metavar="NAME", help="the last link of the cascade")
    arguments.add_argument(
        "--data", type=Path, metavar="FOLDER", help="the folder of data sets, for CLEVR's own questions"
    )
    arguments.add_argument("--most", type=int, default=1000, help="questions of each file of CLEVR (%(default)s)")
    arguments.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments.add_argument(
        "--write-compositions", type=Path, metavar="FILE", help="write the new compositions and stop"
    )
    options = arguments.parse_args()
    domain = Domain.load("clevr")
    if options.write_compositions is not None:
        print(f"{write_compositions(options.write_compositions, domain):,} questions in {options.write_compositions}")
        return
    found = {parser.name: measure(parser, options, domain) for parser in parsers(options, domain)}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    console = Console()
    for name, tables in found.items():
        for title, rows in tables.items():
            show(console, f"{name}: {title}", rows)


if __name__ == "__main__":
    main()
