"""The language model among the parsers: what it writes is a program of the domain, or it is refused."""

import math
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import UnexpectedInput

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, QuestionError, WeightsError
from nmn.parser.language_model import OUTSIDE, LanguageModelConfig, LanguageModelParser
from nmn.parser.links import default_parser
from nmn.parser.program_grammar import program_grammar
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import Registry, default_registry
from nmn.sampling import sample_program

CLEVR, GQA, REGISTRY = Domain.load("clevr"), Domain.load("gqa"), default_registry()
QUESTION = "How many cubes are there?"
CONFIG = LanguageModelConfig(examples=4, longest=48)


@pytest.fixture(scope="module")
def recogniser() -> Lark:
    return Lark(program_grammar(CLEVR, REGISTRY), parser="earley")


def is_tree(program: Program) -> bool:
    return max(program.uses) <= 1


@given(st.integers(0, 10**6), st.integers(2, 6))
@examples(50)
def test_the_grammar_derives_every_program_that_is_a_tree(recogniser: Lark, seed: int, depth: int) -> None:
    program = sample_program(Random(seed), CLEVR, REGISTRY, depth=depth, sharing=0.0)
    if is_tree(program) and len(program.nodes) <= 20:
        recogniser.parse(program.text)


@pytest.mark.parametrize(
    "text",
    [
        "count(filter(scene(), color=cube))",
        "count(unique(scene()))",
        "query[color](scene())",
        "equal[color](query[size](unique(scene())), query[color](unique(scene())))",
        "scene()",
        "count(filter(scene()))",
        "count(relate(unique(scene()), color))",
    ],
)
def test_the_grammar_derives_nothing_that_is_ill_typed(recogniser: Lark, text: str) -> None:
    with pytest.raises(UnexpectedInput):
        recogniser.parse(text)


def test_operations_that_nothing_can_be_given_to_are_left_out() -> None:
    registry = Registry({name: REGISTRY.signature(name) for name in ("count", "filter", "unique", "relate", "query")})
    with pytest.raises(KeyError):
        program_grammar(CLEVR, registry)
    with_scene = Registry({**registry.signatures, "scene": REGISTRY.signature("scene")})
    assert "union" not in program_grammar(CLEVR, with_scene)


def test_names_of_several_words_are_quoted() -> None:
    recogniser = Lark(program_grammar(GQA, REGISTRY), parser="earley")
    concept = next(each for each in GQA.concepts if " " in each[1])
    recogniser.parse(f'exist(select({concept[0]}="{concept[1]}"))')


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    pytest.importorskip("llguidance", reason="needs the extra 'llm': pip install 'nmn-engine[llm]'")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<end>", *alphabet])}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    made.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>")


def random_model(tokenizer: Any, seed: int, longest: int = 4096) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer) + 7, max_position_embeddings=longest, **sizes))  # type: ignore[arg-type]
    return model.eval()


@pytest.mark.parametrize("seed", range(6))
def test_a_model_that_knows_nothing_writes_a_program_of_the_domain_or_is_refused(tokenizer: Any, seed: int) -> None:
    parser = LanguageModelParser(random_model(tokenizer, seed), tokenizer, CLEVR, config=CONFIG)
    for question in (QUESTION, "x" * 50, "\N{PILE OF POO} what?"):
        try:
            (reading,) = parser.parse(question)
        except QuestionError as error:
            assert error.message.startswith("the language model")
            assert "\n" not in error.message
        else:
            check(reading.program, CLEVR, REGISTRY)
            assert 0 < reading.confidence < 0.2


class Scripted:
    """A model that wants to write one text after every prompt, whatever it is shown."""

    def __init__(self, tokenizer: Any, text: str, sureness: float) -> None:
        self.config = object()
        self.device = torch.device("cpu")
        self.tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
        self.size, self.sureness = len(tokenizer), sureness

    def __call__(self, *, input_ids: torch.Tensor, past_key_values: Any, use_cache: bool) -> Any:
        # What it keeps is how much it has written: nothing after the prompt and the question.
        written = 0 if input_ids.shape[1] > 1 else past_key_values + 1
        logits = torch.zeros(1, 1, self.size)
        if written < len(self.tokens):
            logits[0, 0, self.tokens[written]] = self.sureness

        class Found:
            pass

        found = Found()
        found.logits, found.past_key_values = logits, written  # type: ignore[attr-defined]
        return found


def scripted(tokenizer: Any, text: str, sureness: float = 12.0) -> LanguageModelParser:
    return LanguageModelParser(Scripted(tokenizer, text, sureness), tokenizer, CLEVR, config=CONFIG)


PROGRAM = "count(filter(scene(), shape=cube))"


def test_what_a_model_wants_to_write_is_read_with_the_confidence_of_its_tokens(tokenizer: Any) -> None:
    (sure,) = scripted(tokenizer, f" {PROGRAM}\n").parse(QUESTION)
    assert sure.program == parse_program(PROGRAM, REGISTRY).program
    assert sure.link == "language model"
    assert sure.spans == (None,) * 3
    others = len(tokenizer) - 1
    assert sure.confidence == pytest.approx(1 / (1 + others * math.exp(-12)), rel=1e-3)
    (unsure,) = scripted(tokenizer, f" {PROGRAM}\n", sureness=6.0).parse(QUESTION)
    assert unsure.program == sure.program
    assert unsure.confidence < sure.confidence


def test_what_the_grammar_forbids_is_never_written(tokenizer: Any) -> None:
    try:
        (reading,) = scripted(tokenizer, " count(filter(scene(), color=cube))\n").parse(QUESTION)
    except QuestionError:
        return
    assert "color=cube" not in reading.program.text
    assert reading.confidence < 0.9


def test_a_model_may_say_that_there_is_nothing_to_answer(tokenizer: Any) -> None:
    with pytest.raises(QuestionError, match="finds nothing that there are words for"):
        scripted(tokenizer, f" {OUTSIDE}\n").parse("Who painted this?")


def test_a_program_that_is_not_finished_is_refused(tokenizer: Any) -> None:
    endless = " count(" + "union(" * 100
    with pytest.raises(QuestionError, match="no whole program in 48 tokens") as raised:
        scripted(tokenizer, endless).parse(f"  {QUESTION}")
    assert raised.value.pointer() == f"  {QUESTION}\n  {'^' * len(QUESTION)}"


def test_a_choice_that_is_none_is_refused_as_ill_typed(tokenizer: Any) -> None:
    text = " choose(unique(scene()), color=red, color=red)\n"
    with pytest.raises(QuestionError, match="no program that is well typed"):
        scripted(tokenizer, text).parse(QUESTION)


def test_questions_are_read_alike_whatever_was_read_before(tokenizer: Any) -> None:
    model = random_model(tokenizer, 3)
    fresh, used = (LanguageModelParser(model, tokenizer, CLEVR, config=CONFIG) for _ in range(2))
    used._decode("Question: something else\nProgram:", "something else")
    assert fresh._decode("Question: a\nProgram:", "a") == used._decode("Question: a\nProgram:", "a")


def test_a_model_is_shown_examples_of_the_domain(tokenizer: Any) -> None:
    parser = LanguageModelParser(random_model(tokenizer, 0), tokenizer, CLEVR, config=LanguageModelConfig(examples=16))
    assert parser.prompt == parser.prompt
    assert parser.prompt.count("Question: ") == parser.prompt.count("Program: ") == 16
    assert f"Program: {OUTSIDE}\n" in parser.prompt
    matcher = parser._matcher
    for each in parser.examples():
        text = OUTSIDE if each.program is None else each.program.text
        copy = matcher.deep_copy()
        assert copy.consume_tokens(tokenizer(f" {text}\n")["input_ids"])
        assert copy.is_stopped()
        assert not copy.is_error()


def test_questions_that_do_not_fit_the_model_are_refused(tokenizer: Any) -> None:
    parser = LanguageModelParser(random_model(tokenizer, 0, longest=2048), tokenizer, CLEVR, config=CONFIG)
    with pytest.raises(QuestionError, match="at most 2048 tokens"):
        parser.parse("how many " * 400)
    for text in ("", "??"):
        with pytest.raises(QuestionError):
            parser.parse(text)


def test_a_model_in_a_folder_is_the_last_of_the_cascade(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nmn.parser.links.shipped_weights", lambda domain: None)
    random_model(tokenizer, 0, longest=20_000).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    cascade = default_parser(CLEVR, language_model=str(tmp_path))
    assert cascade.parse(QUESTION)[0].link == "grammar"
    try:
        best = cascade.parse("How many cubez are there?")[0]
    except QuestionError as error:
        assert "cubez" in error.message  # the grammar's, since nobody has a reading
    else:
        assert (best.known, best.link) == (False, "language model")


def test_missing_models_and_libraries_are_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokenizer: Any
) -> None:
    with pytest.raises(WeightsError, match="cannot load language model") as raised:
        LanguageModelParser.from_pretrained(str(tmp_path), CLEVR)
    assert "\n" not in str(raised.value)
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(InputError, match=r"pip install 'nmn-engine\[llm\]'"):
        LanguageModelParser.from_pretrained("any", CLEVR)
    with pytest.raises(InputError, match=r"pip install 'nmn-engine\[llm\]'"):
        LanguageModelParser(random_model(tokenizer, 0), tokenizer, CLEVR)
