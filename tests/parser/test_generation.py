"""Laws of generated questions: programs that type-check, texts that the grammar reads as them, seeds that reproduce."""

import re
from collections import Counter
from itertools import product
from pathlib import Path
from random import Random

import pytest

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, ProgramError
from nmn.parser.english import EnglishParser
from nmn.parser.generation.description import (
    QUESTIONS,
    Alike,
    Both,
    Either,
    Related,
    bases_of,
    parts_of,
    program_of,
    question_of,
)
from nmn.parser.generation.generator import READ_BY_GRAMMAR, STYLES, QuestionGenerator
from nmn.parser.generation.patterns import Pattern, read_wordings
from nmn.parser.generation.structure import structure
from nmn.parser.lexicon import domain_phrases, pieces
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import Registry, default_registry

CLEVR, REGISTRY = Domain.load("clevr"), default_registry()
GENERATOR = QuestionGenerator(CLEVR)
PARSER = EnglishParser(CLEVR, most_readings=1)
ASKED = [style for style in STYLES if style != "outside"]

TOY = """
name = "toy"
version = 1
nouns = ["animal"]
[attributes.fur]
words = ["fur"]
[attributes.fur.values]
woolly = ["woolly"]
bald = ["bald", "hairless"]
[attributes.kind]
words = ["kind"]
values_are = "nouns"
[attributes.kind.values]
fox = ["fox"]
pony = ["pony"]
[relations.above]
words = ["above", "on top of"]
inverse = "below"
[relations.below]
words = ["below"]
inverse = "above"
[informal]
nouns = ["beast"]
values.kind = { fox = ["vixen"] }
adjectives.kind = { pony = ["horsy"] }
"""


@pytest.fixture
def toy(tmp_path: Path) -> Domain:
    path = tmp_path / "toy.toml"
    path.write_text(TOY, encoding="utf-8")
    return Domain.load(path)


def drawn(style: str, number: int, *, seed: int = 0, generator: QuestionGenerator = GENERATOR) -> list:
    random = Random(seed)
    return [generator.sample(random, style) for _ in range(number)]


def read(text: str, parser: EnglishParser = PARSER) -> Program:
    return parser.parse(text)[0].program.canonical()


@pytest.mark.parametrize("style", STYLES)
def test_a_seed_gives_the_same_questions_again(style: str) -> None:
    again = QuestionGenerator(CLEVR)
    assert drawn(style, 60, seed=3) == drawn(style, 60, seed=3, generator=again)
    assert drawn(style, 60, seed=3) != drawn(style, 60, seed=4)


@pytest.mark.parametrize("style", READ_BY_GRAMMAR)
def test_the_grammar_reads_plain_texts_as_their_programs(style: str) -> None:
    for example in drawn(style, 400, seed=11):
        assert example.program is not None
        assert read(example.text) == example.program.canonical(), example.text


@pytest.mark.slow
@pytest.mark.parametrize(("style", "seed"), list(product(READ_BY_GRAMMAR, range(3))))
def test_the_grammar_reads_thousands_of_plain_texts_as_their_programs(style: str, seed: int) -> None:
    for example in drawn(style, 5_000, seed=seed):
        assert example.program is not None
        assert read(example.text) == example.program.canonical(), example.text


@pytest.mark.parametrize("style", ASKED)
def test_programs_type_check(style: str) -> None:
    for example in drawn(style, 150):
        assert example.program is not None
        check(example.program, CLEVR, REGISTRY)


def test_every_kind_of_question_and_every_operation_of_english_occurs() -> None:
    programs = [example.program for example in drawn("spoken", 500)]
    assert {program.nodes[-1].operation for program in programs} == set(QUESTIONS)
    used = {node.operation for program in programs for node in program.nodes}
    assert used >= {"scene", "filter", "unique", "relate", "same", "union", "intersect", "query", "count"}


def test_chains_of_relations_grow_deep_and_rare() -> None:
    depths = Counter(
        sum(node.operation in ("relate", "same") for node in example.program.nodes)
        for example in drawn("spoken", 1_500)
    )
    assert max(depths) > 6
    assert depths[0] > depths[2] > depths[4] > depths[6]


def test_descriptions_and_programs_tell_the_same() -> None:
    for example in drawn("spoken", 300):
        question = question_of(example.program, CLEVR.attribute_ids)
        assert program_of(question) == example.program


@pytest.mark.parametrize("style", ASKED)
def test_a_given_program_is_put_in_words(style: str) -> None:
    program = parse_program(
        "count(filter(relate(unique(filter(scene(), shape=cube)), left), color=red))", REGISTRY
    ).program
    texts = {GENERATOR.render(program, Random(seed), style) for seed in range(40)}
    assert len(texts) > 8
    if style in READ_BY_GRAMMAR:
        assert {read(text) for text in texts} == {program.canonical()}


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("verify(unique(scene()), color=red)", "verify gives no answer that is asked for in English"),
        ("count(filter_not(scene(), color=red))", "node 1 .filter_not.: English has no words for it here"),
        ("count(filter(filter(scene(), shape=cube), color=red))", "English gives filters the order of the domain's"),
    ],
)
def test_a_program_without_words_is_refused_in_one_line(program: str, message: str) -> None:
    with pytest.raises(ProgramError, match=message) as caught:
        GENERATOR.render(parse_program(program, REGISTRY).program, Random(0))
    assert "\n" not in str(caught.value)


def test_programs_that_nobody_could_follow_and_ill_typed_ones_are_refused_in_one_line() -> None:
    chain = "filter(scene(), shape=cube)"
    for _ in range(33):
        chain = f"relate(unique({chain}), left)"
    for text, message in ((f"count({chain})", "too long for a question"), ("count(unique(scene()))", "count")):
        with pytest.raises(ProgramError, match=message):
            GENERATOR.render(parse_program(text, REGISTRY).program, Random(0))
    deepest = parse_program(
        f"count({chain})".replace("relate(unique(", "", 1).replace("), left)", "", 1), REGISTRY
    ).program
    for style in ASKED:
        assert GENERATOR.render(deepest, Random(0), style).count("cube") <= 1


def test_excluded_structures_are_never_produced() -> None:
    common = [name for name, _ in Counter(structure(e.program, REGISTRY) for e in drawn("plain", 300)).most_common(12)]
    generator = QuestionGenerator(CLEVR, exclude=common)
    assert not {structure(e.program, REGISTRY) for e in drawn("spoken", 300, generator=generator)} & set(common)


def test_wordings_are_many() -> None:
    """Of one short program, hundreds of texts: frames, words and clauses combine."""
    program = parse_program(
        "exist(filter(relate(unique(filter(scene(), shape=cube)), left), color=red))", REGISTRY
    ).program
    random = Random(0)
    assert len({GENERATOR.render(program, random, "spoken").lower() for _ in range(1_000)}) > 900


def test_every_kind_of_question_and_clause_has_many_patterns() -> None:
    spoken = read_wordings("wordings")["spoken"]
    assert all(len(spoken[kind]) >= 15 for kind in QUESTIONS)
    assert all(len(spoken[clause]) >= 10 for clause in ("related", "alike", "value"))


def test_parts_side_by_side_are_each_said_once() -> None:
    spoken = read_wordings("wordings")["spoken"]
    joining = ["clauses_both", "clauses_either"]
    joining += [each + long for each in ("both", "either", "added", "alternatives") for long in ("", "_long")]
    for purpose in joining:
        for three in ("", "_three"):
            for text in spoken[f"{purpose}{three}"]:
                slots = [f"{{{each}}}" for each in ("one", "two", "three")]
                assert [text.count(slot) for slot in slots] == [1, 1, 1 if three else 0], text


def test_compositions_that_chance_hardly_draws_occur() -> None:
    found: Counter[str] = Counter()
    for example in drawn("spoken", 1_500):
        sides = question_of(example.program, CLEVR.attribute_ids).sides
        bases = [base for side in sides for things in parts_of(side) for base in bases_of(things)]
        kinds = {(type(base), len(base.parts)) for base in bases if isinstance(base, Both | Either)}
        joined = [set(map(type, base.parts)) for base in bases if isinstance(base, Both)]
        found["three conditions"] += (Both, 3) in kinds
        found["three alternatives"] += (Either, 3) in kinds
        found["a likeness and a place"] += {Alike, Related} in joined
        found["alternatives of conditions"] += any(
            isinstance(part.base, Both) for base in bases if isinstance(base, Either) for part in base.parts
        )
        found["long programs"] += len(example.program.nodes) > 60
    assert all(found[kind] > 15 for kind in found if kind != "long programs"), found
    assert found["long programs"] < 15


def test_a_question_for_one_of_few_values_may_name_them() -> None:
    program = parse_program("query[size](unique(filter(scene(), color=red, shape=cube)))", REGISTRY).program
    texts = [GENERATOR.render(program, Random(seed), "spoken") for seed in range(300)]
    assert any(re.search(r"\b(large|big|huge)\b.* or .*\b(small|tiny|little)\b", text, re.IGNORECASE) for text in texts)


def test_sentences_may_lead_up_to_a_question_and_then_speak_of_it() -> None:
    program = parse_program(
        "count(filter(relate(unique(filter(relate(unique(filter(scene(), shape=cube)), behind), shape=sphere)), left),"
        " shape=cylinder))",
        REGISTRY,
    ).program
    texts = [GENERATOR.render(program, Random(seed), "spoken").lower() for seed in range(600)]
    assert any(re.search(r"\b(cube|block)\b.*\bit\b.*\b(ball|sphere)\b.*\bcylinders\b", text) for text in texts)
    assert any(re.search(r"\bhow many of (them|those|these) are cylinders\b", text) for text in texts)
    assert any(text.startswith(("if you look", "when you look")) for text in texts)


def test_long_texts_are_said_less_often() -> None:
    lengths = sorted(len(example.text) for example in drawn("spoken", 400))
    assert lengths[len(lengths) // 2] < 120
    assert lengths[-1] > 200


def test_patterns_close_their_brackets() -> None:
    assert Pattern.of("3: (a|b) [c ]{d}").spoken(Random(0), str.upper).endswith("D")
    with pytest.raises(ValueError, match="is missing"):
        Pattern.of("(a|b")


def test_unknown_styles_and_impossible_wishes_are_refused() -> None:
    with pytest.raises(InputError, match=r"no style 'plane': .* did you mean 'plain'"):
        GENERATOR.sample(Random(0), "plane")
    with pytest.raises(InputError, match="has no program"):
        GENERATOR.render(parse_program("count(scene())", REGISTRY).program, Random(0), "outside")
    with pytest.raises(InputError, match="none of the operations"):
        QuestionGenerator(CLEVR, registry=Registry({"scene": REGISTRY.signature("scene")}))


def test_operations_that_a_registry_lacks_are_not_called() -> None:
    left = ("scene", "filter", "unique", "count", "relate")
    generator = QuestionGenerator(CLEVR, registry=Registry({each: REGISTRY.signature(each) for each in left}))
    used = {node.operation for example in drawn("plain", 100, generator=generator) for node in example.program.nodes}
    assert used <= set(left)


def test_a_domain_of_ones_own_works(toy: Domain) -> None:
    generator, parser = QuestionGenerator(toy), EnglishParser(toy, most_readings=1)
    for example in drawn("plain", 150, generator=generator):
        assert read(example.text, parser) == example.program.canonical(), example.text
    spoken = " ".join(example.text.lower() for example in drawn("spoken", 400, generator=generator))
    assert all(word in spoken for word in ("beast", "vixen", "horsy", "hairless"))
    clevr = {word for phrase in domain_phrases(CLEVR) for word in pieces(phrase) if len(word) > 3}
    strange = clevr & set(pieces(spoken))
    assert strange <= {"front", "large", "left", "made", "ones", "right", "size", "thing"}, (
        strange
    )  # words of everybody's


def test_a_domain_of_thousands_of_words_works() -> None:
    gqa = Domain.load("gqa")
    generator, parser = QuestionGenerator(gqa), EnglishParser(gqa, most_readings=1)
    for example in drawn("plain", 60, generator=generator):
        assert read(example.text, parser) == example.program.canonical(), example.text
