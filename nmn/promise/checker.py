"""Checker: does what a certificate says follow from what it takes as known? It imports no executor and no interpreter.

A certificate says: whichever of the values listed for it every facet has, the program's answer is this one. The checker goes
through the program node by node, in its own words: a set of objects is two bit masks (surely in, maybe in), anything else a
mask of what it may be. It takes nothing but the facets at their word. docs/promise.md has the format.
"""

from collections.abc import Callable, Mapping
from functools import reduce
from operator import and_, or_
from typing import Any

from nmn.errors import CertificateError

Set = tuple[int, int]
Operation = tuple[str, str, Callable[..., Any]]
"""What it reads (Object, Set, Number, Bool, Value, Choice, Attribute name; a constant, an attribute in brackets), its own kind,
with ? if it takes something for granted, and its rule."""


def check(record: Any, operations: Mapping[str, Operation]) -> None:
    """Raises: CertificateError, or what a malformed record leads to, unless the answer follows from what is known."""
    known, proof = record["known"], record["proof"]
    if any(reduce(or_, table.values()) != (1 << known["objects"]) - 1 for table in known["facets"].values()):
        raise CertificateError("something is known to have no value at all, or there is more of it than objects")
    if "values" in proof:
        return _check_case(record["program"], known, proof["values"], record["answer"], operations)
    name, subject = proof["split"]
    left = {word for word, mask in known["facets"][name].items() if mask >> subject & 1}
    inverse = known["inverses"].get(name.rpartition(" ")[0])  # the same fact, the other way round
    for options, part in proof["parts"]:
        facets, left = dict(known["facets"]), left - {*options}
        for each, index in ((name, subject), (f"{inverse} {subject}", name.rpartition(" ")[2] if inverse else 0)):
            if each in facets:
                cleared = 1 << int(index)
                facets[each] = {word: m if word in options else m & ~cleared for word, m in facets[each].items()}
        check(record | {"known": known | {"facets": facets}, "proof": part}, operations)
    if left or subject >= known["objects"]:
        raise CertificateError(f"the proof leaves out that {name} of object {subject} may be {', '.join(sorted(left))}")
    return None


def _check_case(program: Any, known: Any, recorded: Any, answer: Any, operations: Mapping[str, Operation]) -> None:
    """Whether every node has the recorded value, and the last one gives the answer."""
    if {source for node in program for source in node["inputs"]} != {*range(len(program) - 1)}:
        raise CertificateError("a node of the program is read by no other, or there is no such node")
    values: list[Any] = []
    kinds, granted, found = [""] * len(program), True, 0
    for number, (node, claimed) in enumerate(zip(program, recorded, strict=False)):
        takes, gives, rule = operations[node["operation"]]
        wanted = [kind.replace("V", f"V{node['attribute']}") for kind in takes if kind.isupper()]
        if wanted != [kinds[source] for source in node["inputs"] if source >= 0] or len(wanted) != len(node["inputs"]):
            raise CertificateError(f"node {number} ({node['operation']}) cannot read what it reads")
        if takes.count("c") != len(node["constants"]) or ("a" in takes) != (node["attribute"] is not None):
            raise CertificateError(f"node {number} ({node['operation']}) has other constants than it reads")
        found = rule(known, node, *[values[source] for source in node["inputs"]])
        if gives[1:]:
            granted, found = granted and not found[1], found[0]
        if claimed != (list(found) if gives == "S" else found):
            raise CertificateError(f"node {number} ({node['operation']}) gives {found}, not {claimed}")
        values.append(found)
        kinds[number] = gives[0].replace("V", f"V{node['attribute']}")
    sure = found == 0 and answer is None
    if granted and len(values) == len(program) and kinds[-1][0] in "NBVCA":
        sure = found.bit_count() == 1 and answer == _word(known, node, kinds[-1], found.bit_length() - 1)
    if not sure or len(values) != len(recorded):
        raise CertificateError(f"the program does not surely answer {answer!r}")


def _word(known: Any, node: Any, kind: str, bit: int) -> Any:
    """What a value of the last node is called as an answer."""
    if kind == "C":
        return [each["value"] if isinstance(each, dict) else known["said"][each] for each in node["constants"]][bit]
    if kind[0] == "V":
        return [*known["facets"][f"attribute {node['attribute']}"]][bit]
    return {"N": str(bit), "B": ("no", "yes")[bit & 1]}.get(kind) or known["compared"][bit]


def bits(mask: int) -> list[int]:
    """The objects of a mask."""
    return [index for index in range(mask.bit_length()) if mask >> index & 1]


def carriers(known: Any, name: str) -> dict[str, Set]:
    """By value, the objects that have no other, and those that may have it."""
    seen = several = 0
    for mask in known["facets"][name].values():
        seen, several = seen | mask, several | seen & mask
    return {word: (mask & ~several, mask) for word, mask in known["facets"][name].items()}


def fits(known: Any, concept: Any) -> Set:
    """The objects that carry a concept."""
    return carriers(known, f"attribute {concept['attribute']}")[concept["value"]]


def rows(known: Any, node: Any, place: int = 0) -> Callable[[int], Set]:
    """For an anchor, what else stands in a relation to it."""
    name = f"relation {node['constants'][place]}"
    return lambda anchor: _meet(carriers(known, f"{name} {anchor}")["yes"], (~(1 << anchor),) * 2)


def worn(known: Any, node: Any) -> list[Set]:
    """By value of an attribute, the objects that carry it."""
    return [*carriers(known, f"attribute {node['attribute']}").values()]


def _alike(known: Any, node: Any, anchor: int) -> Set:
    """What else has the same value of an attribute as an anchor."""
    own = [pair for pair in worn(known, node) if pair[1] >> anchor & 1]
    return _meet((own[0][0] * (len(own) == 1), reduce(or_, [may for _, may in own])), (~(1 << anchor),) * 2)


def across(known: Any, anchors: int, row: Callable[[int], Set]) -> Set:
    """What is there and stands in a relation to the one of some anchors, whichever it is."""
    musts, mays = zip(*[row(anchor) for anchor in bits(anchors)], strict=True)
    return _meet((reduce(and_, musts), reduce(or_, mays)), carriers(known, "presence")["yes"])


def _meet(first: Set, second: Set) -> Set:
    return first[0] & second[0], first[1] & second[1]


def one(must: int, may: int) -> tuple[int, bool]:
    """The one object of a set, and whether there may be none or several."""
    return (0, True) if must.bit_count() > 1 else (must or may, must != may or may == 0)


def claim(must: bool, may: bool) -> int:
    """What is so in every case, what in some."""
    return 2 * may | (not must)


OPERATIONS: dict[str, Operation] = {
    "scene": ("", "S", lambda k, n: carriers(k, "presence")["yes"]),
    "filter": ("Sc", "S", lambda k, n, s: _meet(s, fits(k, n["constants"][0]))),
    "intersect": ("SS", "S", lambda k, n, a, b: _meet(a, b)),
    "union": ("SS", "S", lambda k, n, a, b: (a[0] | b[0], a[1] | b[1])),
    "relate": ("Oc", "S", lambda k, n, a: across(k, a, rows(k, n))),
    "same": ("Oa", "S", lambda k, n, a: across(k, a, lambda anchor: _alike(k, n, anchor))),
    "unique": ("S", "O?", lambda k, n, s: one(*s)),
    "count": ("S", "N", lambda k, n, s: (2 << s[1].bit_count()) - (1 << s[0].bit_count())),
    "exist": ("S", "B", lambda k, n, s: claim(s[0] != 0, s[1] != 0)),
    "query": ("Oa", "V", lambda k, n, a: sum((a & may != 0) << place for place, (_, may) in enumerate(worn(k, n)))),
    "equal": ("VVa", "B", lambda k, n, a, b: claim(a == b and a & (a - 1) == 0, a & b != 0)),
    "equal_integer": ("NN", "B", lambda k, n, a, b: claim(a == b and a & (a - 1) == 0, a & b != 0)),
    "less_than": ("NN", "B", lambda k, n, a, b: claim(a < b & -b, 2 * (a & -a) <= b)),
    "greater_than": ("NN", "B", lambda k, n, a, b: claim(b < a & -a, 2 * (b & -b) <= a)),
}
