"""Real files and the weights of the package: the report of an evaluation from pixels holds together."""

from pathlib import Path

import pytest

from nmn.datasets.clevr import read_questions, read_scenes
from nmn.engine import Engine
from nmn.evaluation import ImageFolder, evaluate
from nmn.evaluation.review import Review

pytestmark = pytest.mark.slow

SETS = [
    ("clevr_rendered", "questions/CLEVR_val_questions.json", "images/val", "scenes/CLEVR_val_scenes.json", 0.98),
    ("clevr_mini/val", "CLEVR_questions.json", "images", "CLEVR_scenes.json", 0.3),
]


@pytest.mark.parametrize(("folder", "questions", "images", "scenes", "least"), SETS)
def test_reports_from_pixels_hold_together(
    shared_data: Path, folder: str, questions: str, images: str, scenes: str, least: float
) -> None:
    root = shared_data / folder
    if not root.is_dir():
        pytest.skip(f"needs {root}")
    engine = Engine.from_pretrained()
    asked = read_questions(root / questions)[:100]
    review = Review(engine, asked, ImageFolder(root / images), "parsed", read_scenes(root / scenes, engine.domain))
    report = review.compare(evaluate(engine, asked, review.images, programs="parsed"), causes=True)
    assert len(report.outcomes) == len(asked)
    assert (report.score.accuracy or 0.0) >= least
    assert report.programs is not None
    assert report.programs.accuracy == 1.0
    assert report.causes is not None
    assert sum(report.causes.total.values()) == len(report.wrong)
    assert not {"image", "parse", "other"} & set(report.causes.total)
    assert report.scenes is not None
    assert report.scenes.counts.found >= 0.9 * report.scenes.counts.objects
    exhibits = review.exhibits(report, most=3)
    assert len(exhibits) == min(3, len(report.wrong))
    assert all(exhibit.steps and exhibit.picture is not None for exhibit in exhibits)
