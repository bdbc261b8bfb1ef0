"""Pieces: questions as sequences of subwords that never fail, down to single bytes.

Source: byte-level BPE of Radford et al. 2019 (GPT-2), trained with the ``tokenizers`` library; splitting a word at random
places in training, so that a word with a typo is not strange, is in the spirit of BPE-dropout (Provilkov et al. 2020,
arXiv:1910.13267).
"""

import json
import re
from collections.abc import Iterable
from random import Random
from typing import TYPE_CHECKING

from nmn.errors import QuestionError, Span, WeightsError
from nmn.parser.lexicon import LONGEST_QUESTION

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PADDING = 0
_PADDING_NAME = "<padding>"
_WORD = re.compile(r"\s*(?:[^\W_]+|[^\w\s]|_)")
_TYPOGRAPHIC = str.maketrans("’‘“”？；：，…–—", "''\"\"?;:,.--")
_MOST_KEPT = 20_000  # words whose pieces are remembered


class Pieces:
    """Splits questions into the numbers of subwords.

    Args:
        tokenizer: A byte-level BPE of the ``tokenizers`` library, whose piece 0 is padding.
    """

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self._tokenizer = tokenizer
        self._known: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())

    @staticmethod
    def trained(texts: Iterable[str], size: int) -> "Pieces":
        """Learn at most ``size`` pieces from texts; at least the 256 bytes are among them."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=[_PADDING_NAME],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        words = (word for text in texts for word, _, _ in split(text))
        tokenizer.train_from_iterator(words, trainer)
        return Pieces(tokenizer)

    @staticmethod
    def from_json(text: str) -> "Pieces":
        """Read what :meth:`to_json` wrote. Raises: WeightsError on anything else."""
        from tokenizers import Tokenizer

        try:
            json.loads(text)
            pieces = Pieces(Tokenizer.from_str(text))
        except Exception as error:  # noqa: BLE001 - the library raises plain Exception
            raise WeightsError(f"not a file of subword pieces: {str(error).splitlines()[0]}") from None
        if pieces._tokenizer.token_to_id(_PADDING_NAME) != PADDING:
            raise WeightsError(f"not a file of subword pieces: piece {PADDING} is not {_PADDING_NAME}")
        return pieces

    def to_json(self) -> str:
        """The pieces as JSON text."""
        return str(self._tokenizer.to_str())

    def word(self, word: str) -> tuple[int, ...]:
        """The pieces of one word as :func:`split` gives it."""
        found = self._known.get(word)
        if found is None:
            found = tuple(self._tokenizer.encode(word).ids)
            if len(self._known) < _MOST_KEPT:
                self._known[word] = found
        return found

    def read(self, text: str, random: Random | None = None, *, broken: float = 0.0) -> list[int]:
        """The pieces of a text.

        Args:
            text: Of any content.
            random: Source of randomness of ``broken``.
            broken: Probability that a word is split at a random place before it is looked up.
        """
        pieces: list[int] = []
        for word, _, _ in split(text):
            if random is not None and len(word) > 2 and random.random() < broken:
                place = random.randrange(1, len(word))
                pieces += (*self.word(word[:place]), *self.word(word[place:]))
            else:
                pieces += self.word(word)
        return pieces

    def question(self, question: str, most: int) -> list[int]:
        """The pieces of a question.

        Raises: QuestionError when it is empty or has more characters or pieces than are read.
        """
        if len(question) > LONGEST_QUESTION:
            message = f"the question has {len(question):,} characters; at most {LONGEST_QUESTION:,} are read"
            raise QuestionError(message, text=question, span=Span(LONGEST_QUESTION, LONGEST_QUESTION + 1))
        if not any(each.isalnum() for each in question):
            message = "the question is empty; ask something such as 'Are there any ...?' or 'What is ...?'"
            raise QuestionError(message, text=question, span=Span(0, len(question)))
        pieces: list[int] = []
        for word, start, end in split(question):
            pieces += self.word(word)
            if len(pieces) > most:
                message = f"the question is too long for the neural parser, which reads {most} pieces of words"
                raise QuestionError(message, text=question, span=Span(start, end))
        return pieces


def split(text: str) -> Iterable[tuple[str, int, int]]:
    """Words and signs in lower case, each with a space before it if one stands there, with their places."""
    shown = text.translate(_TYPOGRAPHIC).encode("utf-8", "replace").decode("utf-8")
    for match in _WORD.finditer(shown):
        word = match.group().lstrip()
        spaced = match.start() == 0 or len(word) < len(match.group())
        yield (" " if spaced else "") + word.lower(), match.end() - len(word), match.end()
