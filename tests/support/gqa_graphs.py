"""The smallest scene graph that a question record of GQA implies: an inverse of answering it.

A record's arguments name objects by their ids, its calls say what holds of them, and its answer says the rest. Nothing else
is put into the graph: what is said not to hold is left out, and an object that the record calls ``(-)`` is not there. The
calls are read as the file has them, not as :mod:`nmn.parser.gqa` imports them, so that the two can be held against each other.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nmn.domain import Domain

WHOLE = "whole"  # stands for the image itself, which has no id
ABSENCE = "the answer contradicts that an object is there, or is not"
SIDE = 300  # pixels, the width and the height of the image
_MENTION = re.compile(r"^(.*?)\s*(?:\(([\d,\s-]*)\))?\s*$", re.DOTALL)


class Unsaid(Exception):
    """The record does not say what a scene graph would need; the message is the reason."""


@dataclass
class SmallestGraph:
    """Builds the graph of one record; :func:`smallest_graph` is the way in."""

    domain: Domain
    calls: Sequence[Mapping[str, Any]]
    answer: str
    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    attributes: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    places: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    relations: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def build(self) -> None:
        """Put in all that the last call and the answer imply."""
        last = len(self.calls) - 1
        verb, _, category = self.calls[last]["operation"].partition(" ")
        if self.answer in ("yes", "no"):
            self.claim(last, self.answer == "yes")
        elif (verb, category) == ("choose", "rel"):
            self.choose_relation(last)
        elif verb in ("query", "choose") and len(self.calls[last]["dependencies"]) == 1:
            category = self.words(last)[0] if verb == "query" else category
            found = self.one(self.source(last))
            self.carry(found, category, self.answer)
            if verb == "query":
                self.only_answer(found, category)
        elif verb == "choose":
            self.compare(category, last)
        elif verb == "common":
            self.values(self.pair(last), self.answer, alike=True)
        else:
            raise Unsaid(f"the answer of {verb} would need more than the record says")

    def words(self, index: int) -> tuple[str, list[str] | None]:
        """A call's argument without its ids, and these: none of them for ``(-)``, None where it has no parentheses."""
        found = _MENTION.match(self.calls[index]["argument"].strip())
        assert found is not None
        ids = None if found[2] is None else [each.strip() for each in found[2].split(",") if each.strip(" -")]
        return found[1].strip(), ids

    def source(self, index: int) -> int:
        return int(self.calls[index]["dependencies"][0])

    def one(self, index: int) -> str:
        found = self.members(index)
        if len(found) != 1:
            raise Unsaid(f"one object is asked about, and the record names {'none' if not found else 'several'}")
        return found[0]

    def members(self, index: int, there: bool = True) -> list[str]:
        """The objects that a call gives, made so that it does; made so that it gives none where they are not ``there``."""
        verb, _, category = self.calls[index]["operation"].partition(" ")
        argument, ids = self.words(index)
        if verb == "select":
            return self.selected(argument, ids)
        if verb == "filter":
            negated = re.fullmatch(r"not\((.*)\)", argument)
            found = self.members(self.source(index))
            for each in found if there is not bool(negated) else ():
                self.carry(each, category, negated[1] if negated else argument)
            return found if there else []
        if verb == "relate":
            name, relation, direction = (part.strip() for part in argument.split(","))
            found = self.called(name, ids)
            anchor = self.one(self.source(index))
            for each in found if there else ():
                if relation.startswith("same "):
                    self.values([anchor, each], relation.removeprefix("same "), alike=True)
                else:
                    self.relate(each, relation, anchor, direction)
            return found if there else []
        raise Unsaid(f"what {verb} gives is not in the record")

    def selected(self, name: str, ids: list[str] | None) -> list[str]:
        if ids is None and name == "scene":
            return [WHOLE]
        return self.called(name, ids)

    def called(self, name: str, ids: list[str] | None) -> list[str]:
        if ids is None:
            raise Unsaid("the record names no objects")
        for each in ids:
            if name != "_":
                self.names[each].append(name)
            else:
                self.names[each] += []
        return ids

    def relate(self, found: str, relation: str, anchor: str, direction: str) -> None:
        subject, other = (found, anchor) if direction == "s" else (anchor, found)
        if WHOLE in (subject, other):
            raise Unsaid("a scene graph relates objects, not the image")
        if subject == other:
            raise Unsaid("an object is related to itself")
        self.relations[subject].append((relation, other))

    def values(self, found: Sequence[str], category: str, *, alike: bool) -> None:
        """Give objects one value of an attribute, or the last another than the others; which, the record leaves open."""
        if category in ("name", "type"):
            if not alike:
                raise Unsaid("which kinds the objects are is not in the record")
            return  # they are of the kind by which they were found
        first, second = self.domain.attribute(category).values[:2]
        for each in found:
            self.carry(each, category, first if alike or each != found[-1] else second)

    def pair(self, index: int) -> list[str]:
        return [self.one(int(each)) for each in self.calls[index]["dependencies"]]

    def compare(self, comparative: str, index: int) -> None:
        """Give the one of two objects that the answer names more of what they are compared by."""
        found = self.pair(index)
        meant = [each for each in found if self.answer in self.names[each]]
        if len(meant) != 1:
            raise Unsaid("the answer names none of the two that are compared, or both")
        self.carry(meant[0], *dict(self.domain.comparatives)[comparative])

    def carry(self, found: str, category: str, value: str) -> None:
        if category in ("name", "type"):
            self.names[found].append(value)
        elif category in ("hposition", "vposition"):
            self.places[found][category] = value
        else:
            self.attributes[found].append(value)

    def only_answer(self, found: str, category: str) -> None:
        """See that the answer is a value of the attribute that is asked for, and that no other is said to be."""
        attribute = self.domain.attribute(category.lower())
        if self.answer not in attribute.values:
            raise Unsaid("the answer is no value of the attribute that is asked for")
        if category != "name" and {*self.attributes[found]} & {*attribute.values} - {self.answer}:
            raise Unsaid("the record names another value of the attribute that is asked for, too")

    def claim(self, index: int, holds: bool) -> None:
        """Make a call answer yes or no."""
        verb, _, category = self.calls[index]["operation"].partition(" ")
        if verb in ("and", "or"):
            self.joined(verb, [int(each) for each in self.calls[index]["dependencies"]], holds)
        elif verb == "exist":
            if bool(self.members(self.source(index), holds)) is not holds:
                raise Unsaid(ABSENCE)
        elif (verb, category) == ("verify", "rel"):
            argument, ids = self.words(index)
            name, relation, direction = (part.strip() for part in argument.split(","))
            anchor = self.one(self.source(index))
            others = self.called(name, ids)
            if holds and not others:
                raise Unsaid(ABSENCE)
            for each in others if holds else ():
                self.relate(each, relation, anchor, direction)
        elif verb == "verify":
            found = self.one(self.source(index))
            if holds:
                self.carry(found, category, self.words(index)[0])
        elif verb in ("same", "different"):
            found = self.pair(index) if category else self.members(self.source(index))
            self.values(found, category or self.words(index)[0], alike=holds is (verb == "same"))
        else:
            raise Unsaid(f"what {verb} would need is not in the record")

    def joined(self, verb: str, parts: list[int], holds: bool) -> None:
        if holds is (verb == "and"):
            for each in parts:
                self.claim(each, holds)
            return
        # Of two claims of which one decides, an existence tells by its ids; an attribute does not.
        known = [self.told(each) for each in parts]
        if verb == "or" and True not in known:
            if known.count(None) != 1:
                raise Unsaid("which of two claims holds is not in the record")
            known[known.index(None)] = True
        for each, told in zip(parts, known, strict=True):
            self.claim(each, bool(told))

    def told(self, index: int) -> bool | None:
        """Whether a claim holds, as far as the ids of its objects tell."""
        if self.calls[index]["operation"] != "exist":
            return None
        source, filtered = self.source(index), False
        while self.calls[source]["operation"].startswith("filter"):
            source, filtered = self.source(source), True
        ids = self.words(source)[1]
        return None if ids is None or (ids and filtered) else bool(ids)

    def choose_relation(self, index: int) -> None:
        argument, ids = self.words(index)
        name, options, direction = (part.strip() for part in argument.split(","))
        meant = [each for each in options.split("|") if each == self.answer or self.answer in each.split()]
        if len(meant) != 1:
            raise Unsaid("the answer is none of the relations to choose from, or both")
        anchor = self.one(self.source(index))
        for each in self.called(name, ids):
            self.relate(each, meant[0], anchor, direction)

    def record(self) -> dict[str, Any]:
        """The scene graph as GQA's files hold it; boxes lie in the middle, or where the record puts the object."""
        whole = list(dict.fromkeys(self.attributes.pop(WHOLE, ())))
        known = {*self.names, *self.attributes, *self.places, *self.relations}
        objects = {}
        for each in [*self.names, *sorted(known - {*self.names, WHOLE})]:
            x, y = (self.corner(each, axis) for axis in ("hposition", "vposition"))
            relations = [{"name": name, "object": other} for name, other in dict.fromkeys(self.relations.get(each, ()))]
            attributes = list(dict.fromkeys(self.attributes.get(each, ())))
            box = {"x": x, "y": y, "w": SIDE // 3, "h": SIDE // 3}
            objects[each] = {"name": self.name(each), **box, "attributes": attributes, "relations": relations}
        graph: dict[str, Any] = {"width": SIDE, "height": SIDE, "objects": objects}
        if len(whole) > 2:
            raise Unsaid("a scene graph says no more than two things of the image")
        self.told_apart(objects)
        return graph | dict(zip(("location", "weather"), whole, strict=False))

    def told_apart(self, objects: Mapping[str, Any]) -> None:
        """See that the words of every call fit the objects that its ids name, and no others."""
        described: list[set[str]] = []
        for index, call in enumerate(self.calls):
            argument, ids = self.words(index)
            sources = [described[int(each)] for each in call["dependencies"]]
            described.append(self.described(call["operation"], argument, sources, objects))
            if not call["operation"].startswith(("select", "relate", "verify rel", "choose rel")):
                continue
            filtered = any(
                each["operation"].startswith("filter") and index in each["dependencies"] for each in self.calls
            )
            if ids and not filtered and described[-1] - {*ids}:
                raise Unsaid("the words of a call fit another object that the record names, too")

    def described(self, operation: str, argument: str, sources: list[set[str]], objects: Mapping[str, Any]) -> set[str]:
        """The objects that the words of a call fit; of a claim or a choice, those that it speaks of besides its input."""
        verb, _, category = operation.partition(" ")
        name, relation, direction = [*argument.split(","), "", ""][:3]
        named = {key for key, each in objects.items() if name == "_" or self.is_kind(each["name"], name)}
        if verb in ("select", "choose") and category in ("", "rel"):
            return named
        if verb == "filter":
            wanted = argument.removeprefix("not(").removesuffix(")")
            held = {
                each
                for each in sources[0]
                if wanted in (self.attributes.get(each) or ()) or wanted in self.places.get(each, {}).values()
            }
            return sources[0] - held if argument.startswith("not(") else held
        if verb == "relate" and relation.startswith("same "):
            return named - sources[0]
        if verb == "relate":
            pairs = {(key, each["name"], each["object"]) for key in objects for each in objects[key]["relations"]}
            ends = {
                (one, other) if direction == "s" else (other, one) for one, each, other in pairs if each == relation
            }
            return named & {found for found, anchor in ends if anchor in sources[0]}
        return set()

    def is_kind(self, name: str, wanted: str) -> bool:
        attribute = self.domain.attribute("name")
        proper = next((v for v, w in zip(attribute.values, attribute.value_words, strict=True) if wanted in w), wanted)
        wanted = wanted if wanted in attribute.value_ids else proper
        return name == wanted or name in attribute.included.get(wanted, ())

    def corner(self, found: str, axis: str) -> int:
        values = self.domain.attribute(axis).values
        place = self.places.get(found, {}).get(axis)
        return SIDE // 3 * (1 if place is None else values.index(place))

    def name(self, found: str) -> str:
        """The most special of the names that an object is given."""
        attribute = self.domain.attribute("name")
        proper = {
            word: value for value, words in zip(attribute.values, attribute.value_words, strict=True) for word in words
        }
        given = {each if each in attribute.value_ids else proper.get(each, each) for each in self.names.get(found, ())}
        for each in sorted(given):
            if all(each == other or each in attribute.included.get(other, ()) for other in given):
                return each
        if given:
            raise Unsaid("the names of an object are no kinds of one another")
        return "thing"


def smallest_graph(record: Mapping[str, Any], domain: Domain) -> dict[str, Any]:
    """The scene graph, in the format of GQA's files, of nothing but what a record of a question says.

    Raises: Unsaid when the record leaves open what the graph would need.
    """
    graph = SmallestGraph(domain, record["semantic"], record["answer"])
    graph.build()
    return graph.record()
