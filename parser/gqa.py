"""GQA's semantic programs: an importer; :mod:`nmn.parser.gqa_export` writes them.

A record is a list of calls ``{"operation": "relate", "dependencies": [0], "argument": "person,wearing,s (3168460)"}``, the
last one the answer. Behind the words of an argument stand, in parentheses, the ids of the objects that are meant, or ``-``.
They are no part of a program: :class:`Imported` keeps them beside it.

=====================  ==================================================================================
GQA                    here
=====================  ==================================================================================
select: n              ``select(name=n)``
filter C: v            ``filter(x, C=v)``, and ``filter_not`` for ``not(v)``
relate: n,r,s          ``filter(relate(x, r), name=n)``; ``relate_inverse`` for direction ``o``; no filter for ``_``
relate: n,same C,_     ``filter(same[C](x), name=n)``
verify rel: n,r,s      ``verify_rel(x, select(name=n), r)``; ``verify_rel_inverse`` for ``o``
choose C: v|w          ``choose(x, C=v, C=w)``
choose rel: n,r|q,s    ``choose_rel(the n, x, r, q)``; the two objects change places for ``o``
choose larger          ``query[name](compare(x, y, concept))`` with the domain's concept for it; likewise the other ten
query: C, verify C: v  ``query[C](x)``, ``verify(x, C=v)``
exist, and, or         themselves
common                 ``common(x, y)``
same: C, different: C  ``all_same[C](x)``, ``all_different[C](x)``
same C, different C    ``equal[C](query[C](x), query[C](y))``, and ``not`` of it
=====================  ==================================================================================

Where one object is needed, it is the ``unique`` one of a set. Where a call names no category, as in ``filter: ripe``, the
attribute is the last of the domain's that has the value.

Source: GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), and the operations that occur in its files.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nmn.domain import Attribute, Domain
from nmn.errors import DomainError, ProgramError, ProgramTypeError, nearest
from nmn.program import Concept, Constant, Node, Program, post_order, reindexed

NAME, ANY = "name", "_"
_SET, _BOOL, _ANSWER = "a set of objects", "yes or no", "an answer"

CATEGORIES: Mapping[str, frozenset[str]] = {
    operation: frozenset((*names.split(","), ""))
    for operation, names in {
        "filter": "activity,age,brightness,cleanliness,color,company,depth,event,face expression,fatness,flavor,gender,"
        "hardness,height,hposition,length,liquid,material,opaqness,orientation,pattern,pose,race,realism,room,shape,size,"
        "sport,sportActivity,state,texture,thickness,tone,vposition,weather,weight,width",
        "verify": "activity,age,brightness,cleanliness,color,company,depth,face expression,fatness,flavor,gender,hardness,"
        "height,hposition,length,location,material,opaqness,pattern,place,pose,race,realism,room,shape,size,sportActivity,"
        "state,texture,thickness,tone,type,vposition,weather,weight,width",
        "choose": "activity,age,brightness,cleanliness,color,company,depth,face expression,fatness,flavor,gender,hardness,"
        "height,hposition,length,location,material,name,opaqness,pattern,place,pose,race,realism,shape,size,sportActivity,"
        "state,texture,thickness,tone,vposition,weather,weight,width",
    }.items()
}
"""The categories that each operation occurs with, in all of GQA's files; an empty one is none."""

PAIRS = ("same color", "same material", "same shape", "different color", "different shape")
_PLAIN = ("select", "relate", "verify rel", "choose rel", "query", "exist", "and", "or", "same", "different", "common")
_COMPARE = (
    "choose healthier,choose higher,choose larger,choose less healthy,choose longer,choose lower,choose older,"
    "choose shorter,choose smaller,choose taller,choose younger"
)

OPERATIONS: frozenset[str] = frozenset(
    (
        *(f"{operation} {name}".strip() for operation, names in CATEGORIES.items() for name in names),
        *PAIRS,
        *_PLAIN,
        *_COMPARE.split(","),
    )
)
"""The 138 operations that occur in GQA's files."""

_MENTION = re.compile(r"^(.*?)\s*\(([\d,\s-]*)\)$", re.DOTALL)
_NEGATED = re.compile(r"^not\((.*)\)$", re.DOTALL)


@dataclass(frozen=True)
class Imported:
    """A program, and which objects of the annotation its nodes mean.

    Attributes:
        program: The program.
        mentions: Node to what stands in parentheses behind its argument: ids joined by commas, or ``-`` for none.
    """

    program: Program
    mentions: Mapping[int, str] = field(default_factory=dict)


def import_program(record: Any, domain: Domain, *, where: str) -> Imported:
    """Read a semantic program.

    Args:
        record: The list of calls, as it stands in the file under ``semantic``.
        domain: Whose names, attributes and relations may be named.
        where: What the record belongs to, such as ``question 00101448``; it begins every message.

    Raises: ProgramError when the record is malformed or says what the domain has no word for: ``where, call 2 (relate):
        reason: what is wrong``.
    """
    if not isinstance(record, list) or not record:
        raise ProgramError(f"{where}: no program: 'semantic' must be a list of at least one call, not {_shown(record)}")
    return _Importer(domain, where).program(record)


@dataclass(frozen=True)
class _Call:
    label: str
    operation: str
    inputs: tuple[int, ...]
    argument: str
    mention: str | None

    def fail(self, reason: str) -> ProgramError:
        return ProgramError(f"{self.label}: {reason}")


class _Importer:
    def __init__(self, domain: Domain, where: str) -> None:
        self.domain = domain
        self.where = where
        self.nodes: list[Node] = []
        self.mentions: dict[int, str] = {}
        self.ones: dict[int, int] = {}
        self.results: list[tuple[int, str]] = []  # of each call, its node and what it gives

    def program(self, record: Sequence[Any]) -> Imported:
        for index, entry in enumerate(record):
            self.results.append(self.add(self.call(entry, index)))
        order = post_order(self.nodes, self.results[-1][0])
        place = {old: new for new, old in enumerate(order)}
        mentions = {place[old]: mention for old, mention in self.mentions.items() if old in place}
        return Imported(Program(reindexed(self.nodes, order)), mentions)

    def call(self, entry: Any, index: int) -> _Call:
        operation = entry.get("operation") if isinstance(entry, dict) else None
        label = (
            f"{self.where}, call {index} ({operation})" if isinstance(operation, str) else f"{self.where}, call {index}"
        )
        if not isinstance(entry, dict) or not isinstance(operation, str):
            raise ProgramError(f"{label}: malformed call: must be an object with 'operation', not {_shown(entry)}")
        if operation not in OPERATIONS:
            raise ProgramError(f"{label}: unknown operation: GQA has none of this name{nearest(operation, OPERATIONS)}")
        inputs, argument = entry.get("dependencies"), entry.get("argument")
        if not isinstance(inputs, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in inputs):
            raise ProgramError(
                f"{label}: malformed call: 'dependencies' must be a list of numbers, not {_shown(inputs)}"
            )
        if not isinstance(argument, str):
            raise ProgramError(f"{label}: malformed call: 'argument' must be a string, not {_shown(argument)}")
        if not all(0 <= source < index for source in inputs):
            raise ProgramError(f"{label}: malformed call: reads {inputs}, but only earlier calls may be read")
        found = _MENTION.match(argument.strip())
        words, mention = (found[1], found[2]) if found else (argument.strip(), None)
        return _Call(label, operation, tuple(inputs), words, mention)

    def add(self, call: _Call) -> tuple[int, str]:
        """Add the nodes of a call; gives the one of its result, and what that is."""
        try:
            return self._add(call)
        except DomainError as error:
            raise call.fail(f"unknown word: {error}") from None

    def _add(self, call: _Call) -> tuple[int, str]:
        verb, _, category = call.operation.partition(" ")
        match verb, category:
            case "select", "":
                self.read(call)
                return self.mentioned(call, self.node("select", (), None, self.concept(NAME, call.argument))), _SET
            case "relate", "":
                return self.relate(call), _SET
            case "verify", "rel":
                return self.verify_relation(call), _BOOL
            case "choose", "rel":
                return self.choose_relation(call), _ANSWER
            case "query", "":
                (subject,) = self.read(call, _SET)
                return self.node("query", (self.one(subject),), self.attribute(call.argument).name), _ANSWER
            case "exist", "":
                return self.node("exist", self.read(call, _SET)), _BOOL
            case (("and" | "or"), ""):
                return self.node(verb, self.read(call, _BOOL, _BOOL)), _BOOL
            case "common", "":
                first, second = self.read(call, _SET, _SET)
                return self.node("common", (self.one(first), self.one(second))), _ANSWER
            case (("same" | "different"), ""):
                attribute = self.attribute(call.argument).name
                return self.node(f"all_{verb}", self.read(call, _SET), attribute), _BOOL
            case (("same" | "different"), _):
                return self.agree(call, verb, category), _BOOL
            case "filter", _:
                negated = _NEGATED.match(call.argument)
                value = self.value(category, negated[1] if negated else call.argument)
                return self.node("filter_not" if negated else "filter", self.read(call, _SET), None, value), _SET
            case "verify", _:
                (subject,) = self.read(call, _SET)
                return self.node("verify", (self.one(subject),), None, self.value(category, call.argument)), _BOOL
            case "choose", _:
                return self.choose(call, category), _ANSWER
        raise call.fail("no counterpart: there is no module for this operation")

    def read(self, call: _Call, *kinds: str) -> tuple[int, ...]:
        """The nodes that a call reads, which must be of these kinds."""
        if len(call.inputs) != len(kinds):
            raise ProgramTypeError(f"{call.label}: wrong inputs: needs {len(kinds)}, not {len(call.inputs)}")
        for source, wanted in zip(call.inputs, kinds, strict=True):
            if self.results[source][1] != wanted:
                given = self.results[source][1]
                raise ProgramTypeError(f"{call.label}: wrong inputs: call {source} gives {given}, not {wanted}")
        return tuple(self.results[source][0] for source in call.inputs)

    def relate(self, call: _Call) -> int:
        (source,) = self.read(call, _SET)
        name, relation, direction = self.parts(call)
        if relation.startswith("same "):
            found = self.node("same", (self.one(source),), self.attribute(relation.removeprefix("same ")).name)
        else:
            operation = "relate" if self.by_subject(call, direction) else "relate_inverse"
            found = self.node(operation, (self.one(source),), None, self.domain.relation(relation).name)
        if name != ANY:
            found = self.node("filter", (found,), None, self.concept(NAME, name))
        return self.mentioned(call, found)

    def verify_relation(self, call: _Call) -> int:
        (source,) = self.read(call, _SET)
        name, relation, direction = self.parts(call)
        operation = "verify_rel" if self.by_subject(call, direction) else "verify_rel_inverse"
        others = self.mentioned(call, self.node("select", (), None, self.concept(NAME, name)))
        return self.node(operation, (self.one(source), others), None, self.domain.relation(relation).name)

    def choose_relation(self, call: _Call) -> int:
        (source,) = self.read(call, _SET)
        name, relations, direction = self.parts(call)
        first, second = (self.domain.relation(each).name for each in self.two(call, relations))
        other = self.one(self.mentioned(call, self.node("select", (), None, self.concept(NAME, name))))
        pair = (other, self.one(source)) if self.by_subject(call, direction) else (self.one(source), other)
        return self.node("choose_rel", pair, None, first, second)

    def choose(self, call: _Call, category: str) -> int:
        if category in dict(self.domain.comparatives):
            first, second = self.read(call, _SET, _SET)
            concept = Concept(*dict(self.domain.comparatives)[category])
            found = self.node("compare", (self.one(first), self.one(second)), None, concept)
            return self.node("query", (found,), NAME)
        (subject,) = self.read(call, _SET)
        options = (self.value(category, each) for each in self.two(call, call.argument))
        return self.node("choose", (self.one(subject),), None, *options)

    def agree(self, call: _Call, verb: str, category: str) -> int:
        attribute = self.attribute(category).name
        values = [self.node("query", (self.one(each),), attribute) for each in self.read(call, _SET, _SET)]
        found = self.node("equal", tuple(values), attribute)
        return found if verb == "same" else self.node("not", (found,))

    def one(self, members: int) -> int:
        """The unique object of a set."""
        if members not in self.ones:
            self.ones[members] = self.node("unique", (members,))
        return self.ones[members]

    def node(self, operation: str, inputs: tuple[int, ...], attribute: str | None = None, *constants: Constant) -> int:
        self.nodes.append(Node(operation, inputs, attribute, constants))
        return len(self.nodes) - 1

    def mentioned(self, call: _Call, node: int) -> int:
        if call.mention is not None:
            self.mentions[node] = call.mention
        return node

    def parts(self, call: _Call) -> tuple[str, str, str]:
        parts = [part.strip() for part in call.argument.split(",")]
        if len(parts) != 3:
            raise call.fail(f"malformed argument: must be 'name,relation,direction', not {_shown(call.argument)}")
        return parts[0], parts[1], parts[2]

    def two(self, call: _Call, text: str) -> tuple[str, str]:
        parts = [part.strip() for part in text.split("|")]
        if len(parts) != 2 or parts[0] == parts[1]:
            raise call.fail(f"malformed argument: must be two that differ, joined by '|', not {_shown(text)}")
        return parts[0], parts[1]

    def by_subject(self, call: _Call, direction: str) -> bool:
        if direction not in ("s", "o"):
            raise call.fail(f"malformed argument: the direction must be 's' or 'o', not {_shown(direction)}")
        return direction == "s"

    def attribute(self, category: str) -> Attribute:
        wanted = category.lower()
        for attribute in self.domain.attributes:
            if wanted == attribute.name or wanted in attribute.words:
                return attribute
        return self.domain.attribute(category)

    def concept(self, category: str, word: str) -> Concept:
        attribute = self.attribute(category)
        if word not in attribute.value_ids:
            for value, words in zip(attribute.values, attribute.value_words, strict=True):
                if word in words:
                    return Concept(attribute.name, value)
        attribute.index(word)
        return Concept(attribute.name, word)

    def value(self, category: str, word: str) -> Concept:
        """The concept of a value, whose category may be left open."""
        if category:
            return self.concept(category, word)
        for attribute in reversed(self.domain.attributes):
            if word in attribute.value_ids or any(word in words for words in attribute.value_words):
                return self.concept(attribute.name, word)
        known = nearest(word, (value for _, value in self.domain.concepts))
        raise DomainError(f"{self.domain.name} has no value {word!r}{known}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
