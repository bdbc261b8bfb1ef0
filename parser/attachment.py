"""Attachment: which noun each part of a phrase belongs to.

"The thing right of the ball behind the block": is the thing behind the block, or the ball? A part can only belong to a noun
that is still open: the last noun, the noun which that one is described by, and so on outwards; belonging to one closes all
those inside it. So a reading is one choice for each part, the nearest noun by default, and no choice ever crosses another.

What narrows the choice: a relative clause belongs to the nearest noun of its number ("that are" to a plural); "and" joins
like to like, a clause to a clause and "the ball" to another "the ball"; "both" and "either" wait for their "and" and "or";
the verb of the sentence speaks of its subject.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from nmn.errors import Span
from nmn.parser.phrases import Head, Part, Phrase

_CLAUSES = frozenset({"noun", "values", "relation", "same", "object"})
_PLACES_TRIED = 3  # of the nouns a part may belong to, the nearest so many
# How much less likely each step away from the nearest noun makes a reading.
FURTHER_CLAUSE, FURTHER_LINK = 0.05, 0.25
_MARKED_BY = {"both": "and", "either": "or"}


@dataclass(slots=True, eq=False)
class Noun:
    """A noun of a reading with the clauses that belong to it; without a head, a group of joined nouns."""

    head: Head | None
    clauses: "list[Clause]" = field(default_factory=list)
    open_marker: str = ""  # "and" or "or", while a "both", an "either" or a list with commas waits for it


@dataclass(slots=True, eq=False)
class Group:
    """The nouns that stand in one place, joined by the links between them."""

    nouns: list[Noun]
    links: list[str] = field(default_factory=list)
    place: str = "anchor"  # "root", "anchor" (related to, the same as) or "noun" (is a ...)
    elides: bool = field(init=False)  # one of the nouns is left out, as in "the red or blue cube"

    def __post_init__(self) -> None:
        self.elides = any(_elided(noun) for noun in self.nouns)

    def join(self, noun: Noun, link: str) -> None:
        """Add a noun after "and" or "or"."""
        self.nouns.append(noun)
        self.links.append(link)
        self.elides = self.elides or _elided(noun)

    def wrap(self) -> Noun:
        """Make the joined nouns one, to which a clause can belong, and give it."""
        wrapper = Noun(None, [Clause(None, "", Group(self.nouns, self.links, place="noun"))])
        self.nouns, self.links, self.elides = [wrapper], [], False
        return wrapper


@dataclass(slots=True, eq=False)
class Clause:
    """A part that belongs to a noun, linked to the clause before it by "and", "or" or nothing."""

    part: Part | None
    link: str
    group: Group | None
    is_predicate: bool = False


@dataclass(slots=True)
class Reading:
    """A phrase with every part in its place.

    Attributes:
        root: What the phrase is about.
        nouns: All nouns, those inside a noun after it.
    """

    root: Group
    nouns: list[Noun]


@dataclass(frozen=True)
class Demand:
    """What the question asks of its phrase.

    Attributes:
        joined: Two nouns must be joined at its root ("do the cube and the ball ...").
        predicate: The part that is said of the subject ("is the cube left of the ball"), or None.
        has_verb: The sentence may go on with a verb ("how many cubes are red").
    """

    joined: bool = False
    predicate: int | None = None
    has_verb: bool = False


class Unfit(Exception):
    """A choice of places that makes no sense of the phrase. Never leaves the parser."""

    def __init__(self, message: str, at: Part | Head | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = None if at is None else Span(at.start, at.end)


Option: TypeAlias = tuple[int, str, float]  # depth of the open group, how the part goes there, its weight
Alternative: TypeAlias = tuple[int, int, float]  # part, choice, weight


def attach(phrase: Phrase, demand: Demand, choices: Mapping[int, int], alternatives: list[Alternative]) -> Reading:
    """Put every part of a phrase in its place.

    Args:
        phrase: The phrase.
        demand: What the question asks of it.
        choices: Part to the choice taken, where that is not the first.
        alternatives: Other choices that could have been made are added to it, also when this one fails.

    Raises: Unfit when a part has no place.
    """
    attachment = _Attachment(phrase, demand, alternatives)
    for index, part in enumerate(phrase.parts):
        attachment.place(index, part, choices.get(index, 0))
    root = attachment.open[0]
    if demand.joined and len(root.nouns) != 2:
        raise Unfit("two things to compare are needed, as in 'the cube and the ball'")
    return Reading(root, attachment.nouns)


class _Attachment:
    def __init__(self, phrase: Phrase, demand: Demand, alternatives: list[Alternative]) -> None:
        self.demand = demand
        noun = Noun(phrase.head)
        self.nouns = [noun]
        self.open = [Group([noun], place="root")]  # outermost first; the last noun of each is open
        self.alternatives = alternatives
        self.links = _links(phrase.parts)

    def place(self, index: int, part: Part, choice: int) -> None:
        if part.kind == "visible":
            del self.open[1:]
            return
        link = self.links[index]
        predicate = index == self.demand.predicate or (part.opener == "is" and not link)
        if predicate:
            if not self.demand.has_verb:
                raise Unfit("the sentence has one verb too many here", part)
            self.describe(0, part, link, whole=True, is_predicate=True)
            return
        options: list[Option] = []
        for option in self.options(part, link):
            options.append(option)
            if len(options) == _PLACES_TRIED:
                break
        if not options:
            raise Unfit("nothing before it goes together with this", part)
        weight = 1.0
        for other, option in enumerate(options[1:], 1):
            weight *= option[2]
            self.alternatives.append((index, other, weight))
        depth, how, _ = options[min(choice, len(options) - 1)]
        if how == "join":
            self.join(depth, part, link)
        elif how == "ellipsis":
            self.complete(depth, part, link)
        else:
            self.describe(depth, part, link, whole=how == "whole")

    def options(self, part: Part, link: str) -> Iterator[Option]:
        """Where a part may go, nearest first."""
        if part.kind == "head":
            if part.head is not None and link:
                yield from self.joints(part.head, link)
        elif not link:
            yield from self.attachments(part)
        else:
            if part.kind == "values" and not part.opener:
                yield from self.bare_joints()
            yield from self.links_to_clauses(link, part)

    def attachments(self, part: Part) -> Iterator[Option]:
        """A clause without "and" or "or": to the last noun, or one outside it; a relative clause only to the nearest."""
        fallback: Option | None = None
        agreed = False
        for depth in range(len(self.open) - 1, -1, -1):
            group = self.open[depth]
            noun = group.nouns[-1]
            if noun.head is not None and noun.head.determiner == "it":
                continue
            places = ["whole"] if group.elides else ["clause"] + ["whole"] * (len(group.nouns) > 1)
            if part.plural is not None and noun.head is not None and noun.head.plural != part.plural:
                fallback = fallback or (depth, places[0], FURTHER_CLAUSE)
                continue
            for place in places:
                yield depth, place, FURTHER_CLAUSE
                agreed = True
                if part.opener == "that":
                    return
        if fallback is not None and not agreed:
            yield fallback

    def links_to_clauses(self, link: str, part: Part) -> Iterator[Option]:
        """A clause after "and" or "or": to a noun that has a clause already; to one whose "both" or list waits for it."""
        marked = [depth for depth, group in enumerate(self.open) if group.nouns[-1].open_marker == link]
        depths = marked[-1:] or range(len(self.open) - 1, -1, -1)
        for depth in depths:
            noun = self.open[depth].nouns[-1]
            agrees = part.plural is None or noun.head is None or noun.head.plural == part.plural
            if noun.clauses and agrees:
                yield depth, "clause", FURTHER_LINK

    def joints(self, head: Head, link: str) -> Iterator[Option]:
        """A noun after "and" or "or": where "both" or "either" waits for it, or else wherever one is determined alike."""
        marked = [depth for depth, group in enumerate(self.open) if group.nouns[-1].open_marker == link]
        found = self.unmarked_joints(head, link)
        if marked:
            options = list(found)
            places = ((marked[-1], "clause"), (marked[-1] + 1, "join"), (marked[-1] + 1, "ellipsis"))
            waiting = [option for option in options if option[:2] in places]
            found = iter(waiting or options)
        yield from found

    def unmarked_joints(self, head: Head, link: str) -> Iterator[Option]:
        """A noun after "and" or "or": joins a noun that is determined alike, the nearest first."""
        pointed = head.determiner in ("the", "it")
        if self.demand.joined and len(self.open[0].nouns) == 1 and pointed == _pointed(self.open[0]):
            yield 0, "join", FURTHER_LINK
        for depth in range(len(self.open) - 1, -1, -1):
            group = self.open[depth]
            last = group.nouns[-1]
            if depth == 0 and self.demand.joined:
                continue
            elided = not head.determiner and _elided(last)  # "the red or blue cube"
            if group.place == "anchor":
                fits = elided or head.determiner in ("the", "a", "it")
            else:
                fits = elided or pointed == _pointed(group)
            clause = last.clauses[-1] if last.clauses else None
            part = clause.part if clause is not None else None
            if part is not None and (not part.opener or pointed or (last.head and last.head.plural != head.plural)):
                part = None  # nothing was said with a verb, so nothing more of the kind is said here
            if part is not None and part.kind == "values" and not head.determiner and _compatible(last.head, head):
                yield depth, "ellipsis", FURTHER_LINK
            if fits and not (clause is not None and clause.is_predicate):
                yield depth, "join", FURTHER_LINK
            waits = any(outer.nouns[-1].open_marker == link for outer in self.open[:depth])
            listed = (
                part is not None and part.kind == "noun" and link == "or"
            )  # joined to the clause's own noun already
            if part is not None and not waits and not listed:
                yield depth, "clause", FURTHER_LINK

    def bare_joints(self) -> Iterator[Option]:
        """Values alone after "and" or "or": one more of "red, green or blue cubes"."""
        for depth in range(len(self.open) - 1, -1, -1):
            last = self.open[depth].nouns[-1].head
            if last is not None and last.noun is None:
                yield depth, "join", FURTHER_LINK

    def describe(self, depth: int, part: Part, link: str, *, whole: bool, is_predicate: bool = False) -> None:
        group = self.open[depth]
        del self.open[depth + 1 :]
        if whole and len(group.nouns) > 1:
            # Programs are built from the last noun to the first, so what stands around others goes before them.
            self.nouns.insert(self.nouns.index(group.nouns[0]), group.wrap())
        noun = group.nouns[-1]
        self.met(noun, part, link)
        if part.marker:
            noun.open_marker = _MARKED_BY[part.marker]
        elif part.link == "comma" and link:  # a list, which ends with its "and" or "or"
            noun.open_marker = link
        inside: Group | None = None
        if part.head is not None:
            inner_noun = Noun(part.head)
            self.nouns.append(inner_noun)
            inside = Group([inner_noun], place="noun" if part.kind in ("noun", "head") else "anchor")
            self.open.append(inside)
        noun.clauses.append(Clause(part, link, inside, is_predicate))

    def met(self, noun: Noun, part: Part, link: str) -> None:
        """Note that the "and" or "or" of a "both" or "either" has come; a comma only lists."""
        if link and noun.open_marker == link and part.link != "comma":
            noun.open_marker = ""

    def join(self, depth: int, part: Part, link: str) -> None:
        group = self.open[depth]
        if depth:
            self.met(self.open[depth - 1].nouns[-1], part, link)
        del self.open[depth + 1 :]
        noun = Noun(part.head or Head("", False, part.words, None, part.start, part.end))
        self.nouns.append(noun)
        group.join(noun, link)

    def complete(self, depth: int, part: Part, link: str) -> None:
        """Read "are red or blue cubes" as "are red cubes or blue cubes"."""
        assert part.head is not None
        clause = self.open[depth].nouns[-1].clauses[-1]
        assert clause.part is not None
        first = Noun(Head("", False, clause.part.words, None, clause.part.start, clause.part.end))
        second = Noun(part.head)
        self.nouns += [first, second]
        clause.group = Group([first, second], [link], place="noun")
        clause.part = replace(clause.part, kind="noun")
        del self.open[depth + 1 :]
        self.open.append(clause.group)


def _elided(noun: Noun) -> bool:
    return noun.head is not None and noun.head.noun is None


def _pointed(group: Group) -> bool:
    head = group.nouns[-1].head
    return head is not None and head.determiner in ("the", "it")


def _compatible(outer: Head | None, inner: Head) -> bool:
    """Whether something can be both: not a cube and a ball."""
    if outer is None or outer.noun is None or inner.noun is None:
        return False
    concepts = outer.noun.meaning.concept, inner.noun.meaning.concept
    return None in concepts or concepts[0] == concepts[1]


def _links(parts: list[Part]) -> list[str]:
    """The link before each part; a comma means what the next "and" or "or" means, and nothing without one."""
    links = [part.link for part in parts]
    following = ""
    for index in range(len(links) - 1, -1, -1):
        if links[index] == "comma":
            links[index] = following if parts[index].kind in (*_CLAUSES, "head") else ""
        elif links[index]:
            following = links[index]
    return links
