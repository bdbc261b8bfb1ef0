"""Viewing: an answer and its trace -> a view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nmn.domain import Domain
from nmn.errors import Span
from nmn.inspection.view import (
    ANCHOR,
    FAILS,
    IN,
    OUT,
    SHARED,
    UNSURE,
    Arrow,
    Column,
    Cost,
    Mark,
    NodeView,
    Note,
    ObjectView,
    Picture,
    Reading,
    View,
    Work,
)
from nmn.parse import Parse
from nmn.program import Concept, Node, Program
from nmn.registry import Registry, default_registry
from nmn.trace import UNKNOWN, Answer, NodeTrace, Trace
from nmn.words import LIKELY, phrase, value_words

NOTED = 0.05
"""Objects that are less likely than this to be meant are not marked."""

SURE = 0.9
"""From this probability on, or from its opposite down, nothing is said to be unsure."""

_GRANTED = 0.9
_CHANCES_SHOWN = 12
_OBJECTS_NAMED = 4
_SETS = ("ObjectSet", "Object")


def view(
    answer: Answer,
    *,
    domain: Domain | None = None,
    registry: Registry | None = None,
    picture: Picture | None = None,
    objects: Sequence[ObjectView] | None = None,
    others: Sequence[Parse] = (),
    work: Work | None = None,
) -> View:
    """What there is to see of an answer; with nothing but the answer itself, what its trace tells.

    Args:
        answer: With a trace, or without one: then only its program is shown.
        domain: Says nodes in words.
        registry: Names the kinds of nodes that have not run; the module library's if None.
        picture: What to draw objects on.
        objects: What is known of the objects, where that is more than the trace's boxes.
        others: Further readings of the question.
        work: What was measured beside the trace.
    """
    trace, program = answer.trace, answer.program
    if trace is None:
        nodes = _untraced(program, registry)
        found: tuple[ObjectView, ...] = ()
    else:
        found = tuple(objects) if objects is not None else _objects(trace)
        nodes = _Viewer(answer.guess or answer, trace, found).nodes()
        picture = picture if picture is not None else _extent(found)
        work = work if work is not None else work_of(trace, domain=domain, registry=registry)
    told, spans = answer.guess or answer, answer.reading.spans if answer.reading is not None else None
    return View(
        question=answer.question,
        answer=answer.value,
        confidence=answer.confidence,
        distribution=_ranked(answer.distribution),
        program=program.text,
        nodes=tuple(_told(node, program, domain, spans) for node in nodes),
        objects=found,
        failures=tuple(_sentence(each.words) for each in told.presuppositions),
        guess=None if answer.guess is None else (answer.guess.value or UNKNOWN, answer.guess.confidence),
        picture=picture,
        reading=None if answer.reading is None else _reading(answer.reading, others),
        work=work,
    )


def view_of_trace(trace: Trace) -> View:
    """What there is to see of a trace alone: what ran, with the last value in the place of an answer."""
    seen = view(Answer(None, 0.0, {}, trace.program, trace=trace, reading=trace.reading))
    return replace(seen, answer=seen.nodes[-1].value, confidence=None)


def work_of(trace: Trace, *, domain: Domain | None = None, registry: Registry | None = None) -> Work:
    """What a trace tells of the work that was done."""
    costs = [cost_of(node) for node in trace.nodes]
    facets = None if domain is None else len(domain.attributes) + len(domain.relations)
    return Work(
        total=total_of(costs),
        glance_flops=trace.glance_flops,
        possible_rows=None if facets is None else facets * len(trace.presence),
        modules=tuple(dict.fromkeys(node.operation for node in trace.program.nodes)),
        available=len((default_registry() if registry is None else registry).signatures),
        looks=() if trace.looking is None else trace.looking.words,
    )


def cost_of(node: NodeTrace) -> Cost:
    """What a node took, with the facets that it caused."""
    flops = node.flops + sum(facet.flops for facet in node.facets)
    facets = tuple((facet.facet, facet.rows) for facet in node.facets)
    return Cost(flops, node.seconds, sum(rows for _, rows in facets), facets)


def total_of(costs: Sequence[Cost]) -> Cost:
    """All of some costs together."""
    facets: dict[str, int] = {}
    for cost in costs:
        for facet, rows in cost.facets:
            facets[facet] = facets.get(facet, 0) + rows
    flops, seconds = sum(cost.flops for cost in costs), sum(cost.seconds for cost in costs)
    return Cost(flops, seconds, sum(cost.rows for cost in costs), tuple(facets.items()))


@dataclass(frozen=True)
class _Viewer:
    """Looks at every node of one trace."""

    answer: Answer
    trace: Trace
    objects: Sequence[ObjectView]

    def nodes(self) -> list[NodeView]:
        found: list[NodeView] = []
        for node, call in zip(self.trace.nodes, self.answer.program.nodes, strict=True):
            kind = node.kind.partition("[")[0]
            words = value_words(node, self.trace.presence)
            seen = NodeView(
                index=node.index,
                title=call.head,
                argument=_argument(call),
                call=node.call,
                kind=kind,
                inputs=node.inputs,
                value=words,
                brief=_brief(words, kind),
                chances=self.chances(node, kind),
                marks=self.marks(node, kind, found),
                arrows=self.arrows(node, call, kind),
                columns=self.columns(node, kind),
                reasons=self.reasons(node, call, kind),
                notes=self.notes(node, kind),
                cost=cost_of(node),
            )
            found.append(seen)
        return found

    def chances(self, node: NodeTrace, kind: str) -> tuple[tuple[str, float], ...]:
        value = node.value
        if value is None or kind in _SETS:
            return ()
        if isinstance(value, float):
            return _ranked({"yes": value, "no": 1 - value})
        named = value if isinstance(value, Mapping) else {str(number): each for number, each in enumerate(value)}
        return _ranked(named)[:_CHANCES_SHOWN]

    def scores(self, node: NodeTrace) -> tuple[float, ...] | None:
        """One score an object, where the node's value has them."""
        return node.value if node.kind in _SETS and isinstance(node.value, tuple) else None

    def marks(self, node: NodeTrace, kind: str, before: Sequence[NodeView]) -> tuple[Mark, ...]:
        scores = self.scores(node)
        if scores is not None:
            return tuple(Mark(index, score) for index, score in enumerate(scores) if score >= NOTED)
        if kind in _SETS or not node.inputs:
            return ()
        # What is no set of objects shows those that it was told about.
        marks: dict[tuple[int, int], Mark] = {}
        for place, source in enumerate(node.inputs):
            role = min(place, 1) if len(node.inputs) > 1 else 0
            for mark in before[source].marks:
                own = mark.role if len(node.inputs) == 1 else role
                marks.setdefault((mark.object, own), Mark(mark.object, mark.probability, own))
        return tuple(marks.values())

    def arrows(self, node: NodeTrace, call: Node, kind: str) -> tuple[Arrow, ...]:
        anchors = [(each, self._likeliest(each)) for each in node.inputs if self.trace.nodes[each].kind == "Object"]
        words = _relation_words(call)
        if not words or not anchors or any(best is None for _, best in anchors):
            return ()
        places = [best for _, best in anchors if best is not None]
        scores = self.scores(node)
        if scores is not None:
            anchor, chance = places[0]
            ends = [(end, score) for end, score in enumerate(scores) if score >= LIKELY and end != anchor]
            return tuple(Arrow(anchor, end, min(chance, score), words) for end, score in ends)
        if len(places) > 1 and kind == "Bool" and isinstance(node.value, float) and places[0][0] != places[1][0]:
            return (Arrow(places[1][0], places[0][0], node.value, words),)
        return ()

    def _likeliest(self, node: int) -> tuple[int, float] | None:
        value = self.trace.nodes[node].value
        if not isinstance(value, tuple) or not value:
            return None
        best = max(range(len(value)), key=value.__getitem__)
        return best, value[best]

    def columns(self, node: NodeTrace, kind: str) -> tuple[Column, ...]:
        columns = []
        for source in node.inputs:
            scores = self.scores(self.trace.nodes[source])
            if scores is not None:
                side = ANCHOR if kind == "ObjectSet" and self.trace.nodes[source].kind == "Object" else IN
                columns.append(Column(f"{side}, #{source}", scores, side))
        own = self.scores(node)
        if own is not None:
            columns.append(Column(OUT, own, OUT))
        return tuple(columns)

    def reasons(self, node: NodeTrace, call: Node, kind: str) -> tuple[tuple[int, str], ...]:
        """Why objects fall out: what is known of them that does not fit the call."""
        out, sources = self.scores(node), [self.scores(self.trace.nodes[each]) for each in node.inputs]
        if out is None or kind != "ObjectSet" or len(sources) != 1 or self.trace.nodes[node.inputs[0]].kind != kind:
            return ()
        concept = next((each for each in call.constants if isinstance(each, Concept)), None)
        reasons = []
        before_all = sources[0] or ()
        for index, (before, after) in enumerate(zip(before_all, out, strict=False)):
            if before >= LIKELY > after:
                facts = [each for each in self.objects[index].facts if concept and each[0] == concept.attribute]
                known = [f"{name}: {value} {chance:.2f}" for name, value, chance in facts]
                reasons.append((index, known[0] if known else f"fits with {after / before:.2f}"))
        return tuple(reasons)

    def notes(self, node: NodeTrace, kind: str) -> tuple[Note, ...]:
        notes = [Note(FAILS, _sentence(each.words)) for each in self.answer.presuppositions if each.node == node.index]
        held = node.presupposition
        if not notes and held is not None and held < _GRANTED:
            notes.append(Note(UNSURE, f"What it takes for granted holds with {held:.2f}"))
        if node.value is None and not notes:
            notes.append(Note(FAILS, "Has no value, because something before it fails"))
        unsure = self._unsure(node, kind)
        if unsure:
            notes.append(Note(UNSURE, unsure))
        if node.shared > 1:
            notes.append(Note(SHARED, f"Ran once for {node.shared} questions"))
        return tuple(notes)

    def _unsure(self, node: NodeTrace, kind: str) -> str:
        scores = self.scores(node)
        if scores is None or kind == "Object":
            chances = (
                _ranked({str(index): each for index, each in enumerate(scores)}) if scores else self.chances(node, kind)
            )
            if not chances or chances[0][1] >= SURE:
                return ""
            thing = "object " if kind == "Object" else ""
            likely = [f"{thing}{name} ({chance:.2f})" for name, chance in chances[:2]]
            return f"Unsure: {' or '.join(likely)}"
        close = [(index, each) for index, each in enumerate(scores) if 1 - SURE < each < SURE]
        named = ", ".join(f"object {index} ({each:.2f})" for index, each in close[:_OBJECTS_NAMED])
        more = f" and {len(close) - _OBJECTS_NAMED} more" if len(close) > _OBJECTS_NAMED else ""
        return f"Unsure of {named}{more}" if close else ""


def _reading(parse: Parse, others: Sequence[Parse]) -> Reading:
    tried = [(each.link, each.failure or f"read it with {each.confidence or 0:.2f}") for each in parse.attempts]
    further = tuple((each.program.text, each.confidence) for each in others)
    return Reading(
        parse.link, parse.confidence, parse.cost, further, tuple(tried if len(tried) > 1 else ()), parse.known
    )


def _objects(trace: Trace) -> tuple[ObjectView, ...]:
    pairs = zip(trace.presence, trace.boxes, strict=True)
    return tuple(ObjectView(index, presence, box) for index, (presence, box) in enumerate(pairs))


def _extent(objects: Sequence[ObjectView]) -> Picture | None:
    """Room for all boxes, where the image itself is not at hand."""
    boxes = [each.box for each in objects if each.box is not None]
    if not boxes:
        return None
    return Picture(max(box[2] for box in boxes) * 1.05, max(box[3] for box in boxes) * 1.05)


def _untraced(program: Program, registry: Registry | None) -> list[NodeView]:
    known = default_registry() if registry is None else registry
    found = []
    for index, node in enumerate(program.nodes):
        kind = known.signature(node.operation).output if node.operation in known else "?"
        arguments = [*(f"#{source}" for source in node.inputs), *(str(constant) for constant in node.constants)]
        call = f"{node.head}({', '.join(arguments)})"
        found.append(NodeView(index, node.head, _argument(node), call, kind, node.inputs))
    return found


def _told(node: NodeView, program: Program, domain: Domain | None, spans: Sequence[Span | None] | None) -> NodeView:
    """A node with what it stands for in words, and where the question says so."""
    span = spans[node.index] if spans is not None and node.index < len(spans) else None
    words = phrase(program, node.index, domain) if domain is not None and node.kind in _SETS else ""
    place = None if span is None else (span.start, span.end)
    return replace(node, words=words, span=place)


def _argument(node: Node) -> str:
    words = [each.value if isinstance(each, Concept) else each for each in node.constants]
    return ", ".join(words)


def _relation_words(node: Node) -> str:
    """What holds between two objects, if the call says that anything does."""
    plain = [each for each in node.constants if isinstance(each, str)]
    if plain:
        return plain[0]
    return f"{node.operation} {node.attribute}" if node.attribute is not None else ""


def _brief(words: str, kind: str) -> str:
    """A value's words without the list of objects."""
    return words.partition(":")[0] if kind == "ObjectSet" else words


def _ranked(chances: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(chances.items(), key=lambda pair: -pair[1]))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]
