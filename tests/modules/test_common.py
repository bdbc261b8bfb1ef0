"""common: which attribute two objects have in common; soft, exact, over worlds, and run again."""

from dataclasses import replace
from itertools import product
from math import prod
from pathlib import Path
from random import Random

import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import FactPerceiver, random_facts, random_scene

from nmn.check import check
from nmn.decode import answers, loop_log_likelihood
from nmn.domain import Domain
from nmn.errors import DomainError, ProgramError
from nmn.exact import answer_exactly
from nmn.executor import Modules, execute
from nmn.loop import Looper
from nmn.parser.text import parse_program
from nmn.perceiver import Rows
from nmn.planner import Planner
from nmn.program import Program
from nmn.registry import default_registry
from nmn.resume import Changed, resume
from nmn.scene import FacetStore, SceneGraph
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject
from nmn.soft import SoftBackend
from nmn.worlds import worlds_answer

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
MODULES = Modules(REGISTRY)
ASKED = "common(unique(filter(scene(), shape=cube)), unique(filter(scene(), shape=sphere)))"

HOUSE = """
name = "house"
version = 1
nouns = ["thing"]
comparable = ["coat", "material"]
[attributes.name]
words = ["kind"]
values = ["door", "jar", "window"]
[attributes.coat]
words = ["coat"]
exclusive = false
values = ["pale", "dark", "bright"]
hypernyms = { pale = ["bright"] }
[attributes.material]
words = ["material"]
values = ["glass", "wood"]
[attributes.size]
words = ["size"]
values = ["large", "small"]
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    path = Path(tmp_path_factory.mktemp("domain")) / "house.toml"
    path.write_text(HOUSE)
    return Domain.load(path)


def program(text: str, domain: Domain) -> Program:
    parsed = parse_program(text, REGISTRY).program
    check(parsed, domain, REGISTRY)
    return parsed


@given(st.integers(0, 1000), st.integers(2, 4))
def test_it_is_what_all_assignments_say(seed: int, objects: int) -> None:
    facts = random_facts(seed, CLEVR, objects, dtype=torch.float64)
    store = FacetStore.look(FactPerceiver(CLEVR, (facts,), []), [0])
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, 1, objects, generator=generator, dtype=torch.float64).log_softmax(-1)
    found, holds = MODULES["common"](SceneGraph(store, torch.tensor([0])), first, second)
    names = [each.name for each in CLEVR.attributes]
    weights = dict.fromkeys(names, 0.0)
    for one, other in product(range(objects), repeat=2):
        if one == other:
            continue
        chance = float(first[0, one].exp() * second[0, other].exp())
        alike = {
            name: float((facts.attributes[name][one].exp() * facts.attributes[name][other].exp()).sum())
            for name in names
        }
        for name in names:
            weights[name] += chance * alike[name] * prod(1 - alike[each] for each in names if each != name)
    expected = torch.tensor([weights[name] for name in names], dtype=torch.float64)
    torch.testing.assert_close(found[0] * holds.exp(), expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(found.sum(), torch.tensor(1.0, dtype=torch.float64))


@given(st.integers(0, 10**6))
@examples(25)
def test_the_order_of_the_two_does_not_matter(seed: int) -> None:
    facts = random_facts(seed, CLEVR, 4)
    store = FacetStore.look(FactPerceiver(CLEVR, (facts,), []), [0])
    first, second = torch.randn(2, 1, 4, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    scene = SceneGraph(store, torch.tensor([0]))
    for one, other in zip(
        MODULES["common"](scene, first, second), MODULES["common"](scene, second, first), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def thing(name: str, coats: tuple[str, ...], material: str, size: str) -> SceneObject:
    return SceneObject({"name": name, "material": material, "size": size}, several={"coat": coats})


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (thing("window", ("dark",), "glass", "large"), "material"),
        (thing("window", ("dark", "pale"), "wood", "small"), "coat"),
        (thing("window", ("bright",), "wood", "large"), "coat"),
        (thing("window", ("pale",), "glass", "large"), None),
        (thing("window", ("dark",), "wood", "small"), None),
    ],
)
def test_it_is_one_of_what_the_domain_compares_by(house: Domain, window: SceneObject, expected: str | None) -> None:
    scene = Scene(0, None, (thing("jar", ("pale",), "glass", "small"), window), {})
    asked = program("common(unique(select(name=jar)), unique(select(name=window)))", house)
    backend = SoftBackend(ScenePerceiver(house), REGISTRY)
    (alone,), many = (
        backend.run([scene], [asked], [0], trace=True),
        backend.run([scene], [asked] * 6, [0] * 6, trace=True),
    )
    exact = answer_exactly(asked, scene, house, trace=True)
    assert exact.value == expected
    for each in (alone, *many):
        assert each.distribution.keys() == {"coat", "material"}
        assert each.trace is not None
        assert each.trace.nodes[-1].kind == "AttributeName"
        if expected is not None:
            assert (each.value, each.confidence > 0.999) == (expected, True)
            assert dict(each.trace.nodes[-1].value)[expected] > 0.999  # type: ignore[arg-type]
    if expected is None:
        for each in (exact, alone, *many):
            assert "one answer fits the jar thing, the window thing" in each.presuppositions[-1].words
    else:
        assert exact.trace is not None
        assert dict(exact.trace.nodes[-1].value)[expected] == 1.0  # type: ignore[arg-type]
        assert {each.facet for each in exact.trace.nodes[-1].facets} == {"coat", "material"}


def test_one_thing_has_nothing_in_common_with_itself(house: Domain) -> None:
    scene = Scene(0, None, (thing("jar", ("pale",), "glass", "small"),), {})
    asked = program("common(unique(select(name=jar)), unique(scene()))", house)
    assert answer_exactly(asked, scene, house).value is None
    (soft,) = SoftBackend(ScenePerceiver(house), REGISTRY).run([scene], [asked], [0])
    assert soft.confidence < 1e-3


def test_it_can_be_learned_from_answers() -> None:
    facts = random_facts(3, CLEVR, 3)
    facts.attributes["material"].requires_grad_()
    store = FacetStore.look(FactPerceiver(CLEVR, (facts,), []), [0])
    run = Looper(CLEVR, MODULES).run(program(ASKED, CLEVR), 0, store)
    loop_log_likelihood(run, "material").backward()
    assert facts.attributes["material"].grad is not None
    assert float(facts.attributes["material"].grad.abs().sum()) > 0


def test_worlds_say_the_same_where_all_is_certain_and_refuse_several_values(house: Domain) -> None:
    asked = program(ASKED, CLEVR)
    answered = 0
    for seed in range(60):
        scene = random_scene(Random(seed), CLEVR, 2)
        store = FacetStore.look(ScenePerceiver(CLEVR), [scene])
        expected = answer_exactly(asked, scene, CLEVR).value
        assert worlds_answer(asked, store, 0).value == expected
        answered += expected is not None
    assert answered > 3
    scene = Scene(0, None, (thing("jar", ("pale",), "glass", "small"),), {})
    with pytest.raises(ProgramError, match="attribute 'coat' has"):
        worlds_answer(
            program("common(unique(scene()), unique(select(name=jar)))", house),
            FacetStore.look(ScenePerceiver(house), [scene]),
            0,
        )


def test_it_runs_again_when_an_attribute_changes_that_no_constant_names() -> None:
    objects = tuple(
        SceneObject(dict(zip(("size", "color", "material", "shape"), each.split(), strict=True)))
        for each in ("large red rubber cube", "small red metal sphere")
    )
    none = {relation.name: ((), ()) for relation in CLEVR.relations}
    store = FacetStore.look(ScenePerceiver(CLEVR), [Scene(0, None, objects, none)])
    plan = Planner(CLEVR, REGISTRY).plan([program(ASKED, CLEVR)] * 2, [0, 0])
    run = execute(plan, store, MODULES)
    assert [each.value for each in answers(run)] == ["color", "color"]
    place = CLEVR.attribute("color").index("blue")
    row = torch.full((1, len(CLEVR.attribute("color").values)), -16.0)
    row[0, place] = 0.0
    store.set_attribute("color", Rows(torch.tensor([0]), torch.tensor([1])), row)
    size = torch.tensor([[0.0, -16.0] if CLEVR.attribute("size").index("large") == 0 else [-16.0, 0.0]])
    store.set_attribute("size", Rows(torch.tensor([0]), torch.tensor([1])), size)
    again = resume(run, MODULES, changed=[Changed(0, "color"), Changed(0, "size")])
    assert [each.value for each in answers(again.run)] == ["size", "size"]


def test_the_domain_names_only_its_own_attributes_and_each_once(house: Domain, tmp_path: Path) -> None:
    assert [house.attributes[each].name for each in house.comparable_ids] == ["coat", "material"]
    assert len(CLEVR.comparable_ids) == len(CLEVR.attributes)
    for wrong, message in (('"cot"', "no attribute 'cot'; did you mean 'coat'"), ('"coat", "coat"', "twice")):
        path = tmp_path / "wrong.toml"
        path.write_text(HOUSE.replace('"coat", "material"]', f"{wrong}]", 1))
        with pytest.raises(DomainError, match=message):
            Domain.load(path)
        path.unlink()


def test_a_domain_of_one_attribute_will_do(house: Domain) -> None:
    small = replace(house, comparable=("material",))
    scene = Scene(0, None, (thing("jar", ("pale",), "glass", "small"), thing("door", ("pale",), "glass", "small")), {})
    asked = program("common(unique(select(name=jar)), unique(select(name=door)))", small)
    (soft,) = SoftBackend(ScenePerceiver(small), REGISTRY).run([scene], [asked], [0])
    assert (soft.value, answer_exactly(asked, scene, small).value) == ("material", "material")
