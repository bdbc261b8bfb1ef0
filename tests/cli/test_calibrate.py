"""`nmn calibrate parser`: weights of any quality get confidences that mean something, or one clear line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from nmn.domain import Domain
from nmn.parser.links import default_parser
from nmn.parser.neural.network import Network, NetworkConfig
from nmn.parser.neural.parser import NeuralParser, ParserConfig
from nmn.parser.neural.pieces import Pieces
from nmn.parser.neural.vocabulary import ProgramVocabulary
from nmn.registry import default_registry

QUESTIONS = "demo/samples/questions.json"
CLEVR = Domain.load("clevr")


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a parser that knows nothing."""
    torch.manual_seed(0)
    sizes = NetworkConfig(width=16, heads=2, inner=16, encoder_layers=1, decoder_layers=1)
    pieces, vocabulary = Pieces.trained(["how many cubes are there"], 300), ProgramVocabulary(CLEVR, default_registry())
    network = Network(sizes, len(pieces), len(vocabulary))
    folder = tmp_path_factory.mktemp("weights")
    NeuralParser(network, pieces, vocabulary, ParserConfig(sizes, 60, 12)).save_pretrained(folder)
    return folder


def test_a_parser_that_knows_nothing_is_calibrated_to_say_so(nmn: Any, untrained: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "calibration"
    arguments = ("--parser-weights", untrained, "--out", out, "--number", 60, "--seed", 3)
    report = nmn("calibrate", "parser", *arguments, "--json").json()
    assert set(report) == {"thresholds", "costs", "fitted", "measured", "by_style", "seconds"}
    assert report["by_style"]["plain"]["by_link"] == {"grammar": 1.0, "spelling": 0.0, "neural": 0.0}
    assert report["by_style"]["outside"]["correct"] == 1
    assert report["measured"]["by_link"]["neural"] == 0
    assert report["measured"]["ece"] < 0.15
    assert sorted(path.name for path in out.iterdir()) == ["calibration.json", "cascade.json"]
    shown = nmn("calibrate", "parser", *arguments)
    assert shown.code == 0
    for words in ("questions", "outside", "ECE", "neural: answers 0.0%, from confidence ", f"written to {out}"):
        assert words in shown.out.replace("\n", "")


def test_what_is_calibrated_in_place_is_read_with_the_weights(
    nmn: Any, untrained: Path, write: Callable[[str, Any], Path]
) -> None:
    done = nmn(
        "calibrate", "parser", "--out", untrained, "--number", 50, "--questions", QUESTIONS, "--limit", 20, "--json"
    )
    assert done.code == 0
    assert "files" in done.json()["by_style"]
    cascade = default_parser(CLEVR, weights=untrained)
    assert [link.threshold for link in cascade.links] == list(done.json()["thresholds"].values())
    assert cascade.parse("How many cubes are there?")[0].known
    guess = cascade.parse("what about teh cubez")[0]
    assert (guess.known, [each.link for each in guess.attempts]) == (False, ["grammar", "spelling", "neural"])
    shown = nmn("parse", "what about teh cubez", "--parser-weights", untrained)
    assert shown.out.startswith("I don't know; best guess, with confidence 0.")
    record = nmn("parse", "what about teh cubez", "--parser-weights", untrained, "--json").json()
    assert not record["known"]
    path = write("q.json", {"questions": [{"image_index": 0, "question": "what about teh cubez"}]})
    refused = nmn("parse", path, "--output", path.parent / "out.json", "--parser-weights", untrained, "--json")
    assert (refused.code, refused.json()["parsed"]) == (1, 0)
    (entry,) = json.loads((path.parent / "out.json").read_text())["questions"]
    assert entry["program"] is None
    assert entry["error"].startswith("not understood; best guess: with confidence 0.")


def test_files_and_weights_that_do_not_fit_are_refused(
    nmn: Any, untrained: Path, tmp_path: Path, write: Callable[[str, Any], Path]
) -> None:
    def refused(*arguments: object, words: str) -> None:
        nmn("calibrate", "parser", *arguments).refused(words)

    path = write("q.json", {"questions": [{"image_index": 0, "question": "Are there any cubes?", "answer": "yes"}]})
    here = ("--out", tmp_path / "out", "--parser-weights", untrained)
    refused("--out", path, words="is a file")
    refused(*here, "--questions", path, words="has no program")
    refused(*here, "--questions", tmp_path / "none.json", words="none.json")
    refused("--out", tmp_path / "out", "--parser-weights", tmp_path, words="no parser weights")
    refused("--out", tmp_path / "out", "--domain", "gqa", words="nothing to choose from")
    refused(*here, "--number", 3, words="--number")
    refused(*here, "--wrong-cost", -1, words="--wrong-cost")
    assert not (tmp_path / "out").exists()
