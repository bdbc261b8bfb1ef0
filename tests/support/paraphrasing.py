"""Paraphrases: what each kind of hand-written wording (wordings/paraphrases.toml) means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from phrasing import SCENE, Call, Noun, Plain, Question, Writer

from nmn.domain import Attribute, Domain, Relation


@dataclass
class Slots:
    """What a wording is filled with: drawn for it, kept by the names that it may use.

    Attributes:
        write: Draws the words.
        settled: A relation, an attribute or a comparison that the wording itself says, or "any".
        words: Slot to text.
    """

    write: Writer
    settled: str
    words: dict[str, str] = field(default_factory=dict)

    def relation(self, slot: str) -> Relation:
        """Draw a relation, unless the wording says which."""
        relations = self.write.domain.relations
        said = [relation for relation in relations if relation.name == self.settled]
        relation = said[0] if said else self.write.random.choice(relations)
        self.words[slot] = self.write.random.choice(relation.words)
        return relation

    def attribute(self, slot: str, *, without: tuple[str, ...] = ()) -> Attribute:
        """Draw an attribute, unless the wording says which."""
        said = [found for found in self.write.domain.attributes if found.name == self.settled]
        attribute = said[0] if said else self.write.attribute(without=without)
        self.words[slot] = self.write.random.choice(attribute.words)
        return attribute

    def plain(self, slot: str, *, without: tuple[str, ...] = ()) -> Plain:
        """Draw a noun: "{slot}", "{slot}s" and "{a_slot}"."""
        plain = self.write.plain(without=without)
        self.words[slot], self.words[f"{slot}s"] = plain.singular, plain.plural
        self.words[f"a_{slot}"] = Noun(plain.singular, plain.plural, SCENE).a
        return plain

    def all(self, plain: Plain) -> Call:
        """All the things that a noun stands for."""
        return plain.within(SCENE, self.write.order)

    def placed(self, plain: Plain, anchor: Call, slot: str = "side") -> Call:
        """Those of a noun's things that are in a place."""
        members = Call("relate", (one(anchor),), None, (self.relation(slot).name,))
        return plain.within(members, self.write.order)


def one(members: Call) -> Call:
    """The one object of a set."""
    return Call("unique", (members,))


def _things(slots: Slots) -> Call:
    return slots.all(slots.plain("thing"))


def _placed(slots: Slots, *, without: tuple[str, ...] = ()) -> Call:
    anchor = slots.all(slots.plain("anchor"))
    return slots.placed(slots.plain("thing", without=without), anchor)


def _alike(slots: Slots, attribute: Attribute, *, without: tuple[str, ...] = ()) -> Call:
    anchor = slots.all(slots.plain("anchor", without=(attribute.name,)))
    plain = slots.plain("thing", without=(attribute.name, *without))
    return plain.within(Call("same", (one(anchor),), attribute.name), slots.write.order)


def _between(slots: Slots, *, without: tuple[str, ...] = ()) -> Call:
    anchor, second = (slots.all(slots.plain(slot)) for slot in ("anchor", "second"))
    first = Call("relate", (one(anchor),), None, (slots.relation("side").name,))
    other = Call("relate", (one(second),), None, (slots.relation("other_side").name,))
    return slots.plain("thing", without=without).within(Call("intersect", (other, first)), slots.write.order)


def _after_two(slots: Slots, *, without: tuple[str, ...] = ()) -> Call:
    anchor = slots.all(slots.plain("anchor"))
    second = slots.placed(slots.plain("second"), anchor)
    return slots.placed(slots.plain("thing", without=without), second, "other_side")


def _query(slots: Slots, members: Callable[..., Call]) -> Call:
    attribute = slots.attribute("attribute")
    return Call("query", (one(members(slots, without=(attribute.name,))),), attribute.name)


def _value_of(slots: Slots, *, without: tuple[str, ...]) -> Call:
    return slots.all(slots.plain("thing", without=without))


def _value_of_placed(slots: Slots) -> Call:
    attribute = slots.write.attribute()
    slots.words["attribute"] = slots.write.random.choice(attribute.words)
    return Call("query", (one(_placed(slots, without=(attribute.name,))),), attribute.name)


def _value_of_alike(slots: Slots) -> Call:
    attribute = slots.attribute("attribute")
    other = slots.attribute("other_attribute", without=(attribute.name,))
    return Call("query", (one(_alike(slots, attribute, without=(other.name,))),), other.name)


def _same_value(slots: Slots) -> Call:
    attribute = slots.attribute("attribute")
    things = [slots.all(slots.plain(slot, without=(attribute.name,))) for slot in ("thing", "second")]
    return Call("equal", tuple(Call("query", (one(found),), attribute.name) for found in things), attribute.name)


def _compare_counts(slots: Slots) -> Call:
    things = [slots.all(slots.plain(slot)) for slot in ("thing", "second")]
    return Call(slots.settled, tuple(Call("count", (found,)) for found in things))


def _count_either(slots: Slots) -> Call:
    things = tuple(slots.all(slots.plain(slot)) for slot in ("thing", "second"))
    return Call("count", (Call("union", things),))


_KINDS: Mapping[str, Callable[[Slots], Call]] = {
    "count_things": lambda slots: Call("count", (_things(slots),)),
    "exist_thing": lambda slots: Call("exist", (_things(slots),)),
    "value_of": lambda slots: _query(slots, _value_of),
    "count_placed": lambda slots: Call("count", (_placed(slots),)),
    "exist_placed": lambda slots: Call("exist", (_placed(slots),)),
    "value_of_placed": _value_of_placed,
    "count_alike": lambda slots: Call("count", (_alike(slots, slots.attribute("attribute")),)),
    "exist_alike": lambda slots: Call("exist", (_alike(slots, slots.attribute("attribute")),)),
    "value_of_alike": _value_of_alike,
    "same_value": _same_value,
    "compare_counts": _compare_counts,
    "count_either": _count_either,
    "count_between": lambda slots: Call("count", (_between(slots),)),
    "value_of_between": lambda slots: _query(slots, _between),
    "count_after_two": lambda slots: Call("count", (_after_two(slots),)),
    "value_of_after_two": lambda slots: _query(slots, _after_two),
    "exist_after_two": lambda slots: Call("exist", (_after_two(slots),)),
}


def paraphrased(random: Random, domain: Domain, kind: str, settled: str, wording: str) -> tuple[str, Question]:
    """Fill a wording; gives the text, and what it means.

    Args:
        random: Where the choices come from.
        domain: Whose words are put in.
        kind: The table that the wording stands in.
        settled: Its key there.
        wording: With slots in braces.
    """
    slots = Slots(Writer(random, domain), settled)
    program = _KINDS[kind](slots).program()
    text = wording.format(**slots.words)
    return text, Question(text, program)
