"""The commands of policies, on small random weights of two stages and the sample images."""

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from nmn.cli import app
from nmn.domain import Domain
from nmn.errors import InputError, NmnError
from nmn.perception.calibration import Calibration
from nmn.perception.crops import CropConfig
from nmn.perception.detector import PixelPerceiver
from nmn.perception.focus import PLACE, FocusConfig, PathwayConfig
from nmn.perception.network_config import NetworkConfig
from nmn.perception.proposals import ProposalConfig
from nmn.perception.weights import PerceiverConfig, build

SAMPLES = Path(__file__).resolve().parents[2] / "demo" / "samples"
QUESTIONS = SAMPLES / "questions.json"
SMALL = PathwayConfig(("size", "shape"), blind=True, stem=8, stages=(8,), depths=(0,), hidden=8)
FOCUS = FocusConfig(
    CropConfig(size=16), {"form": SMALL, PLACE: PathwayConfig((), stem=8, stages=(8,), depths=(0,), hidden=8)}
)
THIN = NetworkConfig(
    width=96, height=64, stem=8, stages=(8, 12), depths=(0, 1), pyramid=8, fine=0, window=5, hidden=16, scale=2
)


def run(*arguments: object) -> str:
    found = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return found.stdout


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    domain = Domain.load("clevr")
    names = dict.fromkeys((each.name for each in domain.attributes), 1.0)
    calibration = Calibration(names, (1.0, 1.0), focus=names, presence_focus=1.0)
    config = PerceiverConfig(THIN, ProposalConfig(threshold=0.1, most=4), calibration, 0.4, FOCUS, 3.5)
    model, focus = build(config, domain)
    model.train()
    with torch.no_grad():
        for _ in range(3):
            model.network(torch.rand(4, 3, THIN.height // 2, THIN.width // 2))
        model.network.read.weight[:4] *= 10
        model.network.read.bias[:4] = 0.0
    folder = tmp_path_factory.mktemp("weights")
    PixelPerceiver(model, config, domain, focus=focus).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_from_weights_to_a_comparison(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(NmnError, match="nmn calibrate policies"):
        run(
            "ask",
            SAMPLES / "CLEVR_val_000000.jpg",
            "How many cubes are there?",
            "--weights",
            weights,
            "--policy",
            "value",
        )
    run("bench", "costs", "--weights", weights, "--images", SAMPLES, "--repeats", 1)
    words = run(
        "calibrate", "policies", "--weights", weights, "--images", SAMPLES, "--questions", QUESTIONS,
        "--cache", tmp_path / "cache", "--json",
    )  # fmt: skip
    assert json.loads(words)["questions"] > 0
    asked = run("ask", SAMPLES / "CLEVR_val_000000.jpg", "How many cubes are there?", "--weights", weights, "--trace")
    assert "left out: " in asked
    target = tmp_path / "dynamic.json"
    run(
        "bench", "dynamic", "--weights", weights, "--images", SAMPLES, "--questions", QUESTIONS, "--limit", 12,
        "--timed", 4, "--repeats", 1, "--json", target, "--static", weights,
    )  # fmt: skip
    record = json.loads(target.read_text())
    rows = {row["policy"] for row in record["rows"]}
    assert {"everything", "lazy", "glance", "threshold", "value", "random", "oracle"} < rows
    assert record["overhead"]
    report = tmp_path / "report.json"
    run(
        "eval", "clevr", "--weights", weights, "--images", SAMPLES, "--questions", QUESTIONS, "--programs", "given",
        "--policy", "value", "--doubt", 0.05, "--limit", 12, "--json", report,
    )  # fmt: skip
    assert json.loads(report.read_text())["compute"]["looks_per_image"] >= 0


def test_contradicting_flags_are_refused_before_any_work() -> None:
    image = SAMPLES / "CLEVR_val_000000.jpg"
    for flags, words in (
        (("--policy", "glance", "--doubt", 0.1), "takes no doubt"),
        (("--policy", "valu"), "did you mean 'value'"),
        (("--budget-ms", -1), "above 0"),
    ):
        with pytest.raises(InputError, match=words):
            run("ask", image, "How many cubes are there?", *flags)
    with pytest.raises(InputError, match="leave nothing to look at"):
        run("eval", "clevr", "--questions", QUESTIONS, "--scenes", SAMPLES / "scenes.json", "--policy", "value")
