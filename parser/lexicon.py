"""Lexicon: the words of a domain and the closed words of English, found in a question longest phrase first."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import combining, name

from lark import Token

from nmn.domain import Attribute, Domain
from nmn.errors import DomainError, QuestionError, Span, nearest
from nmn.program import Concept

LONGEST_QUESTION = 10_000  # characters

_PIECE = re.compile(r"'s\b|[^\W_]+|[^\w\s]|_", re.IGNORECASE)
_TYPOGRAPHIC = str.maketrans("’‘“”？；：，…–—", "''\"\"?;:,.--")
_IGNORED = frozenset("\"'-()")  # so "left-of" is "left of"
_SEPARATES = frozenset(";:/.?!")
_ENDS = _IGNORED | _SEPARATES | {","}
_MAY_SEPARATE = {",": "COMMA"}
# What a question can begin with: a comma before it separates, any other comma lists.
_BEGINS_QUESTION = frozenset({"WHAT", "HOW", "HOW_MANY", "ARE_THERE", "DO"})
_NEGATIONS = frozenset({"not", "no", "nothing", "none", "without", "except", "isn", "aren", "neither", "nor"})
_ARTICLES = frozenset({"the", "a", "an"})
_STRANGE_AT_LEAST = 2  # unknown words
_PHRASES_SHOWN = 3
_PHRASE_BREAKS_OFF = 4  # words from the start of a phrase
_LONGEST_SHOWN = 40  # characters of a word
_HOLDS_IS = frozenset({"what", "that", "there", "which", "it", "how"})


@dataclass(frozen=True)
class Meaning:
    """What a phrase of the lexicon stands for: a terminal of the grammar, and what it names in the domain.

    Attributes:
        terminal: The terminal's name.
        name: The attribute or relation that it names, if it names one.
        concept: The value that it names, if it names one.
        plural: Whether it is a plural form.
    """

    terminal: str
    name: str = ""
    concept: Concept | None = None
    plural: bool = False


class Lexeme(Token):
    """A token of the grammar together with what it means."""

    meaning: Meaning

    @staticmethod
    def of(meaning: Meaning, text: str, start: int, end: int) -> "Lexeme":
        """The token for ``text[start:end]``."""
        lexeme = Lexeme(meaning.terminal, text[start:end], start_pos=start, end_pos=end)
        lexeme.meaning = meaning
        return lexeme


@dataclass(frozen=True)
class _Entry:
    rest: tuple[str, ...]  # the words after the first
    meaning: Meaning


class Lexicon:
    """Splits questions into the terminals of the grammar.

    Args:
        domain: Whose words are known.
        closed: Terminal to its phrases, for the words that do not depend on the domain.
    """

    def __init__(self, domain: Domain, closed: Mapping[str, Iterable[str]]) -> None:
        # A word of the domain goes before a closed word that is spelled alike.
        phrases = {
            **{phrase: Meaning(terminal) for terminal, of in closed.items() for phrase in of},
            **domain_phrases(domain),
        }
        self._entries: dict[str, list[_Entry]] = {}
        self.words: dict[str, list[str]] = {}  # word to the phrases that it stands in
        for phrase in phrases:
            if not pieces(phrase):
                raise DomainError(f"domain {domain.name!r}: {phrase!r} holds no word, so no question can name it")
            for word in pieces(phrase):
                self.words.setdefault(word, []).append(phrase)
        for phrase, meaning in {**_without_articles(phrases), **phrases}.items():
            first, *rest = pieces(phrase)
            self._entries.setdefault(first, []).append(_Entry(tuple(rest), meaning))
        for entries in self._entries.values():
            entries.sort(key=lambda entry: -len(entry.rest))

    def read(self, question: str) -> list[Lexeme]:
        """Split a question.

        Raises: QuestionError when it is empty, too long, or holds a word that is not known.
        """
        check_readable(question)
        text = question.translate(_TYPOGRAPHIC)
        found = [match for match in _PIECE.finditer(text) if match.group() not in _IGNORED]
        while found[-1].group() in _ENDS:
            found.pop()
        return list(self._punctuated(question, list(self._lexemes(question, found))))

    def _lexemes(self, text: str, found: Sequence[re.Match[str]]) -> Iterator[Lexeme]:
        words = [match.group().lower() for match in found]
        index = 0
        while index < len(words):
            word = words[index]
            start, end = found[index].start(), found[index].end()
            entry = self._longest(words, index)
            if word == "'s" and not (index and words[index - 1] in _HOLDS_IS):
                yield Lexeme.of(_POSSESSIVE, text, start, end)
            elif entry is not None:
                index += len(entry.rest)
                yield Lexeme.of(entry.meaning, text, start, found[index].end())
            elif word in _SEPARATES:
                yield Lexeme.of(_SEPARATOR, text, start, end)
            elif word in _MAY_SEPARATE:
                yield Lexeme.of(_COMMA, text, start, end)
            else:
                raise self._unknown(text, found, index)
            index += 1

    def _longest(self, words: Sequence[str], index: int) -> _Entry | None:
        for entry in self._entries.get(words[index], ()):
            rest = entry.rest
            if not rest or all(
                index + 1 + i < len(words) and words[index + 1 + i] == word for i, word in enumerate(rest)
            ):
                return entry
        return None

    def _punctuated(self, text: str, lexemes: Sequence[Lexeme]) -> Iterator[Lexeme]:
        """Tell commas that separate from commas in lists, and drop those that only stand beside "and" or "or"."""
        for index, lexeme in enumerate(lexemes):
            following = lexemes[index + 1].type if index + 1 < len(lexemes) else ""
            if lexeme.type == "COMMA":
                after = lexemes[index + 2].type if index + 2 < len(lexemes) else ""
                if following in ("AND", "OR", "COMMA", "SEPARATOR"):
                    continue
                if following in _BEGINS_QUESTION or (following == "IS" and after in ("IT", "ITS")):
                    yield Lexeme.of(_SEPARATOR, text, lexeme.start_pos or 0, lexeme.end_pos or 0)
                    continue
            elif lexeme.type == "SEPARATOR" and following == "SEPARATOR":
                continue
            yield lexeme

    def _unknown(self, text: str, found: Sequence[re.Match[str]], index: int) -> QuestionError:
        words = [match.group().lower() for match in found]
        if words[index] in self.words:  # a phrase that breaks off at a word nearby: that is the strange one
            nearby = range(index + 1, min(index + _PHRASE_BREAKS_OFF, len(words)))
            index = next((at for at in nearby if words[at].isalnum() and words[at] not in self.words), index)
        word, span = words[index], Span(found[index].start(), found[index].end())
        strange = sum(word.isalnum() and word not in self.words for word in words)
        if word in self.words:
            phrases = self.words[word][::-1][:_PHRASES_SHOWN]  # those of the domain first
            message = f"{word!r} means nothing by itself; it is known in {', '.join(map(repr, phrases))}"
        elif word in _NEGATIONS:
            message = f"{word!r}: the language has no negation; ask for what is there"
        elif word.isdigit():
            message = f"{word!r}: the language has no numbers, only comparisons of two counts"
        elif not word.isascii() or not word.isalnum():
            what = "word" if any(letter.isalnum() for letter in word) else "sign"
            message = f"unknown {what} {_shown(word)}: questions are read in English"
        elif strange > _STRANGE_AT_LEAST and 2 * strange > len(words):
            said = "questions are read in English, in the words of a domain"
            message = f"unknown word {_shown(word)}, and most others too: {said}"
        else:
            message = f"unknown word {_shown(word)}{nearest(word, self.words)}"
        return QuestionError(message, text=text, span=span)


def check_readable(question: str) -> None:
    """See that a text could be a question at all, whatever reads it.

    Raises: QuestionError when it is too long, when there is no word in it, or when it holds what nobody sees or a word of
        letters of two scripts.
    """
    if len(question) > LONGEST_QUESTION:
        message = f"the question has {len(question):,} characters; at most {LONGEST_QUESTION:,} are read"
        raise QuestionError(message, text=question, span=Span(LONGEST_QUESTION, LONGEST_QUESTION + 1))
    if not any(each.isalnum() for each in question):
        what = "holds no word" if any(not each.isspace() and each not in _ENDS for each in question) else "is empty"
        message = f"the question {what}; ask something such as 'Are there any ...?' or 'What is ...?'"
        raise QuestionError(message, text=question, span=Span(0, len(question)))
    if not question.isascii() or not question.isprintable():
        _check_visible(question)
        _check_scripts(question)


def _check_visible(question: str) -> None:
    """Refuse characters that nobody sees: control characters, marks of direction, halves of surrogate pairs."""
    for place, each in enumerate(question):
        if (each.isprintable() and not combining(each)) or each.isspace():
            continue
        called = f" ({name(each)})" if name(each, "") else ""
        message = f"the question holds the sign U+{ord(each):04X}{called}, which is in no word of English"
        raise QuestionError(message, text=question, span=Span(place, place + 1))


def _shown(word: str) -> str:
    return repr(word if len(word) <= _LONGEST_SHOWN else f"{word[: _LONGEST_SHOWN - 3]}...")


def _check_scripts(question: str) -> None:
    """Refuse words in which a letter of another script only looks like a Latin one."""
    for match in _PIECE.finditer(question):
        word = match.group()
        strange = [letter for letter in word if not letter.isascii() and not name(letter, "LATIN").startswith("LATIN")]
        if strange and any(letter.isascii() and letter.isalpha() for letter in word):
            message = f"unknown word {_shown(word)}, in which {strange[0]!r} is {name(strange[0])}"
            span = Span(match.start(), match.end())
            raise QuestionError(f"{message}: questions are read in English", text=question, span=span)


_POSSESSIVE = Meaning("POSSESSIVE")
_SEPARATOR = Meaning("SEPARATOR")
_COMMA = Meaning("COMMA")


def pieces(phrase: str) -> list[str]:
    """The words of a phrase as the lexicon tells them apart; hyphens part words."""
    return [match.group().lower() for match in _PIECE.finditer(phrase) if match.group() not in _ENDS]


def _without_articles(phrases: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Phrases of several words as they are in notes: "to left of" for "to the left of"."""
    found: dict[str, Meaning] = {}
    for phrase, meaning in phrases.items():
        words = pieces(phrase)
        left = [word for word in words if word not in _ARTICLES]
        if 1 < len(left) < len(words):
            found[" ".join(left)] = meaning
    return found


def domain_phrases(domain: Domain) -> dict[str, Meaning]:
    """Every word and phrase of a domain, with plurals; a declared word goes before a plural that is spelled alike."""
    declared: dict[str, Meaning] = {}
    plurals: dict[str, Meaning] = {}

    def noun(word: str, terminal: str, *, name: str = "", concept: Concept | None = None) -> None:
        declared[word] = Meaning(terminal, name, concept)
        plurals.setdefault(plural(word), Meaning(terminal, name, concept, plural=True))

    for word in (*domain.nouns, "one"):
        noun(word, "NOUN")
    for attribute in domain.attributes:
        for word in attribute.words:
            noun(word, "ATTRIBUTE", name=attribute.name)
        for word in attribute.asked_as:
            declared[word] = Meaning("HOW", attribute.name)
        if attribute.predicate is not None:
            declared[attribute.predicate] = Meaning("PREDICATE", attribute.name)
        for word, concept in _value_words(attribute):
            if attribute.values_are == "nouns":
                noun(word, "NOUN", concept=concept)
            else:
                declared[word] = Meaning("VALUE", concept=concept)
    for relation in domain.relations:
        for word in relation.words:
            declared[word] = Meaning("RELATION", relation.name)
    return {**plurals, **declared}


def _value_words(attribute: Attribute) -> Iterator[tuple[str, Concept]]:
    for value, words in zip(attribute.values, attribute.value_words, strict=True):
        for word in words:
            yield word, Concept(attribute.name, value)


def plural(noun: str) -> str:
    """The regular English plural: ``cubes``, ``boxes``, ``berries``."""
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2:-1] not in ("a", "e", "i", "o", "u"):
        return f"{noun[:-1]}ies"
    return f"{noun}s"
