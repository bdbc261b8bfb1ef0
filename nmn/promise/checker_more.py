"""The checker's words for the operations that CLEVR's own language lacks: those of GQA, and those in any program's reach."""

from collections.abc import Callable
from functools import reduce
from itertools import product
from operator import or_
from typing import Any

from nmn.promise.checker import OPERATIONS, Operation, Set, across, bits, carriers, claim, fits, one, rows, worn

Told = tuple[int, bool]
"""What something may be where what is taken for granted holds, and whether that may fail."""


def _turned(known: Any, node: Any) -> Callable[[int], Set]:
    """For an object, what it stands in a relation to."""
    others = range(known["objects"])
    table = [rows(known, node)(other) for other in others]

    def column(index: int) -> Set:
        must, may = (sum((row[part] >> index & 1) << other for other, row in enumerate(table)) for part in (0, 1))
        return must, may

    return column


def _verify(known: Any, node: Any, subjects: int) -> int:
    must, may = fits(known, node["constants"][0])
    return claim(subjects & ~must == 0, subjects & may != 0)


def _negated(known: Any, node: Any, told: int) -> int:
    return (told & 1) << 1 | told >> 1


def _any_related(anchors: int, others: Set, row: Callable[[int], Set]) -> int:
    chosen = [row(anchor) for anchor in bits(anchors)]
    return claim(all(others[0] & must for must, _ in chosen), any(others[1] & may for _, may in chosen))


def _whichever(rule: Callable[[int, int], Told], first: int, second: int) -> Told:
    """What holds of a pair, whichever pair it is."""
    told = [rule(*pair) for pair in product(bits(first), bits(second))]
    return reduce(or_, (value for value, _ in told)), any(fails for _, fails in told)


def _either(subjects: int, first: Set, second: Set, surely: int = 0) -> Told:
    found = (subjects & first[1] & ~second[0] != 0) | (subjects & second[1] & ~first[0] != 0) << 1
    return found, subjects & ~(first[0] & ~second[1] | second[0] & ~first[1] | surely) != 0


def _choose(known: Any, node: Any, subjects: int) -> Told:
    first, second = node["constants"]
    if first == second:
        return 0, True
    neither = -1  # what may have a value besides these two
    if first["attribute"] == second["attribute"]:
        carried = carriers(known, f"attribute {first['attribute']}").items()
        neither = reduce(or_, [may for word, (_, may) in carried if word not in (first["value"], second["value"])], 0)
    return _either(subjects, fits(known, first), fits(known, second), ~neither)


def _choose_related(known: Any, node: Any, subjects: int, anchors: int) -> Told:
    tables = rows(known, node), rows(known, node, 1)
    return _whichever(lambda a, _: _either(subjects, tables[0](a), tables[1](a)), anchors, 1)


def _compare(known: Any, node: Any, firsts: int, seconds: int) -> Told:
    must, may = fits(known, node["constants"][0])

    def told(first: int, second: int) -> Told:
        if first == second:
            return 0, True
        this, that = ((must >> each & 1, may >> each & 1) for each in (first, second))
        which, fails = _either(1, this, that)
        return (which & 1) << first | which >> 1 << second, fails

    return _whichever(told, firsts, seconds)


def _common(known: Any, node: Any, firsts: int, seconds: int) -> Told:
    tables = [[*carriers(known, f"attribute {name}").values()] for name in known["compared"]]

    def told(first: int, second: int) -> Told:
        pair = 1 << first | 1 << second
        shared = (sum(any(c[part] & pair == pair for c in t) << i for i, t in enumerate(tables)) for part in (0, 1))
        return one(*shared) if first != second else (0, True)

    return _whichever(told, firsts, seconds)


def _all_same(known: Any, node: Any, members: Set) -> int:
    mays = [may for _, may in worn(known, node)]
    several = members[1].bit_count() > 1 and sum(may & members[1] != 0 for may in mays) > 1
    return claim(not several, any(members[0] & ~may == 0 for may in mays))


def _without(members: Set, carrying: Set) -> Set:
    return members[0] & ~carrying[1], members[1] & ~carrying[0]


ALL_OPERATIONS: dict[str, Operation] = OPERATIONS | {
    "select": ("c", "S", lambda k, n: OPERATIONS["filter"][2](k, n, carriers(k, "presence")["yes"])),
    "filter_not": ("Sc", "S", lambda k, n, s: _without(s, fits(k, n["constants"][0]))),
    "relate_inverse": ("Oc", "S", lambda k, n, a: across(k, a, _turned(k, n))),
    "verify": ("Oc", "B", _verify),
    "verify_rel": ("OSc", "B", lambda k, n, a, s: _any_related(a, s, rows(k, n))),
    "verify_rel_inverse": ("OSc", "B", lambda k, n, a, s: _any_related(a, s, _turned(k, n))),
    "and": ("BB", "B", lambda k, n, a, b: (a | b) & 1 | a & b & 2),
    "or": ("BB", "B", lambda k, n, a, b: (a | b) & 2 | a & b & 1),
    "not": ("B", "B", _negated),
    "equal_object": ("OO", "B", OPERATIONS["equal"][2]),
    "choose": ("Occ", "C?", _choose),
    "choose_rel": ("OOcc", "C?", _choose_related),
    "compare": ("OOc", "O?", _compare),
    "common": ("OO", "A?", _common),
    "all_same": ("Sa", "B", _all_same),
    "all_different": ("Sa", "B", lambda k, n, s: _negated(k, n, _all_same(k, n, s))),
}
