"""nmn eval data: a data set that an installed package reads."""

from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.options import BatchSize, Limit, ReportFile
from nmn.cli.outputs import check_target, write_target

DATA_EXAMPLE = """Example, with a package that `nmn new dataset toys` began and pip installed:

    nmn eval data toys --scenes tests/scenes.json --questions tests/questions.json"""


def data(
    name: Annotated[str, typer.Argument(help="What the package calls it, under the entry points nmn.datasets.")],
    scenes: Annotated[Path, typer.Option("--scenes", help="A file of its scenes.")],
    questions: Annotated[Path, typer.Option("--questions", help="A file of its questions.")],
    json: ReportFile = None,
    limit: Limit = None,
    batch_size: BatchSize = 256,
) -> None:
    """Answer the questions of a package's data set on its described scenes."""
    if json is not None:
        check_target(json, "--json", inputs=(scenes, questions))
    from nmn import plugins
    from nmn.cli.report_tables import print_report
    from nmn.engine import Engine
    from nmn.evaluation import SceneTable, evaluate

    reader = plugins.make(plugins.DATA_SETS, name, needs=("name", "domain", "read_scenes", "read_questions"))
    engine = Engine.for_scenes(reader.domain)
    asked = list(reader.read_questions(questions))[:limit]
    report = evaluate(engine, asked, SceneTable(reader.read_scenes(scenes)), programs="parsed", batch_size=batch_size)
    if json is not None:
        sources = {"data_set": name, "scenes": str(scenes), "questions": str(questions)}
        write_target(json, "--json", {**report.to_json(), "data": sources})
    print_report(report)
