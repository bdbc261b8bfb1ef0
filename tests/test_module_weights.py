"""Modules with weights, variants and needs: saved by name, loaded as far as they fit, chosen by config."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from nmn.check import check
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import InputError, ProgramTypeError, RegistryError, WeightsError
from nmn.executor import Modules
from nmn.learning import LearningConfig, Lesson, learn
from nmn.logic import LIMIT, clamp
from nmn.module_weights import LoadedModules, read_module_weights, saved_choices, write_module_weights
from nmn.parser.text import parse_program
from nmn.registry import Registry, class_signature, default_registry, module
from nmn.scene import SceneGraph
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject
from nmn.signature import read_signatures
from nmn.testing import check_module
from nmn.types import ObjectSet

CLEVR = Domain.load("clevr")


@module("trusting")
class Trusting(nn.Module):
    """A set, believed more or less."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.5))

    def forward(self, scene: SceneGraph, members: ObjectSet) -> ObjectSet:
        return torch.where(scene.mask, clamp(members * self.scale.sigmoid()), -LIMIT)


@module("trusting", variant="shifted")
class Shifted(nn.Module):
    """The same, by another rule."""

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(start))

    def forward(self, scene: SceneGraph, members: ObjectSet) -> ObjectSet:
        return torch.where(scene.mask, clamp(members - self.shift.exp()), -LIMIT)


@module("trusting", variant="other")
class OtherSignature(nn.Module):
    """Two sets instead of one."""

    def forward(self, members: ObjectSet, others: ObjectSet) -> ObjectSet:
        return clamp(members + others)


@module("needy")
class Needy(nn.Module):
    """A set that wants colors."""

    needs = ("color",)

    def forward(self, members: ObjectSet) -> ObjectSet:
        return members


def registry() -> Registry:
    return default_registry().extended(Trusting, Shifted, OtherSignature, Needy)


def trained(start: float = 3.0) -> Modules:
    modules = Modules(registry())
    with torch.no_grad():
        for parameter in modules.parameters():
            parameter.fill_(start)
    return modules


def test_a_module_with_weights_keeps_the_laws() -> None:
    check_module(Trusting)
    check_module(Shifted, make=lambda: Shifted(0.5), laws=["gradients", "save and load"])


def test_weights_come_back_under_their_name(tmp_path: Path) -> None:
    write_module_weights(tmp_path, trained())
    loaded = Modules(registry())
    report = read_module_weights(tmp_path, loaded)
    assert report == LoadedModules(loaded=("trusting",))
    assert not report.complaints
    assert loaded["trusting"].scale == 3.0


def test_modules_without_weights_write_nothing(tmp_path: Path) -> None:
    write_module_weights(tmp_path, Modules(default_registry()))
    assert not list(tmp_path.iterdir())
    assert read_module_weights(tmp_path, Modules(default_registry())) == LoadedModules()


def test_what_an_engine_does_not_have_is_said_and_left_out(tmp_path: Path) -> None:
    write_module_weights(tmp_path, trained())
    report = read_module_weights(tmp_path, Modules(default_registry()))
    assert (report.loaded, report.unused) == ((), ("trusting",))
    assert report.complaints == ("the file has weights of 'trusting', which is no module of this engine",)


def test_what_a_file_does_not_have_is_said_to_be_untrained(tmp_path: Path) -> None:
    report = read_module_weights(tmp_path, Modules(registry()))
    assert report.missing == ("trusting",)
    assert "untrained" in report.complaints[0]


def test_another_version_or_shape_is_left_out_and_said(tmp_path: Path) -> None:
    write_module_weights(tmp_path, trained())
    modules = Modules(registry())
    modules["trusting"].version = 2  # type: ignore[assignment]
    report = read_module_weights(tmp_path, modules)
    assert "they are of version 1, the module is of version 2" in report.complaints[0]
    assert modules["trusting"].scale == 0.5
    modules = Modules(registry())
    modules["trusting"].scale = nn.Parameter(torch.zeros(3))
    assert "scale has shape [], the module's [3]" in read_module_weights(tmp_path, modules).complaints[0]


def test_a_variant_is_chosen_by_config_and_again_from_its_weights(tmp_path: Path) -> None:
    chosen = registry().chosen({"trusting": {"variant": "shifted", "start": 2.0}})
    modules = Modules(chosen)
    assert isinstance(modules["trusting"], Shifted)
    assert modules["trusting"].shift == 2.0
    write_module_weights(tmp_path, modules)
    assert "they are of variant 'shifted'" in read_module_weights(tmp_path, Modules(registry())).complaints[0]
    again = Modules(registry().chosen(saved_choices(tmp_path, registry())))
    assert read_module_weights(tmp_path, again).loaded == ("trusting",)
    assert isinstance(again["trusting"], Shifted)
    assert saved_choices(tmp_path, default_registry()) == {}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"trusting": {"variant": "shiftd"}}, "no variant 'shiftd'; did you mean"),
        ({"trusting": {"variant": "other"}}, r"is trusting\(members: ObjectSet, others: ObjectSet\)"),
        ({"trustin": {}}, "did you mean 'trusting'"),
    ],
)
def test_a_choice_that_there_is_not_is_refused(choice: dict[str, dict[str, object]], message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        registry().chosen(choice)


def test_settings_that_a_class_does_not_take_are_refused() -> None:
    with pytest.raises(RegistryError, match=r"does not take the settings \{'wide': 3\}"):
        Modules(registry().chosen({"trusting": {"wide": 3}}))


def test_a_variant_is_declared_once() -> None:
    with pytest.raises(RegistryError, match="declared twice"):
        registry().extended(Shifted)


def test_what_a_file_declares_is_read_without_importing_it() -> None:
    read = {(each.operation, each.variant): each for each in read_signatures(Path(__file__), __name__)}
    for declared in (Trusting, Shifted, Needy):
        own = class_signature(declared)
        assert read[own.operation, own.variant] == own
    assert read["needy", ""].needs == ("color",)


def test_a_domain_without_what_a_module_needs_is_refused_before_anything_runs(tmp_path: Path) -> None:
    program = parse_program("count(needy(scene()))", registry()).program
    check(program, CLEVR, registry())
    path = tmp_path / "gray.toml"
    path.write_text('name="gray"\nversion=1\nnouns=["thing"]\n[attributes.size]\nwords=["size"]\nvalues=["big"]\n')
    with pytest.raises(ProgramTypeError, match="needy needs 'color', which gray does not have"):
        check(program, Domain.load(path), registry())


@pytest.mark.parametrize("broken", [{"format": 2, "modules": {}}, {"format": 1, "modules": {"trusting": {}}}, []])
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, broken: object) -> None:
    write_module_weights(tmp_path, trained())
    (tmp_path / "modules.json").write_text(json.dumps(broken))
    with pytest.raises(WeightsError, match=r"modules\.json"):
        read_module_weights(tmp_path, Modules(registry()))


def test_a_module_learns_from_answers() -> None:
    thing = SceneObject({attribute.name: attribute.values[0] for attribute in CLEVR.attributes})
    scene = Scene(0, None, (thing,), {relation.name: ((),) for relation in CLEVR.relations})
    # Whoever says no where everything says yes can only be moved by the module's own weight.
    program = parse_program("exist(trusting(scene()))", registry()).program
    modules, losses = Modules(registry().chosen({"trusting": {"variant": "shifted", "start": 2.5}})), []
    lessons = [Lesson(scene, program, "no")]
    learn(
        lessons,
        ScenePerceiver(CLEVR),
        modules,
        LearningConfig(steps=30, batch_size=6, rate=0.1),
        advance=lambda _step, loss: losses.append(loss),
    )
    assert losses[-1] < 0.5 * losses[0]
    with pytest.raises(InputError, match="no lessons"):
        learn([], ScenePerceiver(CLEVR), modules)
    with pytest.raises(InputError, match="weights that could learn"):
        learn(lessons, ScenePerceiver(CLEVR), Modules(default_registry()))


SAMPLE = Path(__file__).resolve().parent.parent / "demo" / "samples" / "CLEVR_val_000002.jpg"


def engine_with(start: float | None, *, variant: str | None = None) -> Engine:
    """An engine that looks at pixels, with the modules above; their weights are all ``start``."""
    known = registry() if variant is None else registry().chosen({"trusting": {"variant": variant, "start": 0.5}})
    engine = Engine.from_pretrained(registry=known)
    if start is not None:
        with torch.no_grad():
            engine.backend.modules["trusting"].scale.fill_(start)  # type: ignore[attr-defined]
    return engine


def confidence(engine: Engine) -> float:
    return engine.answer(SAMPLE, parse_program("exist(trusting(scene()))", engine.registry).program).confidence


def test_an_engine_is_saved_with_its_modules_and_loaded_with_them(tmp_path: Path) -> None:
    engine = engine_with(-2.0)
    engine.save_pretrained(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} >= {"config.json", "model.safetensors", "modules.json"}
    loaded = Engine.from_pretrained(tmp_path, registry=registry())
    assert loaded.loaded_modules == LoadedModules(loaded=("trusting",))
    assert confidence(loaded) == confidence(engine) != confidence(engine_with(None))


def test_an_engine_with_fewer_modules_says_what_it_leaves_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine_with(-2.0).save_pretrained(tmp_path)
    loaded = Engine.from_pretrained(tmp_path)
    assert loaded.loaded_modules is not None
    assert loaded.loaded_modules.unused == ("trusting",)
    assert "'trusting', which is no module of this engine" in caplog.text
    assert loaded.answer(SAMPLE, "How many things are there?").value == "3"


def test_an_engine_with_more_modules_says_what_is_untrained(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Engine.from_pretrained().save_pretrained(tmp_path)
    loaded = Engine.from_pretrained(tmp_path, registry=registry())
    assert loaded.loaded_modules is not None
    assert loaded.loaded_modules.missing == ("trusting",)
    assert "untrained" in caplog.text


def test_an_engine_is_loaded_with_the_variant_that_it_was_saved_with(tmp_path: Path) -> None:
    engine = engine_with(None, variant="shifted")
    engine.save_pretrained(tmp_path)
    loaded = Engine.from_pretrained(tmp_path, registry=registry())
    assert isinstance(loaded.backend.modules["trusting"], Shifted)  # type: ignore[attr-defined]
    assert confidence(loaded) == confidence(engine)


def test_an_engine_of_described_scenes_has_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ScenePerceiver has no weights to save"):
        Engine.for_scenes("clevr").save_pretrained(tmp_path)
    assert not list(tmp_path.iterdir())
