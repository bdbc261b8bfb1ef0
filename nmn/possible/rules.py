"""Rules: every operation of the language on sets of what is possible.

A rule takes the scene, the values of the nodes that its operation reads, then its constants, as the exact rule of the
operation's module does. A set of objects is a pair of masks; any other value is a mask of what it may be: objects, numbers,
concepts, attributes, the first and second choice, no and yes. A rule of an operation that takes something for granted gives
its value where that holds, and whether it may fail; where it surely fails there is no value left, which ends the run:
no rule reads an empty mask. Each gives the least
set that holds what every completion gives, its inputs taken for independent.

They stand in one table, apart from the modules, because the checker of certificates restates every one of them on its
own (:mod:`nmn.promise.checker`), and the two are read side by side.
"""

from collections.abc import Callable, Mapping
from typing import Any

from nmn.possible.scene import NO_BIT, YES_BIT, PossibleScene, Set, bits

Granted = tuple[int, bool]
"""A value where what is taken for granted holds, and whether that may fail."""

Rule = Callable[..., Any]

NOT = (0, YES_BIT, NO_BIT, NO_BIT | YES_BIT)


def _everything(scene: PossibleScene) -> Set:
    return scene.there


def _fitting(scene: PossibleScene, members: Set, concept: int) -> Set:
    return members[0] & scene.must[concept], members[1] & scene.may[concept]


def _fitting_not(scene: PossibleScene, members: Set, concept: int) -> Set:
    return members[0] & ~scene.may[concept], members[1] & ~scene.must[concept]


def _selected(scene: PossibleScene, concept: int) -> Set:
    return scene.there[0] & scene.must[concept], scene.there[1] & scene.may[concept]


def _intersection(scene: PossibleScene, first: Set, second: Set) -> Set:
    return first[0] & second[0], first[1] & second[1]


def _union(scene: PossibleScene, first: Set, second: Set) -> Set:
    return first[0] | second[0], first[1] | second[1]


def _related(scene: PossibleScene, anchors: int, relation: int) -> Set:
    must, may = scene.there[0], 0
    for anchor in bits(anchors):
        must &= scene.related_must[relation][anchor]
        may |= scene.related_may[relation][anchor]
    return must, may & scene.there[1]


def _related_inverse(scene: PossibleScene, anchors: int, relation: int) -> Set:
    must = may = 0
    for other in bits(scene.there[1]):
        may |= (scene.related_may[relation][other] & anchors != 0) << other
        must |= (anchors & ~scene.related_must[relation][other] == 0) << other
    return must & scene.there[0], may


def _same(scene: PossibleScene, anchors: int, attribute: int) -> Set:
    must, may = scene.there[0], 0
    for anchor in bits(anchors):
        others, surely = ~(1 << anchor), 0
        options = scene.values[attribute][anchor]
        if options & (options - 1) == 0:
            surely = scene.must[options.bit_length() - 1]
        must &= surely & others
        for concept in bits(options):
            may |= scene.may[concept] & others
    return must, may & scene.there[1]


def _unique(scene: PossibleScene, members: Set) -> Granted:
    return one_of(*members)


def one_of(must: int, may: int) -> Granted:
    """The one thing of a set, and whether there may be none or several."""
    if must & (must - 1):
        return 0, True
    return must or may, must != may or not may


def _count(scene: PossibleScene, members: Set) -> int:
    return (2 << members[1].bit_count()) - (1 << members[0].bit_count())


def _exist(scene: PossibleScene, members: Set) -> int:
    return YES_BIT * (members[1] != 0) | NO_BIT * (members[0] == 0)


def _query(scene: PossibleScene, subjects: int, attribute: int) -> int:
    found = 0
    for subject in bits(subjects):
        found |= scene.values[attribute][subject]
    return found


def _verify(scene: PossibleScene, subjects: int, concept: int) -> int:
    return YES_BIT * (subjects & scene.may[concept] != 0) | NO_BIT * (subjects & ~scene.must[concept] != 0)


def _verify_related(scene: PossibleScene, anchors: int, others: Set, relation: int) -> int:
    found = 0
    for anchor in bits(anchors):
        found |= YES_BIT * (others[1] & scene.related_may[relation][anchor] != 0)
        found |= NO_BIT * (others[0] & scene.related_must[relation][anchor] == 0)
    return found


def _verify_related_inverse(scene: PossibleScene, anchors: int, others: Set, relation: int) -> int:
    found = 0
    for anchor in bits(anchors):
        rest = ~(1 << anchor)
        found |= YES_BIT * any(scene.related_may[relation][each] >> anchor & 1 for each in bits(others[1] & rest))
        found |= NO_BIT * (not any(scene.related_must[relation][each] >> anchor & 1 for each in bits(others[0] & rest)))
    return found


def _choose(scene: PossibleScene, subjects: int, first: int, second: int) -> Granted:
    must, may, others, also = scene.must[first], scene.may[first], scene.must[second], scene.may[second]
    found = (subjects & may & ~others != 0) * 1 | (subjects & also & ~must != 0) * 2
    doubtful = subjects & ~((must & ~also) | (others & ~may))
    # An object that has no values besides the two carries one of them, whichever it is.
    two = 1 << first | 1 << second
    fails = any(all(row[subject] != two for row in scene.values) for subject in bits(doubtful))
    return (found, fails) if first != second else (0, True)


def _choose_related(scene: PossibleScene, subjects: int, anchors: int, first: int, second: int) -> Granted:
    found, fails = 0, False
    for anchor in bits(anchors):
        one = scene.related_must[first][anchor], scene.related_may[first][anchor]
        other = scene.related_must[second][anchor], scene.related_may[second][anchor]
        found |= (subjects & one[1] & ~other[0] != 0) * 1 | (subjects & other[1] & ~one[0] != 0) * 2
        fails = fails or subjects & ~((one[0] & ~other[1]) | (other[0] & ~one[1])) != 0
    return found, fails


def _compare(scene: PossibleScene, firsts: int, seconds: int, concept: int) -> Granted:
    must, may = scene.must[concept], scene.may[concept]
    found, fails = 0, False
    for first in bits(firsts):
        for second in bits(seconds):
            one, other = 1 << first, 1 << second
            if one == other:
                fails = True
                continue
            found |= one * (may & one != 0 and must & other == 0) | other * (may & other != 0 and must & one == 0)
            certain = (must & one and not may & other) or (must & other and not may & one)
            fails = fails or not certain
    return found, fails


def _in_common(scene: PossibleScene, firsts: int, seconds: int, comparable: tuple[int, ...]) -> Granted:
    found, fails = 0, False
    for first in bits(firsts):
        for second in bits(seconds):
            must = may = 0
            for attribute in comparable if first != second else ():
                one, other = scene.values[attribute][first], scene.values[attribute][second]
                may |= (one & other != 0) << attribute
                must |= (one == other and one & (one - 1) == 0) << attribute
            shared, failing = one_of(must, may)
            found |= shared
            fails = fails or failing
    return found, fails


def _equal(scene: PossibleScene, first: int, second: int, *_: int) -> int:
    return YES_BIT * (first & second != 0) | NO_BIT * (first != second or first & (first - 1) != 0)


def _less_than(scene: PossibleScene, first: int, second: int) -> int:
    lowest, highest = (first & -first).bit_length(), first.bit_length()
    return YES_BIT * (lowest < second.bit_length()) | NO_BIT * (highest >= (second & -second).bit_length())


def _greater_than(scene: PossibleScene, first: int, second: int) -> int:
    return _less_than(scene, second, first)


def _both(scene: PossibleScene, first: int, second: int) -> int:
    return NOT[_either(scene, NOT[first], NOT[second])]


def _either(scene: PossibleScene, first: int, second: int) -> int:
    return ((first | second) & YES_BIT) | (first & second & NO_BIT)


def _negation(scene: PossibleScene, claim: int) -> int:
    return NOT[claim]


def _all_same(scene: PossibleScene, members: Set, attribute: int) -> int:
    must, may = members
    shared, options = -1, 0
    for each in bits(may):
        options |= scene.values[attribute][each]
        if must >> each & 1:
            shared &= scene.values[attribute][each]
    differ = may & (may - 1) and options & (options - 1)
    return YES_BIT * (shared != 0) | NO_BIT * (differ != 0)


def _all_different(scene: PossibleScene, members: Set, attribute: int) -> int:
    return NOT[_all_same(scene, members, attribute)]


RULES: Mapping[str, Rule] = {
    "scene": _everything,
    "filter": _fitting,
    "filter_not": _fitting_not,
    "select": _selected,
    "intersect": _intersection,
    "union": _union,
    "relate": _related,
    "relate_inverse": _related_inverse,
    "same": _same,
    "unique": _unique,
    "count": _count,
    "exist": _exist,
    "query": _query,
    "verify": _verify,
    "verify_rel": _verify_related,
    "verify_rel_inverse": _verify_related_inverse,
    "choose": _choose,
    "choose_rel": _choose_related,
    "compare": _compare,
    "common": _in_common,
    "equal": _equal,
    "equal_object": _equal,
    "equal_integer": _equal,
    "less_than": _less_than,
    "greater_than": _greater_than,
    "and": _both,
    "or": _either,
    "not": _negation,
    "all_same": _all_same,
    "all_different": _all_different,
}
