"""Language model: questions -> programs by any causal model of transformers, shown a few examples.

The model writes what the grammar of programs allows and nothing else: `llguidance` says after every token which may follow
(Geng et al. 2023, arXiv:2305.13971, grammar-constrained decoding). A grammar does not bound length, so a program that is
not finished within the budget is refused. It may also write that the question asks for nothing that there are words for.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from random import Random
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, NmnError, QuestionError, Span, WeightsError
from nmn.parse import Parse, Readings
from nmn.parser.generation.generator import Example, QuestionGenerator
from nmn.parser.lexicon import check_readable
from nmn.parser.program_grammar import program_grammar
from nmn.parser.text import parse_program
from nmn.registry import Registry, default_registry

if TYPE_CHECKING:
    from torch import Tensor

MISSING = "a language model needs llguidance: pip install 'nmn-engine[llm]'"
OUTSIDE = "nothing"
"""What the model writes for a question that asks for nothing that there are words for."""

_STYLES = ("clevr", "spoken", "plain", "spoken", "noisy", "outside", "spoken", "clevr")
_LONGEST_SHOWN = 12  # calls of an example's program
_DRAWS = 1_000
_TASK = "Write the program that answers each question about a picture. Where there is none, write {outside}.\n\n"


@dataclass(frozen=True)
class LanguageModelConfig:
    """How a language model is asked.

    Attributes:
        examples: How many questions with programs it is shown.
        seed: Of the examples.
        longest: Tokens of a program; a longer one is refused.
    """

    examples: int = 16
    seed: int = 0
    longest: int = 256


class LanguageModelParser:
    """Reads questions by a causal language model that is shown examples of the domain.

    The confidence of its one reading is the geometric mean of its tokens' probabilities before anything was ruled out.

    Args:
        model: A causal model of transformers.
        tokenizer: Its fast tokenizer.
        domain: What questions speak of.
        registry: The operations; those of the module library and of plug-ins if None.
        config: How it is asked.

    Raises: InputError when llguidance is missing, or the tokenizer is none that it can read.
    """

    name = "language model"

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        domain: Domain,
        registry: Registry | None = None,
        config: LanguageModelConfig = LanguageModelConfig(),
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.domain = domain
        self.registry = default_registry() if registry is None else registry
        self.config = config
        self.grammar = program_grammar(domain, self.registry, wrap=f'" " (answer | "{OUTSIDE}") "\\n"')
        self._matcher = _matcher(tokenizer, self.grammar)
        self._start: tuple[list[int], Any] | None = None

    @staticmethod
    def from_pretrained(name: str, domain: Domain, *, device: str = "cpu") -> "LanguageModelParser":
        """Load a model by its name on the Hub or by its folder.

        Raises:
            InputError: when llguidance is missing.
            WeightsError: when there is no such model, or it is none that goes from left to right.
        """
        _guidance()
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(name)
            model: Any = AutoModelForCausalLM.from_pretrained(name)
        except (OSError, ValueError, KeyError, ImportError) as error:
            reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
            raise WeightsError(f"cannot load language model {name!r}: {reason}") from None
        return LanguageModelParser(model.to(device).eval(), tokenizer, domain)

    @property
    def prompt(self) -> str:
        """What stands before every question."""
        shown = "".join(f"{_asked(each.text)}{_answered(each)}\n" for each in self.examples())
        return _TASK.format(outside=OUTSIDE) + shown

    def examples(self) -> list[Example]:
        """What the model is shown: short programs of many forms, in many wordings."""
        random, generator = Random(self.config.seed), QuestionGenerator(self.domain, registry=self.registry)
        found: list[Example] = []
        for _ in range(_DRAWS):
            if len(found) == self.config.examples:
                break
            drawn = generator.sample(random, _STYLES[len(found) % len(_STYLES)])
            if drawn.program is None or _is_short_tree(drawn):
                found.append(drawn)
        return found

    def parse(self, question: str) -> Readings:
        """The reading of a question.

        Raises: QuestionError when the model finds no program for it, or none that is finished and well typed.
        """
        check_readable(question)
        started = perf_counter()
        text, confidence = self._written(question)
        try:
            program = parse_program(text, self.registry).program
            check(program, self.domain, self.registry)
        except NmnError as error:
            raise _refused(question, f"wrote no program that is well typed: {str(error).splitlines()[0]}") from None
        cost = perf_counter() - started
        return (Parse(program, confidence, (None,) * len(program.nodes), self.name, cost),)

    def _written(self, question: str) -> tuple[str, float]:
        """What the model writes for a question, and its confidence."""
        tokens, surprise, finished = self._decode(_asked(question), question)
        text = self.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        if not finished:
            raise _refused(question, f"wrote no whole program in {self.config.longest} tokens")
        confidence = math.exp(-surprise / len(tokens))
        if text == OUTSIDE:
            raise _refused(question, f"finds nothing that there are words for (confidence {confidence:.2f})")
        return text, confidence

    def _decode(self, asked: str, question: str) -> tuple[list[int], float, bool]:
        """Greedy decoding: the tokens, the sum of their negative log-probabilities, and whether the grammar is content."""
        first, cache = self._shown()
        following = self.tokenizer(asked, add_special_tokens=False)["input_ids"]
        self._fits(len(first) + len(following) + self.config.longest, question)
        matcher, cache = self._matcher.deep_copy(), deepcopy(cache)
        tokens: list[int] = []
        surprise = 0.0
        while len(tokens) < self.config.longest:
            logits, cache = self._step(following, cache)
            token, likelihood = _likeliest(logits, matcher.compute_bitmask())
            if token is None or not matcher.consume_token(token):
                return tokens, surprise, False
            tokens.append(token)
            surprise -= likelihood
            if matcher.is_stopped():
                return tokens, surprise, not matcher.is_error()
            following = [token]
        return tokens, surprise, False

    def _shown(self) -> tuple[list[int], Any]:
        """Tokens of the prompt, and what the model keeps of having read them; read once."""
        if self._start is None:
            tokens = self.tokenizer(self.prompt)["input_ids"]
            self._fits(len(tokens), "")
            self._start = tokens, self._step(tokens, None)[1]
        return self._start

    def _step(self, tokens: Sequence[int], cache: Any) -> "tuple[Tensor, Any]":
        """Logits [tokens of the vocabulary] after some more tokens, and what to go on with."""
        import torch

        ids = torch.tensor([tokens], device=self.model.device)
        with torch.no_grad():
            found = self.model(input_ids=ids, past_key_values=cache, use_cache=True)
        return found.logits[0, -1].float(), found.past_key_values

    def _fits(self, length: int, question: str) -> None:
        longest = getattr(self.model.config, "max_position_embeddings", None)
        if longest is not None and length > longest:
            raise _refused(question, f"reads at most {longest} tokens, and {length} are needed")


def _asked(question: str) -> str:
    return f"Question: {' '.join(question.split())}\nProgram:"


def _answered(example: Example) -> str:
    return f" {OUTSIDE if example.program is None else example.program.text}\n"


def _is_short_tree(example: Example) -> bool:
    program = example.program
    return program is not None and len(program.nodes) <= _LONGEST_SHOWN and max(program.uses) <= 1


def _refused(question: str, reason: str) -> QuestionError:
    end = len(question.rstrip())
    return QuestionError(f"the language model {reason}", text=question, span=Span(end - len(question.strip()), end))


def _likeliest(logits: "Tensor", mask: bytes) -> tuple[int | None, float]:
    """The likeliest token of those that may follow and its log-probability among all; None when none may."""
    import torch

    bits = torch.frombuffer(bytearray(mask), dtype=torch.uint8)
    allowed = (bits[:, None] >> torch.arange(8, dtype=torch.uint8) & 1).flatten().bool()[: len(logits)]
    likelihoods = logits.log_softmax(-1)[: len(allowed)]
    kept = likelihoods.masked_fill(~allowed.to(likelihoods.device), -math.inf)
    token = int(kept.argmax())
    return (token, float(kept[token])) if math.isfinite(float(kept[token])) else (None, 0.0)


def _guidance() -> Any:
    """The library that follows a grammar. Raises: InputError when it is not installed."""
    try:
        import llguidance
    except ImportError:
        raise InputError(MISSING) from None
    return llguidance


def _matcher(tokenizer: Any, grammar: str) -> Any:
    """What says which tokens may follow, at the beginning of a text. Raises: InputError."""
    guidance = _guidance()
    from llguidance.hf import from_tokenizer

    try:
        matcher = guidance.LLMatcher(from_tokenizer(tokenizer), guidance.LLMatcher.grammar_from_lark(grammar))
    except ValueError as error:
        raise InputError(f"the model's tokenizer cannot follow a grammar: {error}") from None
    if matcher.is_error():
        raise InputError(f"the model's tokenizer cannot follow the grammar of programs: {matcher.get_error()}")
    return matcher
