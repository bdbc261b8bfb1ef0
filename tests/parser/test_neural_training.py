"""Training the neural parser: what is learned from, exact resuming, and the command."""

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from typer.testing import CliRunner

from nmn.cli import train_parser
from nmn.cli.train import app
from nmn.domain import Domain
from nmn.errors import InputError, WeightsError
from nmn.parser.generation.structure import share_of, structure
from nmn.parser.neural.data import Asked, Feeder, Mixture, MixtureConfig
from nmn.parser.neural.parser import NeuralParser
from nmn.parser.neural.training import Trainer, TrainingConfig, configure
from nmn.parser.neural.vocabulary import OUTSIDE
from nmn.parser.text import parse_program
from nmn.registry import default_registry

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
SMALL = {
    "network.width": "16",
    "network.heads": "2",
    "network.inner": "16",
    "network.encoder_layers": "1",
    "network.decoder_layers": "1",
    "mixture.watched": "2",
    "mixture.kept_out": "0.3",
    "mixture.chunk": "2",
    "mixture.pieces": "300",
    "mixture.sampled": "10",
    "warmup": "2",
}
CONFIG = configure({**SMALL, "steps": "6", "batch_size": "6"})
COUNT = Asked("How many red things are there?", parse_program("count(filter(scene(), color=red))", REGISTRY).program)
EXIST = Asked("Is there a cube?", parse_program("exist(filter(scene(), shape=cube))", REGISTRY).program)


def mixture(config: MixtureConfig = CONFIG.mixture, excluded: frozenset[str] = frozenset(), seed: int = 0) -> Mixture:
    return Mixture(CLEVR, REGISTRY, [COUNT, EXIST], excluded, config, seed, CONFIG.batch_size)


@pytest.fixture
def trained(tmp_path: Path) -> Trainer:
    torch.set_num_threads(1)
    trainer = Trainer(CONFIG, mixture())
    trainer.run(tmp_path / "whole", lambda progress: None)
    return trainer


def test_a_chunk_follows_from_the_seed_and_its_number() -> None:
    one, other = mixture(), mixture()
    one.learn_pieces()
    other.learn_pieces()
    assert one.chunk(3) == other.chunk(3)
    assert one.chunk(3) != one.chunk(4)
    different = mixture(seed=1)
    different.pieces = one.pieces
    assert different.chunk(3) != one.chunk(3)


def test_every_style_is_drawn_and_outside_has_no_program() -> None:
    made = mixture(replace(CONFIG.mixture, chunk=40))
    made.learn_pieces()
    batches = made.chunk(0)
    assert {len(batch) for batch in batches} == {CONFIG.batch_size}
    assert any(each.tokens == (OUTSIDE,) for batch in batches for each in batch)
    assert all(OUTSIDE not in each.tokens[1:] for batch in batches for each in batch)


def test_structures_held_out_are_never_drawn() -> None:
    assert COUNT.program is not None
    assert EXIST.program is not None
    held_out = structure(COUNT.program, REGISTRY)
    made = mixture(excluded=frozenset({held_out}))
    assert [each.text for each in made.corpus + made.watched] == [EXIST.text]
    random = Random(0)
    for style in ("plain", "clevr", "spoken", "noisy"):
        names = [structure(made.draw(random, style).program, REGISTRY) for _ in range(100)]  # type: ignore[arg-type]
        assert held_out not in names
        known = structure(EXIST.program, REGISTRY)
        assert all(share_of(name) >= CONFIG.mixture.kept_out for name in names if name != known)


def test_what_is_watched_has_structures_that_are_not_learned_from() -> None:
    for style, questions in mixture().to_watch().items():
        for asked in questions:
            if asked.program is not None and style in ("plain", "clevr", "spoken", "noisy"):
                assert share_of(structure(asked.program, REGISTRY)) < CONFIG.mixture.kept_out


def test_batches_made_in_a_process_beside_are_the_same() -> None:
    made = mixture()
    made.learn_pieces()
    feeder = Feeder(made, beside=True)
    try:
        assert [feeder.batch(step) for step in range(4)] == [
            Feeder(made, beside=False).batch(step) for step in range(4)
        ]
    finally:
        feeder.close()


def test_a_resumed_run_equals_an_uninterrupted_one(trained: Trainer, tmp_path: Path) -> None:
    first = Trainer(CONFIG, mixture())
    for _ in range(3):
        first.advance()
    first.save(tmp_path / "half.safetensors")
    second = Trainer(CONFIG, mixture())
    second.load(tmp_path / "half.safetensors")
    second.run(tmp_path / "rest", lambda progress: None)
    for one, other in ((trained.model, second.model), (trained.average, second.average)):
        for mine, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.equal(mine, theirs)


def test_loss_falls_when_the_same_batch_comes_again() -> None:
    trainer = Trainer(replace(CONFIG, half=False, rate=1e-2, batch_size=6), mixture())
    examples = trainer._feeder.batch(0)
    before = float(trainer.loss(trainer.model, examples).detach())
    trainer._feeder.batch = lambda step: examples  # type: ignore[method-assign]
    for _ in range(30):
        trainer.advance()
    assert float(trainer.loss(trainer.model, examples).detach()) < 0.7 * before


def test_the_loss_without_smoothing_is_that_of_decoding() -> None:
    trainer = Trainer(replace(CONFIG, half=False, smoothing=0.0), mixture())
    parser = trainer.parser()
    (candidates,) = parser.read([COUNT.text], beams=1)
    tokens = tuple(parser.vocabulary.index[name] for name in candidates[0].tokens)
    if len(tokens) < 2:
        pytest.skip("the program ends at once")
    example = trainer.mixture.example(Asked(COUNT.text, candidates[0].program))
    assert example is not None
    _ = trainer.loss(parser.network, [example])
    assert trainer.evaluate().exact.keys() == trainer.watched.keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rat": "1"}, "no training setting 'rat'; did you mean 'rate'"),
        ({"rate": "fast"}, "rate"),
        ({"steps": "1.5"}, "must be of type int"),
        ({"network.heads": "3"}, "no multiple of 3 heads"),
        ({"mixture": "1"}, "must name one value"),
        ({"mixture.files": "-1"}, "must not be negative"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused(settings: dict[str, str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        configure(settings)


def test_a_checkpoint_of_something_else_is_refused(trained: Trainer, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="there is no checkpoint"):
        trained.load(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="is damaged"):
        trained.load(tmp_path / "broken.safetensors")
    wider = Trainer(configure({**SMALL, "network.width": "32"}), mixture())
    with pytest.raises(WeightsError, match="of another network"):
        wider.load(tmp_path / "whole" / "last.safetensors")


def test_the_command_goes_from_files_to_weights(tmp_path: Path) -> None:
    record = {"question_index": 0, "image_index": 0, "question": COUNT.text, "program": PROGRAM}
    late = {**record, "question_index": 1, "image_index": 9}
    (tmp_path / "questions.json").write_text(json.dumps({"questions": [record, late]}))
    arguments = ["--out", str(tmp_path / "run"), "--questions", str(tmp_path / "questions.json"), "--below", "5"]
    arguments += ["--steps", "2", "--batch-size", "4", "--no-beside", "--json"]
    arguments += [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    result = RUNNER.invoke(app, ["parser", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    assert json.loads(result.stdout.splitlines()[-1])["steps"] == 2
    assert json.loads((tmp_path / "run" / "report.json").read_text())["watched"]["exact"]
    parser = NeuralParser.from_pretrained(tmp_path / "run" / "weights")
    assert parser.parse("How many?")
    again = RUNNER.invoke(app, ["parser", *arguments, "--resume", "--steps", "3"], catch_exceptions=False)
    assert json.loads(again.stdout.splitlines()[-1])["steps"] == 3


RUNNER = CliRunner()
PROGRAM = [
    {"function": "scene", "inputs": [], "value_inputs": []},
    {"function": "filter_color", "inputs": [0], "value_inputs": ["red"]},
    {"function": "count", "inputs": [1], "value_inputs": []},
]


def test_the_command_refuses_what_does_not_fit(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--below is given 1 times for 0 files"):
        train_parser.parser(tmp_path, below=[3])
    (tmp_path / "questions.json").write_text('{"questions": []}')
    with pytest.raises(InputError, match="holds no question with a program"):
        train_parser.parser(tmp_path, questions=[tmp_path / "questions.json"])


def test_the_default_settings_are_a_config() -> None:
    assert configure({}) == TrainingConfig()
