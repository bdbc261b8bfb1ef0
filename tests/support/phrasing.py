"""Questions with their programs, written side by side and without the grammar: words by pattern, calls by hand."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from nmn.domain import Attribute, Domain
from nmn.parser.lexicon import plural
from nmn.program import Concept, Constant, Node, Program


@dataclass(frozen=True)
class Call:
    """A call as a tree: what a program looks like before its calls are put in order."""

    operation: str
    inputs: tuple["Call", ...] = ()
    attribute: str | None = None
    constants: tuple[Constant, ...] = ()

    def program(self) -> Program:
        """The program of this call, equal calls shared."""
        nodes: list[Node] = []

        def add(call: Call) -> int:
            sources = tuple(add(source) for source in call.inputs)
            nodes.append(Node(call.operation, sources, call.attribute, call.constants))
            return len(nodes) - 1

        return Program.of(nodes, add(self)).canonical()


SCENE = Call("scene")


@dataclass(frozen=True)
class Noun:
    """A noun phrase without its determiner: its words for one thing and for several, and the things it stands for."""

    singular: str
    plural: str
    members: Call

    @property
    def the(self) -> str:
        """ "the red cube"."""
        return f"the {self.singular}"

    @property
    def a(self) -> str:
        """ "a red cube", "an object"."""
        return f"{'an' if self.singular[0] in 'aeiou' else 'a'} {self.singular}"

    @property
    def one(self) -> Call:
        """The one object that it stands for."""
        return Call("unique", (self.members,))


@dataclass(frozen=True)
class Plain:
    """A noun with values and nothing else, such as "small red cube", to which a condition can be added."""

    singular: str
    plural: str
    concepts: Mapping[str, str]  # attribute to value

    def within(self, members: Call, order: Sequence[str]) -> Call:
        """Those of some objects that have its values."""
        for attribute in order:
            if attribute in self.concepts:
                members = Call("filter", (members,), None, (Concept(attribute, self.concepts[attribute]),))
        return members


@dataclass(frozen=True)
class Condition:
    """What is said of a thing after "that is", and of things after "that are"."""

    singular: str
    plural: str
    members: Call
    has: str = ""  # what is said after "that has" and "that have" instead, if it can be
    about: frozenset[str] = frozenset()  # attributes that it settles, so that no value of theirs is said besides

    @staticmethod
    def of(text: str, members: Call) -> "Condition":
        """One that reads alike for one thing and for several."""
        return Condition(text, text, members)


def both(*conditions: Condition) -> Condition:
    """All of the conditions: "both ... and ...", or with commas where there are three."""
    members = conditions[-1].members
    for condition in reversed(conditions[:-1]):
        members = Call("intersect", (members, condition.members))
    return _joined(conditions, "and", members)


def either(*conditions: Condition) -> Condition:
    """Any of the conditions: "either ... or ..."."""
    members = conditions[0].members
    for condition in conditions[1:]:
        members = Call("union", (members, condition.members))
    return _joined(conditions, "or", members)


def _joined(conditions: Sequence[Condition], word: str, members: Call) -> Condition:
    marker = {"and": "both ", "or": "either "}[word] if len(conditions) == 2 else ""

    def text(parts: Sequence[str]) -> str:
        *before, last = parts
        return f"{marker}{', '.join(before)}{',' if len(parts) > 2 else ''} {word} {last}"

    about = frozenset[str]().union(*(part.about for part in conditions))
    singular, plural = ([part.singular for part in conditions], [part.plural for part in conditions])
    return Condition(text(singular), text(plural), members, about=about)


class Writer:
    """Draws words of a domain.

    Args:
        random: Where the choices come from.
        domain: Whose words they are. It needs attributes, relations, and one attribute whose values are nouns.
    """

    def __init__(self, random: Random, domain: Domain) -> None:
        self.random = random
        self.domain = domain
        self.order = [attribute.name for attribute in domain.attributes]

    def pick(self, *choices: str) -> str:
        """One of some wordings."""
        return self.random.choice(choices)

    def attribute(self, *, without: Collection[str] = ()) -> Attribute:
        """An attribute."""
        return self.random.choice([found for found in self.domain.attributes if found.name not in without])

    def plain(self, *, without: Collection[str] = (), most: int = 2) -> Plain:
        """A noun with some values, of other attributes than those named."""
        attributes = [found for found in self.domain.attributes if found.name not in without]
        chosen = self.random.sample(attributes, min(len(attributes), self.random.randint(1, most)))
        concepts: dict[str, str] = {}
        before: list[str] = []
        noun = self.random.choice(self.domain.nouns)
        for attribute in sorted(chosen, key=lambda attribute: self.order.index(attribute.name)):
            index = self.random.randrange(len(attribute.values))
            concepts[attribute.name] = attribute.values[index]
            word = self.random.choice(attribute.value_words[index])
            if attribute.values_are == "nouns":
                noun = word
            else:
                before.append(word)
        return Plain(" ".join([*before, noun]), " ".join([*before, plural(noun)]), concepts)

    def noun(self, *, without: Collection[str] = (), most: int = 2) -> Noun:
        """A noun with some values, in the whole scene."""
        plain = self.plain(without=without, most=most)
        return Noun(plain.singular, plain.plural, plain.within(SCENE, self.order))

    def placed(self, anchor: Noun | None = None) -> Condition:
        """ "left of the red cube"."""
        anchor = anchor or self.noun()
        relation = self.random.choice(self.domain.relations)
        members = Call("relate", (anchor.one,), None, (relation.name,))
        return Condition.of(f"{self.random.choice(relation.words)} {anchor.the}", members)

    def like(
        self, anchor: Noun | None = None, *, without: Collection[str] = (), attribute: Attribute | None = None
    ) -> Condition:
        """ "the same size as the red cube"."""
        attribute = attribute or self.attribute(without=without)
        anchor = anchor or self.noun(without={attribute.name})
        word = self.random.choice(attribute.words)
        same = f"the same {word} as {anchor.the}"
        before = [f"{attribute.predicate} " if attribute.predicate else "", "", "of "]
        members = Call("same", (anchor.one,), attribute.name)
        said = self.random.choice(before) + same
        return Condition(said, said, members, has=same, about=frozenset({attribute.name}))

    def that(self, plain: Plain, condition: Condition) -> Noun:
        """ "red cube that is left of the ball", or "red cube that has the same size as the ball"."""
        members = plain.within(condition.members, self.order)
        if condition.has and self.random.random() < 0.4:
            said = condition.has
            return Noun(f"{plain.singular} that has {said}", f"{plain.plural} that have {said}", members)
        singular = f"{plain.singular} that is {condition.singular}"
        return Noun(singular, f"{plain.plural} that are {condition.plural}", members)

    def thing(self, condition: Condition, *, without: Collection[str] = (), most: int = 2) -> Noun:
        """A noun of its own with a condition."""
        return self.that(self.plain(without=condition.about.union(without), most=most), condition)

    def is_one_of(self, *nouns: Noun) -> Condition:
        """ "either a red cube or a ball"."""
        return either(*(Condition(noun.a, noun.plural, noun.members) for noun in nouns))


@dataclass(frozen=True)
class Question:
    """A question and what it means."""

    text: str
    program: Program


def count(write: Writer, condition: Condition, *, other: bool = False) -> Question:
    """How many things meet a condition."""
    plain = write.plain(without=condition.about)
    say = f"other {plain.plural}" if other and write.random.random() < 0.5 else plain.plural
    wording = write.pick(
        "How many {things} are {said}?",
        "What number of {things} are {said}?",
        "How many {things} that are {said} are there?",
    )
    program = Call("count", (plain.within(condition.members, write.order),)).program()
    return Question(wording.format(things=say, said=condition.plural), program)


def exist(write: Writer, noun: Noun) -> Question:
    """Whether there is a thing."""
    one, several = f"Is there {noun.a}?", f"Are there any {noun.plural}?"
    return Question(write.pick(one, several), Call("exist", (noun.members,)).program())


def query(write: Writer, noun: Noun, attribute: Attribute) -> Question:
    """Which value of an attribute a thing has."""
    word = write.random.choice(attribute.words)
    wordings = [
        f"What {word} is {noun.the}?",
        f"What is the {word} of {noun.the}?",
        f"There is {noun.a}; what is its {word}?",
        f"There is {noun.a}; what {word} is it?",
        *(f"{asked.capitalize()} is {noun.the}?" for asked in attribute.asked_as),
    ]
    if attribute.predicate:
        wordings.append(f"There is {noun.a}; what is it {attribute.predicate}?")
    return Question(write.pick(*wordings), Call("query", (noun.one,), attribute.name).program())


def same_value(write: Writer, first: Noun, second: Noun, attribute: Attribute) -> Question:
    """Whether two things have one value."""
    word = write.random.choice(attribute.words)
    wording = write.pick(
        f"Is the {word} of {first.the} the same as that of {second.the}?",
        f"Does {first.the} have the same {word} as {second.the}?",
        f"There is {first.a}; is its {word} the same as the {second.singular}?",
        f"There is {first.a}; does it have the same {word} as {second.the}?",
    )
    values = tuple(Call("query", (noun.one,), attribute.name) for noun in (first, second))
    return Question(wording, Call("equal", values, attribute.name).program())


def compare_counts(write: Writer, first: Noun, second: Noun) -> Question:
    """Whether there are more, fewer or as many of one as of another."""
    operation, short, long = write.random.choice(
        (
            ("greater_than", "more", "greater than"),
            ("less_than", "fewer", "less than"),
            ("equal_integer", "", "the same as"),
        )
    )
    wordings = [f"Is the number of {first.plural} {long} the number of {second.plural}?"]
    if short:
        wordings.append(f"Are there {short} {first.plural} than {second.plural}?")
    counts = tuple(Call("count", (noun.members,)) for noun in (first, second))
    return Question(write.pick(*wordings), Call(operation, counts).program())
