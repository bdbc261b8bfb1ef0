"""Operations of GQA: soft equals exact on certain scenes, over kinds of kinds too, and the laws of choices."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import FactPerceiver, random_facts, random_scene

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import ProgramError, ProgramTypeError
from nmn.exact import answer_exactly
from nmn.executor import Modules
from nmn.logic import LIMIT
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.scene import FacetStore, SceneGraph
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene
from nmn.soft import PLANNED_FROM, SoftBackend
from nmn.worlds import worlds_answer

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
MODULES = Modules(REGISTRY)

ZOO = """
name = "zoo"
version = 1
nouns = ["thing"]
[attributes.name]
words = ["kind"]
values = ["animal", "dog", "poodle", "cat", "car"]
hypernyms = { animal = ["dog", "cat"], dog = ["poodle"] }
[attributes.coat]
words = ["coat"]
values = ["pale", "dark"]
[attributes.mood]
words = ["mood"]
exclusive = false
values = ["calm", "fierce", "furious"]
hypernyms = { fierce = ["furious"] }
[relations.on]
words = ["on"]
answer = "upon"
[relations.under]
words = ["under"]
"""


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Domain:
    path = Path(tmp_path_factory.mktemp("domain")) / "zoo.toml"
    path.write_text(ZOO)
    return Domain.load(path)


def program(text: str, domain: Domain) -> Program:
    parsed = parse_program(text, REGISTRY).program
    check(parsed, domain, REGISTRY)
    return parsed


def random_zoo(random: Random, domain: Domain) -> Scene:
    scene = random_scene(random, replace(domain, relations=()))
    rows = {
        relation.name: tuple(
            tuple(j for j in range(len(scene.objects)) if j != i and random.random() < 0.3)
            for i in range(len(scene.objects))
        )
        for relation in domain.relations
    }
    moods = domain.attribute("mood").values
    objects = tuple(replace(each, several={"mood": (random.choice(moods),)}) for each in scene.objects)
    return replace(scene, objects=objects, relations=rows, plane=None)


def soft_is_exact(seed: int, domain: Domain, scenes: list[Scene]) -> None:
    programs = [sample_program(Random(seed + each), domain, REGISTRY, depth=6) for each in range(2 * PLANNED_FROM)]
    places = [each % len(scenes) for each in range(len(programs))]
    backend = SoftBackend(ScenePerceiver(domain), REGISTRY)
    for asked, place, soft in zip(programs, places, backend.run(scenes, programs, places), strict=True):
        exact = answer_exactly(asked, scenes[place], domain)
        if exact.value is None:
            assert soft.presuppositions, asked.text
            assert soft.confidence < 1e-3
        else:
            assert not soft.presuppositions, asked.text
            assert (soft.value, soft.confidence > 0.999) == (exact.value, True), asked.text
            assert sum(soft.distribution.values()) == pytest.approx(1.0, abs=1e-3)


@given(st.integers(0, 10**6))
@examples(25)
def test_soft_is_exact_on_certain_scenes(seed: int) -> None:
    random = Random(seed)
    soft_is_exact(seed, CLEVR, [random_scene(random, CLEVR) for _ in range(3)])


@given(seed=st.integers(0, 10**6))
@examples(25)
def test_soft_is_exact_where_kinds_imply_kinds(zoo: Domain, seed: int) -> None:
    random = Random(seed)
    soft_is_exact(seed, zoo, [random_zoo(random, zoo) for _ in range(3)])


def test_a_poodle_is_an_animal_and_is_called_a_poodle(zoo: Domain) -> None:
    store = FacetStore.look(FactPerceiver(zoo, (random_facts(1, zoo, 4),), []), [0])
    scene = SceneGraph(store, torch.tensor([0]))
    everything = scene.mask
    own = scene.attribute(torch.tensor([0]), everything)[0]
    for name, below in zoo.attribute("name").included.items():
        concept, values = zoo.concept_id("name", name), [zoo.concept_id("name", each) for each in below]
        implied = scene.concept(torch.tensor([concept]), everything)[0].exp()
        torch.testing.assert_close(implied, own[:, values].sum(-1), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(own.sum(-1), torch.ones(4))


def test_a_thing_may_be_pale_and_dark(zoo: Domain) -> None:
    mixed = replace(zoo, attributes=(zoo.attributes[0], replace(zoo.attributes[1], exclusive=False), zoo.attributes[2]))
    facts = random_facts(1, mixed, 3)
    facts.attributes["coat"][0] = torch.tensor([0.0, 0.0])
    facts.attributes["coat"][1] = torch.tensor([0.0, -LIMIT])
    store = FacetStore.look(FactPerceiver(mixed, (facts,), []), [0])
    scene = SceneGraph(store, torch.tensor([0]))
    pale, dark = (
        scene.concept(torch.tensor([mixed.concept_id("coat", each)]), scene.mask)[0] for each in ("pale", "dark")
    )
    assert pale[:2].tolist() == [0.0, 0.0]
    assert dark[:2].tolist() == [0.0, -LIMIT]
    named = scene.attribute(torch.tensor([1]), scene.mask)[0, :, 5:7]
    torch.testing.assert_close(named[:2], torch.tensor([[0.5, 0.5], [1.0, 0.0]]), atol=1e-6, rtol=0)
    both = scene.both(torch.tensor([5]), torch.tensor([6]), scene.mask)[0]
    assert both[0] > 0.999
    assert both[1] < 1e-3


@given(st.integers(0, 1000))
def test_one_or_the_other_of_two_values_that_exclude_each_other(seed: int) -> None:
    facts = random_facts(seed, CLEVR, 3, dtype=torch.float64)
    store = FacetStore.look(FactPerceiver(CLEVR, (facts,), []), [0])
    scene = SceneGraph(store, torch.tensor([0]))
    subject = torch.randn(1, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).log_softmax(-1)
    first, second = CLEVR.span("material")[0], CLEVR.span("material")[0] + 1
    choice, holds = MODULES["choose"](scene, subject, torch.tensor([first]), torch.tensor([second]))
    chances = subject.exp()[0] @ facts.attributes["material"].exp()
    torch.testing.assert_close(choice[0], chances, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(holds.exp()[0], chances.sum(), atol=1e-6, rtol=1e-6)


@given(st.integers(0, 1000), st.integers(0, 5))
def test_all_same_is_what_all_assignments_say(seed: int, objects: int) -> None:
    facts = random_facts(seed, CLEVR, objects, dtype=torch.float64)
    store = FacetStore.look(FactPerceiver(CLEVR, (facts,), []), [0])
    scene = SceneGraph(store, torch.tensor([0]))
    width = scene.mask.shape[1]
    members = torch.randn(1, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    attribute = CLEVR.attribute_ids["material"]
    (found,) = MODULES["all_same"](scene, members, torch.tensor([attribute]))
    (differ,) = MODULES["all_different"](scene, members, torch.tensor([attribute]))
    expected = 0.0
    options = len(CLEVR.attributes[attribute].values) + 1  # the last: it is no member
    for world in range(options**objects):
        chosen = [world // options**each % options for each in range(objects)]
        weight = 1.0
        for each, value in enumerate(chosen):
            member = float(members[0, each].sigmoid() * scene.presence[0, each].sigmoid())
            value_of = facts.attributes["material"][each].exp()
            weight *= 1 - member if value == options - 1 else member * float(value_of[value])
        expected += weight * (len({value for value in chosen if value < options - 1}) <= 1)
    assert float(found.sigmoid()) == pytest.approx(expected, abs=1e-6)
    assert float(differ) == -float(found)


@given(st.integers(0, 1000))
def test_a_relation_and_its_inverse_are_one_table(seed: int) -> None:
    store = FacetStore.look(FactPerceiver(CLEVR, (random_facts(seed, CLEVR, 4),), []), [0])
    scene = SceneGraph(store, torch.zeros(4, dtype=torch.int64))
    anchors = torch.full((4, 4), -50.0).fill_diagonal_(0.0)
    relation = torch.full((4,), seed % len(CLEVR.relations))
    forth = MODULES["relate"](scene, anchors, relation)
    back = MODULES["relate_inverse"](scene, anchors, relation)
    torch.testing.assert_close(forth, back.t(), atol=1e-4, rtol=1e-4)


def test_a_choice_is_between_two_things_and_says_which(zoo: Domain) -> None:
    scene = Scene(
        0,
        None,
        random_scene(Random(0), replace(zoo, relations=()), 2).objects,
        {"on": ((1,), ()), "under": ((), (0,))},
    )
    scene = replace(
        scene,
        objects=tuple(
            replace(each, attributes={"name": name, "coat": coat}, several={"mood": moods})
            for each, name, coat, moods in zip(
                scene.objects, ("poodle", "car"), ("pale", "dark"), (("furious",), ("calm", "furious")), strict=True
            )
        ),
    )
    dog, car = "unique(select(name=dog))", "unique(select(name=car))"
    answers = {
        f"choose({dog}, coat=dark, coat=pale)": "pale",
        f"choose({dog}, name=cat, name=animal)": "animal",
        f"choose({dog}, name=dog, name=animal)": None,
        f"choose({dog}, name=cat, coat=pale)": "pale",
        f"choose_rel({car}, {dog}, under, on)": "upon",
        f"choose_rel({dog}, {car}, under, on)": "under",
        f"query[name](compare({dog}, {car}, coat=pale))": "poodle",
        f"query[name](compare({dog}, {car}, coat=dark))": "car",
        f"query[name](compare({dog}, {dog}, coat=dark))": None,
        f"verify({dog}, name=animal)": "yes",
        "exist(filter_not(scene(), name=animal))": "yes",
        f"verify_rel({dog}, select(name=car), on)": "yes",
        f"verify_rel_inverse({dog}, select(name=car), on)": "no",
        f"exist(relate_inverse({car}, on))": "yes",
        f"query[mood]({dog})": "furious",
        f"verify({dog}, mood=fierce)": "yes",
        f"and(verify({car}, mood=fierce), verify({car}, mood=calm))": "yes",
        "all_same[coat](scene())": "no",
        "not(all_different[coat](scene()))": "no",
        "and(exist(select(name=cat)), exist(select(name=dog)))": "no",
        "or(exist(select(name=cat)), exist(select(name=dog)))": "yes",
    }
    backend = SoftBackend(ScenePerceiver(zoo), REGISTRY)
    programs = [program(text, zoo) for text in answers]
    together = backend.run([scene], programs, [0] * len(programs), trace=True)
    for asked, expected, soft in zip(programs, answers.values(), together, strict=True):
        exact = answer_exactly(asked, scene, zoo, trace=True)
        (alone,) = backend.run([scene], [asked], [0], trace=True)
        assert exact.value == expected, asked.text
        if expected is None:
            for each in (exact, soft, alone):
                assert "none does, or several do" in each.presuppositions[0].words
        else:
            assert soft.value == alone.value == expected
    assert together[0].distribution.keys() == {"dark", "pale"}


def test_a_choice_between_two_things_of_one_name_is_refused(zoo: Domain) -> None:
    with pytest.raises(ProgramTypeError, match="called the same"):
        program("choose(unique(scene()), coat=dark, coat=dark)", zoo)


@pytest.mark.parametrize("concept", ["name=car", "mood=calm"])
def test_worlds_refuse_what_they_would_get_wrong(zoo: Domain, concept: str) -> None:
    store = FacetStore.look(FactPerceiver(zoo, (random_facts(1, zoo, 3),), []), [0])
    with pytest.raises(ProgramError, match="worlds decide one value an object"):
        worlds_answer(program(f"exist(select({concept}))", zoo), store, 0)
