"""Grammar: ``english.lark``, read once, and the phrases that its rules build."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, TypeAlias, cast

from lark import Lark, Token, Transformer
from lark.lexer import Lexer, TerminalDef

from nmn.errors import QuestionError, Span
from nmn.parser.lexicon import Lexeme
from nmn.parser.phrases import Ask, Comparand, Head, Part, Phrase

_DETERMINERS = {"THE": "the", "A": "a", "ANY": "any", "ANOTHER": "a", "ANYTHING": "any", "IT": "it"}
_OTHERS = frozenset({"OTHER", "ANOTHER", "ELSE"})

Child: TypeAlias = (
    Any  # a Lexeme, Head, Part, Phrase, Comparand, link or list of lexemes: what the grammar's rules gave
)


class PhraseBuilder(Transformer[Lexeme, Ask]):
    """Turns the grammar's rules into phrases while it parses; one method a rule, named like it."""

    def values(self, children: list[Lexeme]) -> list[Lexeme]:
        return children

    def link(self, children: list[Lexeme]) -> str:
        return children[0].type.lower()

    def comparative(self, children: list[Lexeme]) -> Lexeme:
        return children[0]

    def attribute_of(self, children: list[Lexeme]) -> Lexeme:
        return next(child for child in children if child.type == "ATTRIBUTE")

    def same(self, children: list[Lexeme]) -> list[Lexeme]:
        return [child for child in children if child.type == "ATTRIBUTE"]

    def relations(self, children: list[Child]) -> list[Child]:
        return children

    def head(self, children: list[Child]) -> Head:
        determiner, other, noun, words = "", False, None, []
        for child in children:
            if isinstance(child, list):
                words = child
                continue
            determiner = _DETERMINERS.get(child.type, determiner)
            other = other or child.type in _OTHERS
            if child.type in ("NOUN", "ANYTHING", "IT"):
                noun = child
        if noun is not None and noun.meaning.concept is not None:
            words = [*words, noun]
        return Head(determiner, other, words, noun, _start(children[0]), _end(children[-1]))

    def related(self, children: list[Child]) -> Part:
        relations, *markers, head = children
        words, links = relations[::2], relations[1::2]
        # "left of, behind or right of": a comma means what the next word between them means.
        for index in range(len(links) - 1, -1, -1):
            if links[index] == "comma":
                links[index] = links[index + 1] if index + 1 < len(links) else "and"
        return Part("relation", words, head, _start(words[0]), head.end, links, marker=_marker(markers))

    def sharing(self, children: list[Child]) -> Part:
        head = children[-1]
        if isinstance(children[0], list):
            return Part("same", children[0], head, _start(children[0][0]), head.end, marker=_marker(children[2:-1]))
        return Part("object", (children[1],), head, _start(children[0]), head.end)

    def sharing_its(self, children: list[Lexeme]) -> Part:
        attributes = [child for child in children if child.type == "ATTRIBUTE"]
        return Part("same", attributes, _it(children[0]).head, _start(children[0]), _end(children[-1]))

    def body(self, children: list[Child]) -> Part:
        part: Part = children[-1]
        if children[0].type == "PREDICATE":
            _agree(children[0], part.words)
        part.start = _start(children[0])
        return part

    def made(self, children: list[Child]) -> Part:
        predicate, values = children
        _agree(predicate, values)
        return Part("values", values, None, _start(predicate), _end(values[-1]))

    def visible(self, children: list[Lexeme]) -> Part:
        return Part("visible", (), None, _start(children[0]), _end(children[-1]))

    def clause(self, children: list[Child]) -> Part:
        last = children[-1]
        attribute = children[1] if _type(children[0]) == "WHOSE" else None
        if isinstance(last, Head) and attribute is not None:
            part = Part("same", (attribute,), last, 0, last.end)
        elif isinstance(last, Head):
            part = Part("noun", (), last, last.start, last.end)
        elif isinstance(last, list):
            if attribute is not None:
                _agree(attribute, last)
            part = Part("values", last, None, 0, _end(last[-1]))
        else:
            part = last
        if len(children) > 1:
            part.start = _start(children[0])
        for child in children[:-1]:
            kind = _type(child)
            if kind in ("BOTH", "EITHER"):
                part.marker = kind.lower()
            elif kind in _OPENERS and not part.opener:
                part.opener = _OPENERS[kind]
                part.plural = _PLURAL_VERBS.get(str(child).lower().split()[-1])
        return part

    def phrase(self, children: list[Child]) -> Phrase:
        return Phrase(_as_head(children[0]), [])

    def extend(self, children: list[Child]) -> Phrase:
        phrase, part = children
        phrase.parts.append(part)
        return cast(Phrase, phrase)

    def extend_joined(self, children: list[Child]) -> Phrase:
        phrase, link, joined = children[0], children[1], children[-1]
        if isinstance(joined, Head):
            phrase.parts.append(Part("head", (), joined, joined.start, joined.end, link=link))
        else:
            phrase.parts.append(Part("values", joined, None, _start(joined[0]), _end(joined[-1]), link=link))
        return cast(Phrase, phrase)

    def extend_linked(self, children: list[Child]) -> Phrase:
        phrase, link, part = children
        part.link = link
        phrase.parts.append(part)
        return cast(Phrase, phrase)

    def comparand(self, children: list[Child]) -> Comparand:
        phrase = next(child for child in children if isinstance(child, Phrase))
        return Comparand(phrase, next((child for child in children if _type(child) == "ATTRIBUTE"), None))

    def comparand_it(self, children: list[Lexeme]) -> Comparand:
        return Comparand(_it(children[0]), children[1] if len(children) > 1 else None)

    def question(self, children: list[Ask]) -> Ask:
        return children[0]

    def ask_about(self, children: list[Child]) -> Ask:
        ask: Ask = children[-1]
        ask.about = children[1]
        return ask

    def count(self, children: list[Child]) -> Ask:
        return _ask("count", children, "HOW_MANY")

    def exist(self, children: list[Child]) -> Ask:
        return _ask("exist", children, "ARE_THERE")

    def compare_amounts(self, children: list[Child]) -> Ask:
        return _ask("compare_counts", children, "MORE", "FEWER", "AS_MANY")

    def compare_counts(self, children: list[Child]) -> Ask:
        return _ask("compare_counts", children, "SAME_AS", "LESS_THAN", "MORE_THAN")

    def same_number(self, children: list[Child]) -> Ask:
        return _ask("same_number", children, "SAME_NUMBER")

    def query(self, children: list[Child]) -> Ask:
        ask = _ask("query", children, "ATTRIBUTE", "PREDICATE", "HOW")
        if len(ask.words) > 1:
            _agree(next(word for word in ask.words if word.type == "PREDICATE"), ask.words)
        return ask

    def query_it(self, children: list[Child]) -> Ask:
        return _ask("query", [_it(children[2]), children[3]], "ATTRIBUTE")

    def compare_values(self, children: list[Child]) -> Ask:
        first = next(child for child in children if isinstance(child, Phrase))
        attribute = next(child for child in children if _type(child) == "ATTRIBUTE")
        comparand: Comparand = children[-1]
        if comparand.attribute is not None:
            _agree(attribute, [comparand.attribute])
        return Ask("compare_values", [first, comparand.phrase], (attribute,))

    def compare_values_it(self, children: list[Child]) -> Ask:
        return self.compare_values([children[0], _it(children[1]), *children[2:]])

    def same_value(self, children: list[Child]) -> Ask:
        attributes = next((child for child in children if isinstance(child, list)), None)
        ask = _ask("same_value", children, "ATTRIBUTE")
        if attributes is not None:
            ask.words = attributes
            for child in children:
                if _type(child) == "PREDICATE":
                    _agree(child, attributes)
        return ask

    def same_object(self, children: list[Child]) -> Ask:
        return _ask("same_object", children, "NOUN")

    def verify(self, children: list[Child]) -> Ask:
        return _ask("verify", children, "IS", "DO")

    def verify_values(self, children: list[Child]) -> Ask:
        phrase, values = children[1], children[2]
        phrase.parts.append(Part("values", values, None, _start(values[0]), _end(values[-1]), opener="is"))
        return _ask("verify", children, "IS", "DO")

    def verify_noun(self, children: list[Child]) -> Ask:
        head = self.head(children[2:])
        children[1].parts.append(Part("noun", (), head, head.start, head.end, opener="is"))
        return _ask("verify", children, "IS", "DO")


_OPENERS = {"THAT_IS": "that", "THAT_HAVE": "that", "WHOSE": "that", "IS": "is", "HAVE": "is"}
_PLURAL_VERBS = {"are": True, "have": True, "share": True, "is": False, "'s": False, "has": False, "shares": False}


def _ask(kind: str, children: list[Child], *terminals: str) -> Ask:
    phrases = [child for child in children if isinstance(child, Phrase)]
    return Ask(kind, phrases, [child for child in children if _type(child) in terminals])


def _marker(children: list[Lexeme]) -> str:
    """The "both" or "either" before a head, if there is one."""
    return children[0].type.lower() if children else ""


def _type(child: Child) -> str:
    return child.type if isinstance(child, Lexeme) else ""


def _start(child: Child) -> int:
    if isinstance(child, list):
        child = child[0]
    return (child.start_pos or 0) if isinstance(child, Lexeme) else cast(int, child.start)


def _end(child: Child) -> int:
    if isinstance(child, list):
        child = child[-1]
    return (child.end_pos or 0) if isinstance(child, Lexeme) else cast(int, child.end)


def _as_head(child: Head | list[Lexeme]) -> Head:
    if isinstance(child, Head):
        return child
    return Head("", False, child, None, _start(child[0]), _end(child[-1]))


def _it(lexeme: Lexeme) -> Phrase:
    return Phrase(Head("it", False, (), lexeme, _start(lexeme), _end(lexeme)), [])


def _agree(asked: Lexeme, words: Sequence[Lexeme]) -> None:
    """Refuse "made of red": a word of one attribute where another attribute is spoken of."""
    for word in words:
        concept = word.meaning.concept
        attribute = concept.attribute if concept is not None else word.meaning.name
        if attribute != asked.meaning.name:
            message = (
                f"{str(word)!r} is about {attribute or 'no attribute'}, but {str(asked)!r} about {asked.meaning.name}"
            )
            raise QuestionError(message, span=Span(_start(word), _end(word)))


class _Lexemes(Lexer):
    """Hands the grammar the lexemes that it is given."""

    def __init__(self, _: Any) -> None:
        pass

    def lex(self, lexemes: Sequence[Lexeme]) -> Iterator[Token]:  # type: ignore[override]
        return iter(lexemes)


@lru_cache(maxsize=1)
def grammar() -> Lark:
    """The parser of lexemes."""
    text = (resources.files("nmn.parser") / "english.lark").read_text(encoding="utf-8")
    return Lark(text, parser="lalr", lexer=_Lexemes, start="question", transformer=PhraseBuilder())


def closed_phrases(terminal: TerminalDef) -> list[str]:
    """The phrases that a terminal of the grammar file lists."""
    pattern = terminal.pattern.value
    return pattern.removeprefix("(?:").removesuffix(")").replace("\\", "").split("|")
