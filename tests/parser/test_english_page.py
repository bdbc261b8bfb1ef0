"""The page of the grammar: it is current, complete, and true."""

import re
from importlib import resources
from pathlib import Path

import pytest
from lark import Lark, Token, Tree
from lark.lexer import Lexer

from nmn.domain import Domain
from nmn.parser.english import EnglishParser
from nmn.parser.english_page import Form, example, forms, page
from nmn.parser.grammar import closed_phrases, grammar

CLEVR = Domain.load("clevr")
PARSER = EnglishParser(CLEVR)
EVERY_FORM = {"question", "ask", "phrase", "head", "clause", "body", "sharing"}  # rules whose forms all have examples
PLAIN = ("head | values", "ask")  # what stands for itself


class Given(Lexer):
    """Hands over the lexemes that it is given."""

    def __init__(self, _: object) -> None:
        pass

    def lex(self, lexemes):
        return iter(lexemes)


def source() -> str:
    return (resources.files("nmn.parser") / "english.lark").read_text(encoding="utf-8")


TREES = Lark(source(), parser="lalr", lexer=Given, start="question")
RULE_OF = {rule.alias or rule.origin.name.lstrip("?"): rule.origin.name.lstrip("?") for rule in TREES.rules}


def fits(form: Form, node: Tree) -> bool:
    """Whether a node of a tree is of a form: its form is read as a regular expression over the names of what it holds."""
    wanted = re.sub(r"[A-Za-z_]+", lambda word: f"(?:{_WAYS.get(word[0], word[0])};)", form.expansion)
    held = [str(child.type) if isinstance(child, Token) else RULE_OF[child.data] for child in node.children]
    return RULE_OF[node.data] == form.rule and bool(
        re.fullmatch(wanted, "".join(f"{name};" for name in held), re.VERBOSE)
    )


_WAYS = {"body": "(?:body|sharing)"}  # a body that is nothing but one sharing is that sharing


def test_the_page_is_current(root: Path) -> None:
    written = (root / "docs" / "english.md").read_text(encoding="utf-8")
    assert written == page(CLEVR), "docs/english.md is not current: run `make docs`"


@pytest.mark.parametrize("form", forms(), ids=lambda form: f"{form.name}: {form.expansion}")
def test_every_example_is_of_its_form_and_is_read(form: Form) -> None:
    text = example(form, CLEVR)
    assert text is not None
    assert PARSER.parse(text)
    tree = TREES.parse(PARSER.lexicon.read(text))
    assert any(fits(form, node) for node in tree.iter_subtrees()), tree.pretty()


def test_every_form_has_an_example() -> None:
    alternatives: list[str] = []
    rule = ""
    for line in source().splitlines():
        start = re.match(r"\??([a-z_]+): ", line)
        rule = start[1] if start else rule if line.lstrip().startswith("|") and line[:1] == " " else ""
        if rule in EVERY_FORM:
            alternatives.append(re.split(r"->|//", line.partition(":")[2] if start else line)[0].strip(" |"))
    shown = {form.expansion for form in forms()}
    assert [found for found in alternatives if found not in shown and found not in PLAIN] == []


def test_all_words_stand_on_the_page() -> None:
    text = page(CLEVR)
    for terminal in grammar().terminals:
        assert f"| `{terminal.name}` | {', '.join(sorted(closed_phrases(terminal)))} |" in text
    for _, value in CLEVR.concepts:
        assert f" {value}," in text or f" {value} " in text


def test_a_domain_with_little_to_say_has_a_page_too(tmp_path: Path) -> None:
    path = tmp_path / "plain.toml"
    path.write_text(
        'name = "plain"\nversion = 1\nnouns = ["pebble"]\n[attributes.tone]\nwords = ["tone"]\n'
        '[attributes.tone.values]\npale = ["pale"]\ndim = ["dim"]\n[relations.over]\nwords = ["over"]\n'
    )
    text = page(Domain.load(path))
    assert "How many pebbles are there?" in text
    assert "cube" not in text
