"""English questions, the laws: whatever is composed of the language's parts means what its parts mean together."""

from dataclasses import dataclass
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Attribute, Domain
from nmn.parser.english import EnglishParser
from nmn.program import Concept, Constant, Node, Program

CLEVR = Domain.load("clevr")
PARSER = EnglishParser(CLEVR)


@dataclass(frozen=True)
class Call:
    """A call as a tree: what a program looks like before its calls are put in order."""

    operation: str
    inputs: tuple["Call", ...] = ()
    attribute: str | None = None
    constants: tuple[Constant, ...] = ()

    def program(self) -> Program:
        nodes: list[Node] = []

        def add(call: Call) -> int:
            sources = tuple(add(source) for source in call.inputs)
            nodes.append(Node(call.operation, sources, call.attribute, call.constants))
            return len(nodes) - 1

        return Program.of(nodes, add(self))


@dataclass(frozen=True)
class Phrase:
    """A noun phrase without its determiner, singular and plural, and the set that it stands for."""

    singular: str
    plural: str
    meaning: Call


SCENE = Call("scene")


def unique(members: Call) -> Call:
    return Call("unique", (members,))


def filtered(members: Call, concepts: dict[str, str]) -> Call:
    for attribute in ("size", "color", "material", "shape"):
        if attribute in concepts:
            members = Call("filter", (members,), None, (Concept(attribute, concepts[attribute]),))
    return members


@st.composite
def nouns(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
    """ "small red cube", "small red cubes" and what they are, in any words of the domain."""
    words: list[str] = []
    concepts: dict[str, str] = {}
    for attribute in CLEVR.attributes[:3]:
        if draw(st.booleans()):
            index = draw(st.integers(0, len(attribute.values) - 1))
            concepts[attribute.name] = attribute.values[index]
            words.append(draw(st.sampled_from(attribute.value_words[index])))
    shape = CLEVR.attribute("shape")
    index = draw(st.integers(-1, len(shape.values) - 1))
    noun = draw(st.sampled_from(CLEVR.nouns if index < 0 else shape.value_words[index]))
    if index >= 0:
        concepts["shape"] = shape.values[index]
    words = draw(st.permutations(words))
    return " ".join([*words, noun]), " ".join([*words, f"{noun}s"]), concepts


@st.composite
def conditions(draw: st.DrawFn, depth: int) -> tuple[str, Call]:
    """ "left of the cube" or "the same size as the cube", after "that is"."""
    anchor = draw(phrases(depth - 1))
    if draw(st.booleans()):
        relation = draw(st.sampled_from(CLEVR.relations))
        text = f"{draw(st.sampled_from(relation.words))} the {anchor.singular}"
        return text, Call("relate", (unique(anchor.meaning),), None, (relation.name,))
    attribute = draw(st.sampled_from(CLEVR.attributes))
    before = "made of " if attribute.predicate and draw(st.booleans()) else draw(st.sampled_from(("", "of ")))
    text = f"{before}the same {draw(st.sampled_from(attribute.words))} as the {anchor.singular}"
    return text, Call("same", (unique(anchor.meaning),), attribute.name)


@st.composite
def phrases(draw: st.DrawFn, depth: int = 2) -> Phrase:
    singular, plural, concepts = draw(nouns())
    number = draw(st.integers(0, 3)) if depth > 0 else 0
    if number == 0:
        return Phrase(singular, plural, filtered(SCENE, concepts))
    # Coordinated conditions hold plain nouns, or "and" could belong inside as well.
    plain = conditions(1).filter(lambda condition: " that " not in condition[0])
    found = [draw(conditions(depth) if number == 1 else plain) for _ in range(number)]
    texts = [text for text, _ in found]
    joined = f"both {' and '.join(texts)}" if number == 2 and draw(st.booleans()) else " and ".join(texts)
    members = found[-1][1]
    for _, condition in reversed(found[:-1]):
        members = Call("intersect", (members, condition))
    return Phrase(f"{singular} that is {joined}", f"{plural} that are {joined}", filtered(members, concepts))


def best(question: str) -> Program:
    return PARSER.parse(question)[0].program


@given(phrases())
def test_any_noun_phrase_can_be_counted(phrase: Phrase) -> None:
    expected = Call("count", (phrase.meaning,)).program()
    assert best(f"How many {phrase.plural} are there?") == expected
    assert best(f"What number of {phrase.plural} are there?") == expected


@given(phrases())
def test_any_noun_phrase_can_be_asked_for(phrase: Phrase) -> None:
    expected = Call("exist", (phrase.meaning,)).program()
    assert best(f"Is there a {phrase.singular}?") == expected
    assert best(f"Are there any {phrase.plural}?") == expected


@given(phrases(), st.sampled_from(CLEVR.attributes))
def test_any_attribute_of_any_noun_phrase_can_be_queried(phrase: Phrase, attribute: Attribute) -> None:
    name = attribute.name
    expected = Call("query", (unique(phrase.meaning),), name).program()
    for question in (
        f"What {name} is the {phrase.singular}?",
        f"What is the {name} of the {phrase.singular}?",
        f"The {phrase.singular} is what {name}?",
        f"There is a {phrase.singular}; what is its {name}?",
    ):
        assert best(question) == expected


@given(phrases(), phrases(), st.sampled_from(CLEVR.attributes))
def test_any_two_noun_phrases_can_be_compared(first: Phrase, second: Phrase, attribute: Attribute) -> None:
    name = attribute.name
    values = tuple(Call("query", (unique(phrase.meaning),), name) for phrase in (first, second))
    expected = Call("equal", values, name).program()
    for question in (
        f"Is the {name} of the {first.singular} the same as the {second.singular}?",
        f"Does the {first.singular} have the same {name} as the {second.singular}?",
        f"There is a {first.singular}; is its {name} the same as the {second.singular}?",
    ):
        assert best(question) == expected


@given(phrases(), phrases())
def test_any_two_counts_can_be_compared(first: Phrase, second: Phrase) -> None:
    counts = Call("count", (first.meaning,)), Call("count", (second.meaning,))
    for operation, amount, words in (
        ("equal_integer", None, "the same as"),
        ("less_than", "fewer", "less than"),
        ("greater_than", "more", "greater than"),
    ):
        expected = Call(operation, counts).program()
        assert best(f"Is the number of {first.plural} {words} the number of {second.plural}?") == expected
        if amount is not None:
            assert best(f"Are there {amount} {first.plural} than {second.plural}?") == expected


@given(phrases(), phrases())
def test_either_of_two_noun_phrases_can_be_counted(first: Phrase, second: Phrase) -> None:
    expected = Call("count", (Call("union", (first.meaning, second.meaning)),)).program()
    assert best(f"How many things are either {first.plural} or {second.plural}?") == expected
    assert best(f"How many {first.plural} or {second.plural} are there?") == expected


@given(phrases(), st.randoms(use_true_random=False))
def test_case_spaces_and_end_marks_do_not_matter(phrase: Phrase, random: Random) -> None:
    question = f"There is a {phrase.singular}; what is its color?"
    expected = best(question)
    changed = "".join(letter.upper() if random.random() < 0.5 else letter for letter in question)
    assert best(changed) == expected
    assert best(question.replace(" ", "   ")) == expected
    assert best(f"\t{question[:-1]} \n") == expected
    for mark in ("/", ":", ".", ",", " ; ", "!"):
        assert best(question.replace(";", mark)) == expected


@given(phrases())
def test_confidences_are_ranked_and_sum_to_one(phrase: Phrase) -> None:
    parses = PARSER.parse(f"How many {phrase.plural.replace('that are ', '')} are there?")
    confidences = [parse.confidence for parse in parses]
    assert confidences == sorted(confidences, reverse=True)
    assert abs(sum(confidences) - 1) < 1e-9
    assert len({parse.program.canonical() for parse in parses}) == len(parses)


@given(phrases())
def test_every_filter_knows_its_word(phrase: Phrase) -> None:
    question = f"Is there a {phrase.singular}?"
    (parse, *_) = PARSER.parse(question)
    assert len(parse.spans) == len(parse.program.nodes)
    for node, span in zip(parse.program.nodes, parse.spans, strict=True):
        if node.operation == "filter":
            assert span is not None
            (concept,) = node.constants
            assert isinstance(concept, Concept)
            attribute = CLEVR.attribute(concept.attribute)
            assert question[span.start : span.end] in attribute.value_words[attribute.index(concept.value)]
