"""English: a compositional grammar over the words of any domain.

Four steps: the lexicon finds words and phrases, longest first; an LALR grammar (``english.lark``) makes flat phrases of
them; attachment gives every part of a phrase its noun, in each way that makes sense; each such reading is composed into a
program. Readings that give one program are one; they are ranked by how far their parts lie from their nouns.
"""

import heapq
from collections.abc import Iterator, Sequence
from itertools import count
from time import perf_counter
from typing import Any, TypeAlias, cast

from lark.exceptions import UnexpectedToken

from nmn.domain import Domain
from nmn.errors import QuestionError, Span
from nmn.parse import Parse
from nmn.parser.attachment import Demand, Reading, Unfit, attach
from nmn.parser.compose import Composer
from nmn.parser.expectation import expectation
from nmn.parser.grammar import closed_phrases, grammar
from nmn.parser.lexicon import Lexeme, Lexicon, plural
from nmn.parser.meaning import Calls, Meaning
from nmn.parser.phrases import Ask
from nmn.program import Program

_MOST_TRIES = 32  # readings looked into, those that make no sense among them
_PREDICATES_TRIED, LESS_LIKELY_PREDICATE = 4, 0.1
NOT_SPREAD = 0.25  # that "small red or blue cubes" means blue ones of any size
_MOST_WORK = 4_000  # parts placed for one question, in all its readings
_SAYS = frozenset({"THE", "A", "ANY", "OTHER", "ANOTHER", "NOUN", "VALUE", "ANYTHING", "THERE_IS"})  # begin statements
_Choice: TypeAlias = tuple[int, int, int]  # phrase, part, and which place the part takes there, where not the first


class EnglishParser:
    """Reads English questions about what a domain declares.

    Args:
        domain: Its words are the lexicon.
        most_readings: How many readings of an ambiguous question are looked for.
    """

    name = "grammar"

    def __init__(self, domain: Domain, *, most_readings: int = 6) -> None:
        self.domain = domain
        self.most_readings = most_readings
        self._grammar = grammar()
        self.lexicon = Lexicon(
            domain, {terminal.name: closed_phrases(terminal) for terminal in self._grammar.terminals}
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Worker processes get a parser by building it: the grammar's tables are not pickled."""
        return _built, (type(self), self.domain, self.most_readings)

    def parse(self, question: str) -> tuple[Parse, ...]:
        """All readings of a question, the likeliest first.

        Raises: QuestionError, with a caret, when the question is outside the language.
        """
        started = perf_counter()
        try:
            found = self._readings(self._ask(question), question)
        except QuestionError as error:
            if error.text is None and error.span is not None:
                raise QuestionError(error.message, text=question, span=error.span) from None
            raise
        total = sum(weight for weight, _, _ in found)
        cost = perf_counter() - started
        return tuple(
            Parse(program=program, confidence=weight / total, spans=spans, link=self.name, cost=cost)
            for weight, program, spans in found
        )

    def _ask(self, question: str) -> Ask:
        lexemes = self.lexicon.read(question)
        try:
            ask: Any = self._grammar.parse(lexemes)
        except UnexpectedToken as error:
            raise self._explained(error, question, lexemes) from None
        return cast(Ask, ask)

    def _readings(self, ask: Ask, question: str) -> list[tuple[float, Program, tuple[Span | None, ...]]]:
        """Programs with their weights, the heaviest first."""
        search = _Search(self.domain, ask)
        found: list[tuple[float, Program, tuple[Span | None, ...]]] = []
        seen: set[Program] = set()
        for weight, program, spans in search:
            # Most questions have one reading, whose canonical form is never needed.
            if found:
                seen |= {found[0][1].canonical()} if len(found) == 1 else set()
                if program.canonical() in seen:
                    continue
                seen.add(program.canonical())
            found.append((weight, program, spans))
            if len(found) == self.most_readings:
                break
        if not found:
            span = search.failure.span or _whole(question)
            raise QuestionError(search.failure.message, text=question, span=span)
        return found

    def _explained(self, error: UnexpectedToken, question: str, lexemes: Sequence[Lexeme]) -> QuestionError:
        token, accepted = error.token, error.accepts or error.expected
        expected = expectation(accepted, self.domain)
        if token.type == "$END" and all(lexeme.type in _SAYS for lexeme in lexemes[:1]):
            example = f"such as 'How many {plural(self.domain.nouns[0])} are there?'"
            return QuestionError(f"nothing is asked; ask a question, {example}", text=question, span=_whole(question))
        if token.type == "$END":
            end = len(question.rstrip())
            return QuestionError(f"the question breaks off; {expected}", text=question, span=Span(end, end))
        span = Span(token.start_pos or 0, token.end_pos or 0)
        return QuestionError(f"{str(token)!r} does not fit here; {expected}", text=question, span=span)


def _built(kind: type[EnglishParser], domain: Domain, most_readings: int) -> EnglishParser:
    return kind(domain, most_readings=most_readings)


class _Search:
    """Readings of a question, heaviest first: best-first over the choices that attachment leaves open."""

    def __init__(self, domain: Domain, ask: Ask) -> None:
        self.domain = domain
        self.ask = ask
        self.phrases = [*ask.phrases] + ([ask.about] if ask.about is not None else [])
        self.failure = Unfit("nothing is said of the subject; say what it is, where it is or what it is like")

    def __iter__(self) -> Iterator[tuple[float, Program, tuple[Span | None, ...]]]:
        ticket = count()
        heap: list[tuple[float, int, Sequence[Demand], tuple[_Choice, ...]]] = []
        for demands, weight in self.demands():
            heapq.heappush(heap, (-weight, next(ticket), demands, ()))
        size = sum(len(phrase.parts) for phrase in self.phrases)
        tries = max(3, min(_MOST_TRIES, _MOST_WORK // (size + 1)))
        failed = False
        while heap and tries:
            tries -= 1
            negative, _, demands, choices = heapq.heappop(heap)
            alternatives: list[tuple[int, int, int, float]] = []
            try:
                yield -negative, *self.program(demands, choices, alternatives)
            except Unfit as error:
                if not failed:
                    self.failure, failed = error, True
            last = choices[-1][:2] if choices else (-1, -1)
            for phrase, part, choice, factor in alternatives:
                if (phrase, part) > last:
                    step = (negative * factor, next(ticket), demands, (*choices, (phrase, part, choice)))
                    heapq.heappush(heap, step)

    def program(
        self, demands: Sequence[Demand], choices: Sequence[_Choice], alternatives: list[tuple[int, int, int, float]]
    ) -> tuple[Program, tuple[Span | None, ...]]:
        readings: list[Reading] = []
        for index, (phrase, demand) in enumerate(zip(self.phrases, demands, strict=True)):
            own = {part: choice for at, part, choice in choices if at == index}
            open_choices: list[tuple[int, int, float]] = []
            try:
                readings.append(attach(phrase, demand, own, open_choices))
            finally:
                alternatives += [(index, *choice) for choice in open_choices]
        about = readings.pop() if self.ask.about is not None else None
        after_phrases = len(self.phrases)
        spread = not any(index == after_phrases for index, _, _ in choices)
        meaning = Meaning(self.domain, Calls(), about, spread=spread)
        composed = Composer(self.ask, readings, meaning).compose()
        if meaning.could_spread:
            alternatives.append((after_phrases, 0, 1, NOT_SPREAD))
        return composed

    def demands(self) -> Iterator[tuple[Sequence[Demand], float]]:
        """What the question asks of each of its phrases, with the weight of asking that."""
        rest = [Demand()] * (len(self.phrases) - 1)
        if self.ask.kind == "verify":
            for weight, predicate in _predicates(self.ask):
                yield [Demand(predicate=predicate, has_verb=True), *rest], weight
        else:
            joined = self.ask.kind in ("same_number", "same_value", "same_object")
            yield [Demand(joined=joined, has_verb=self.ask.kind == "count"), *rest], 1.0


def _predicates(ask: Ask) -> Iterator[tuple[float, int | None]]:
    """Which part of "is the cube left of the ball ...?" is said of the subject, with the weight of that reading."""
    phrase, parts = ask.phrases[0], ask.phrases[0].parts
    if any(part.opener == "is" and not part.link for part in parts):
        yield 1.0, None
        return
    if ask.words[0].type == "DO":
        return
    free = [index for index, part in enumerate(parts) if not part.opener and not part.link]
    sharing = [index for index in free if parts[index].kind in ("same", "object")]
    others = [index for index in free if parts[index].kind in ("relation", "values", "noun")]
    weight = 1.0
    for index in [*sharing, *others][:_PREDICATES_TRIED]:
        yield weight, index
        weight *= LESS_LIKELY_PREDICATE
    if phrase.head.determiner == "any" or any(part.kind == "visible" for part in parts):
        yield weight, None


def _whole(question: str) -> Span:
    end = len(question.rstrip())
    return Span(end - len(question.strip()), end)
