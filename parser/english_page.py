"""The page of the grammar: every form of question, phrase and clause with an example that is read, and all words.

Run: PYTHONSAFEPATH=1 python -m nmn.parser.english_page docs/english.md [--domain NAME_OR_FILE]
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from nmn.domain import Domain
from nmn.files import write_bytes
from nmn.parser.attachment import FURTHER_CLAUSE, FURTHER_LINK
from nmn.parser.english import LESS_LIKELY_PREDICATE, NOT_SPREAD, EnglishParser
from nmn.parser.grammar import closed_phrases, grammar
from nmn.parser.lexicon import domain_phrases, plural

_RULE = re.compile(r"^\??(?P<rule>[a-z_]+): (?P<first>.*)$")
_PARTS = {
    "question": "Questions",
    "ask": "Questions",
    "head": "Nouns",
    "phrase": "What follows a noun",
    "clause": "Clauses",
    "body": "What clauses say",
    "sharing": "What clauses say",
}
_DOMAIN_TERMINALS = ("NOUN", "VALUE", "ATTRIBUTE", "PREDICATE", "HOW", "RELATION")

# Text with more than one reading; each stands for a kind of choice, and the weight of a further reading.
_AMBIGUOUS = (
    (
        "A part without a verb belongs to the nearest noun; each step outwards",
        FURTHER_CLAUSE,
        "What {attribute} is the {thing} {left_of} the {other} {beyond} the {third}?",
    ),
    (
        "What follows “and” or “or” joins the nearest noun that has something of the kind; each step outwards",
        FURTHER_LINK,
        "How many {things} are {left_of} the {other} that is {beyond} the {third} and {left_of} the {thing}?",
    ),
    (
        "Values before “or” are shared; or else said of the first alone",
        NOT_SPREAD,
        "How many {value} {made_value} or {other_made_value} {things} are there?",
    ),
    (
        "The first place in a question about one thing is said of it; each later one",
        LESS_LIKELY_PREDICATE,
        "Is the {thing} {left_of} the {other} {beyond} the {third}?",
    ),
)


@dataclass(frozen=True)
class Form:
    """One alternative of a rule.

    Attributes:
        rule: The rule's name.
        name: What the alternative is called, if it is called something; else the rule's name.
        expansion: Its right side, in the grammar's notation.
        example: A question in which it occurs, the words of the domain as slots in braces.
    """

    rule: str
    name: str
    expansion: str
    example: str


@lru_cache(maxsize=1)
def forms() -> tuple[Form, ...]:
    """The alternatives in ``english.lark`` that have an example, in their order."""
    found: list[Form] = []
    rule = ""
    for line in (resources.files("nmn.parser") / "english.lark").read_text(encoding="utf-8").splitlines():
        start = _RULE.match(line)
        if start is not None:
            rule = start["rule"]
            line = start["first"]
        body, _, example = line.partition("//")
        expansion, _, name = body.partition("->")
        if rule and example and expansion.strip():
            found.append(Form(rule, name.strip() or rule, expansion.strip().removeprefix("| "), example.strip()))
    return tuple(found)


def slots(domain: Domain) -> dict[str, str]:
    """The words of a domain that stand in examples; what it does not have is left out."""
    found = {"noun": domain.nouns[0]}
    nouns = [words[0] for each in domain.attributes if each.values_are == "nouns" for words in each.value_words]
    for slot, noun in zip(("thing", "other", "third"), (*nouns, *[domain.nouns[0]] * 3), strict=False):
        found[slot], found[f"{slot}s"] = noun, plural(noun)
    for slot, attribute in zip(("attribute", "second_attribute"), domain.attributes, strict=False):
        found[slot] = attribute.words[0]
    for attribute in [each for each in domain.attributes if each.values_are != "nouns"][:1]:
        found["value"], found["second_value"] = attribute.value_words[0][0], attribute.value_words[-1][0]
        found["value_attribute"] = attribute.words[0]
    for attribute in [each for each in domain.attributes if each.predicate][:1]:
        found["made_of"] = str(attribute.predicate)
        found["made_value"], found["other_made_value"] = attribute.value_words[0][0], attribute.value_words[-1][0]
    for attribute in [each for each in domain.attributes if each.asked_as][:1]:
        found["How"] = attribute.asked_as[0].capitalize()
    for slot, relation in zip(("left_of", "beyond"), (domain.relations[:1] + domain.relations[2:]), strict=False):
        found[slot] = relation.words[0]
    return found


def example(form: Form, domain: Domain) -> str | None:
    """An example in a domain's words; None where it has no such words."""
    return _filled(form.example, domain)


def _filled(text: str, domain: Domain) -> str | None:
    try:
        return text.format(**slots(domain))
    except KeyError:
        return None


def page(domain: Domain) -> str:
    """The page, in Markdown.

    Raises: QuestionError when an example is not read.
    """
    parser = EnglishParser(domain)
    lines = [
        "# English: what the grammar reads",
        "",
        f"Written by `make docs` from `parser/english.lark` and the words of the domain `{domain.name}`; do not edit.",
        "[Questions](guides/questions.md) says what it is for.",
        "",
        "A form is one alternative of a rule: capitals are words ([below](#words)), small letters other rules; `?` marks what",
        "may be missing, `*` and `+` what may come again. Every example is read as the program beside it.",
    ]
    for part in dict.fromkeys(_PARTS.values()):
        lines += ["", f"## {part}", "", "| rule | form | example | program |", "|---|---|---|---|"]
        lines += _rows([form for form in forms() if _PARTS.get(form.rule) == part], parser)
    lines += ["", "## More than one reading", ""]
    lines += ["The weights of all readings, that of the first being 1, are scaled to a sum of 1: their confidences."]
    for said, weight, text in _AMBIGUOUS:
        lines += _readings(said, weight, text, parser)
    lines += ["", "## Words", "", "Phrases are found longest first; they are read without their articles, too.", ""]
    lines += ["| name | words |", "|---|---|", *_words(domain)]
    return "\n".join(lines) + "\n"


def _rows(found: Sequence[Form], parser: EnglishParser) -> Iterator[str]:
    for form in found:
        text = example(form, parser.domain)
        if text is not None:
            program = parser.parse(text)[0].program.text
            yield f"| `{form.name}` | `{_cell(form.expansion)}` | {text} | `{program}` |"


def _readings(said: str, weight: float, text: str, parser: EnglishParser) -> Iterator[str]:
    question = _filled(text, parser.domain)
    if question is not None:
        yield from ("", f"{said} weighs {weight:g}. “{question}”", "")
        yield from (f"* {parse.confidence:.2f} `{parse.program.text}`" for parse in parser.parse(question))


def _words(domain: Domain) -> Iterator[str]:
    phrases = domain_phrases(domain)
    for terminal in _DOMAIN_TERMINALS:
        words = [phrase for phrase, meaning in phrases.items() if meaning.terminal == terminal and not meaning.plural]
        if words:
            plurals = (
                " and their plurals" if any(phrases[word].terminal in ("NOUN", "ATTRIBUTE") for word in words) else ""
            )
            yield f"| `{terminal}` | {', '.join(words)}{plurals} |"
    for found in sorted(grammar().terminals, key=lambda found: found.name):
        yield f"| `{found.name}` | {', '.join(sorted(closed_phrases(found)))} |"


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def main() -> None:
    """Write the page."""
    arguments = argparse.ArgumentParser(description="Write the page of the grammar.")
    arguments.add_argument("page", type=Path, help="the file to write")
    arguments.add_argument("--domain", default="clevr", help="name or file of the domain (%(default)s)")
    options = arguments.parse_args()
    write_bytes(options.page, page(Domain.load(options.domain)).encode())


if __name__ == "__main__":
    main()
