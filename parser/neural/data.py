"""What the neural parser learns from: questions of files, questions made up on the spot, and noise, mixed by shares.

Which examples a step sees follows from the seed and the step alone. They are drawn a chunk at a time, sorted by length and
cut into batches, so that little is padded; the batches of a chunk come in random order.
"""

import math
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from random import Random

from nmn.domain import Domain
from nmn.errors import InputError, ProgramError
from nmn.parser.generation.description import program_of
from nmn.parser.generation.generator import QuestionGenerator
from nmn.parser.generation.noise import noisy
from nmn.parser.generation.structure import share_of, structure
from nmn.parser.neural.pieces import Pieces, split
from nmn.parser.neural.vocabulary import OUTSIDE, ProgramVocabulary
from nmn.program import Program
from nmn.registry import Registry

FILES, NOISY_FILES, OUT = "files", "noisy files", "outside"
_COUNTED = 2000  # programs drawn to see which structures are common
_TRIES = 200  # draws for one example that may be learned from, before giving up


@dataclass(frozen=True)
class MixtureConfig:
    """Shares of what a batch holds, in any unit, and limits."""

    files: float = 0.22  # questions of the files as they stand
    noisy_files: float = 0.08  # with typos and the like
    plain: float = 0.14  # made up, in the grammar's words
    clevr: float = 0.10  # in the words of CLEVR's templates
    spoken: float = 0.26  # in free wording
    noisy: float = 0.12  # in free wording, with typos and the like
    outside: float = 0.08  # that no program answers
    broken: float = 0.05  # probability that a word is split at a random place
    common: float = (
        0.004  # structures with a greater share of the made-up programs are thinned, by the root of the excess
    )
    kept_out: float = 0.05  # share of the structures that no file holds, kept for watching progress
    watched: int = 200  # questions of each style to watch progress on
    longest_question: int = 160  # pieces
    longest_program: int = 48  # tokens
    pieces: int = 800  # kinds of pieces, at most
    sampled: int = 1500  # questions of each style that pieces and words are taken from
    short_first: int = 20  # pieces of a question, at most, at the very beginning
    grown_at: int = 1500  # steps from which on questions may be as long as they are at most
    chunk: int = 32  # batches drawn together

    def __post_init__(self) -> None:
        if min(self.shares().values()) < 0 or not any(self.shares().values()):
            raise ValueError("shares must not be negative, and one must be above 0")
        if min(self.longest_question, self.longest_program, self.short_first, self.chunk) < 1:
            raise ValueError("limits must be at least 1")

    def longest_at(self, step: int) -> int:
        """Most pieces of a question at a step; short ones come first, as they tell which word says what.

        Source: curriculum learning (Bengio et al. 2009, section 5), by length.
        """
        done = min(1.0, step / self.grown_at) if self.grown_at > 0 else 1.0
        first = min(self.short_first, self.longest_question)
        return round(first * math.pow(self.longest_question / first, done))

    def shares(self) -> Mapping[str, float]:
        """Share of each style."""
        return {
            FILES: self.files,
            NOISY_FILES: self.noisy_files,
            "plain": self.plain,
            "clevr": self.clevr,
            "spoken": self.spoken,
            "noisy": self.noisy,
            OUT: self.outside,
        }


@dataclass(frozen=True)
class Asked:
    """A question and its program; None when it has none."""

    text: str
    program: Program | None


@dataclass(frozen=True)
class Example:
    """A question as pieces and its program as tokens."""

    pieces: tuple[int, ...]
    tokens: tuple[int, ...]


@dataclass
class Mixture:
    """Draws examples.

    Attributes:
        domain: What the questions are about.
        registry: Its operations.
        questions: Those of the files.
        excluded: Structures that are never learned from.
        config: Shares and limits.
        seed: Of every random choice.
        batch_size: Examples a batch.
        pieces: The subwords; learned from the questions if not given.
    """

    domain: Domain
    registry: Registry
    questions: Sequence[Asked]
    excluded: frozenset[str]
    config: MixtureConfig
    seed: int
    batch_size: int
    pieces: Pieces | None = None
    kept_out: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.vocabulary = ProgramVocabulary(self.domain, self.registry)
        self._structures: dict[Program, str] = {}
        self.generator = QuestionGenerator(self.domain, registry=self.registry)
        known: set[str] = set()
        self.corpus: list[Asked] = []
        self.watched: list[Asked] = []
        for asked in self.questions:
            if asked.program is None or structure(asked.program, self.registry) in self.excluded:
                continue
            known.add(structure(asked.program, self.registry))
            kept = share_of(asked.text) < min(0.1, 2 * self.config.watched / len(self.questions))
            (self.watched if kept else self.corpus).append(asked)
        self.known = frozenset(known)
        self._kept = self._thinned()

    def _thinned(self) -> Mapping[str, float]:
        """For each common structure of made-up programs, the probability that one of it is kept."""
        random, sampler = Random(f"{self.seed} common"), self.generator.sampler
        programs = (program_of(sampler.question(random)) for _ in range(_COUNTED))
        counts = Counter(structure(program, self.registry) for program in programs)
        most = max(1.0, self.config.common * _COUNTED)
        return {name: math.sqrt(most / count) for name, count in counts.items() if count > most}

    @property
    def styles(self) -> tuple[str, ...]:
        """Styles with a share, those of the files only if there are questions."""
        return tuple(
            style
            for style, share in self.config.shares().items()
            if share > 0 and (self.corpus or style not in (FILES, NOISY_FILES))
        )

    def learn_pieces(self) -> Pieces:
        """Subwords of a sample of the questions."""
        self.pieces = Pieces.trained(self._sample(), self.config.pieces)
        return self.pieces

    def words(self) -> tuple[str, ...]:
        """Words that occur at least twice in a sample of the questions that have no typos, sorted."""
        counts = Counter(word.strip() for text in self._sample(noise=False) for word, _, _ in split(text))
        return tuple(sorted(word for word, times in counts.items() if times > 1 and word.isalnum()))

    def _sample(self, *, noise: bool = True) -> list[str]:
        random = Random(f"{self.seed} sample")
        styles = [style for style in self.styles if noise or style not in (NOISY_FILES, "noisy", OUT)]
        return [self.draw(random, style).text for style in styles for _ in range(self.config.sampled)]

    def draw(self, random: Random, style: str, *, watch: bool = False) -> Asked:
        """One question of a style, of a structure that is learned from, or, if ``watch``, kept for watching.

        Raises: InputError when none is found.
        """
        for _ in range(_TRIES if not watch else 50 * _TRIES):
            asked = self._drawn(random, style, watch)
            if asked.program is None or style in (FILES, NOISY_FILES):
                return asked
            name = structure(asked.program, self.registry)
            new = name not in self.known and name not in self.excluded
            out = new and share_of(name) < self.config.kept_out
            thinned = not watch and random.random() >= self._kept.get(name, 1.0)
            if name not in self.excluded and out == watch and not thinned:
                return asked
        raise InputError(f"no question of style {style!r} is left, as too many structures are held out")

    def _drawn(self, random: Random, style: str, watch: bool) -> Asked:
        if style in (FILES, NOISY_FILES):
            asked = random.choice(self.watched if watch else self.corpus)
            return (
                asked
                if style == FILES
                else Asked(noisy(asked.text, random, words=self.generator.names.protected), asked.program)
            )
        made = self.generator.sample(random, style)
        return Asked(made.text, made.program)

    def example(self, asked: Asked, random: Random | None = None) -> Example | None:
        """A question in numbers; None when it is longer than what is read or said."""
        assert self.pieces is not None
        pieces = self.pieces.read(asked.text, random, broken=self.config.broken)
        if not 0 < len(pieces) <= self.config.longest_question:
            return None
        if asked.program is None:
            return Example(tuple(pieces), (OUTSIDE,))
        try:
            tokens = self.vocabulary.linearise(asked.program, most=self.config.longest_program)
        except ProgramError:
            return None
        return Example(tuple(pieces), tokens)

    def chunk(self, number: int) -> list[list[Example]]:
        """The batches of a chunk, in order."""
        random = Random(f"{self.seed} chunk {number}")
        styles = self.styles
        shares = [self.config.shares()[style] for style in styles]
        longest = self.config.longest_at(number * self.config.chunk)
        drawn: list[Example] = []
        while len(drawn) < self.config.chunk * self.batch_size:
            (style,) = random.choices(styles, shares)
            example = self.example(self.draw(random, style), random)
            if example is not None and len(example.pieces) <= longest:
                drawn.append(example)
        drawn.sort(key=lambda each: (len(each.pieces), len(each.tokens)))
        batches = [drawn[start : start + self.batch_size] for start in range(0, len(drawn), self.batch_size)]
        random.shuffle(batches)
        return batches

    def to_watch(self) -> dict[str, list[Asked]]:
        """Questions of every style to watch progress on, of structures that are not learned from where there are any."""
        found: dict[str, list[Asked]] = {}
        for style in self.styles:
            random = Random(f"{self.seed} watch {style}")
            if style in (FILES, NOISY_FILES) and not self.watched:
                continue
            watch = bool(self.config.kept_out) or style in (FILES, NOISY_FILES)
            found[style] = [self.draw(random, style, watch=watch) for _ in range(self.config.watched)]
        return found


class Feeder:
    """Gives the batch of any step; the chunks ahead are drawn in a process beside, or here and now.

    Args:
        mixture: Draws them; its pieces are known.
        beside: Whether to use a process.
    """

    def __init__(self, mixture: Mixture, *, beside: bool) -> None:
        self.mixture = mixture
        self._pool: ProcessPoolExecutor | None = None
        self._chunks: dict[int, list[list[Example]] | Future[list[list[Example]]]] = {}
        if beside:
            assert mixture.pieces is not None
            recipe = (mixture.domain, mixture.registry, mixture.questions, mixture.excluded, mixture.config)
            arguments = (*recipe, mixture.seed, mixture.batch_size, mixture.pieces.to_json())
            self._pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=_start, initargs=arguments)

    def batch(self, step: int) -> list[Example]:
        """The examples of a step."""
        number, place = divmod(step, self.mixture.config.chunk)
        ahead = (number, number + 1, number + 2) if self._pool is not None else (number,)
        for each in ahead:
            if each not in self._chunks:
                self._chunks[each] = self.mixture.chunk(each) if self._pool is None else self._pool.submit(_chunk, each)
        found = self._chunks[number]
        if isinstance(found, Future):
            found = self._chunks[number] = found.result()
        for old in [each for each in self._chunks if each < number]:
            del self._chunks[old]
        return found[place]

    def close(self) -> None:
        """Stop the process."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


_mixture: list[Mixture] = []  # that of the process beside


def _start(
    domain: Domain,
    registry: Registry,
    questions: Sequence[Asked],
    excluded: frozenset[str],
    config: MixtureConfig,
    seed: int,
    batch_size: int,
    pieces: str,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer saves, and then ends this process
    made = Mixture(domain, registry, questions, excluded, config, seed, batch_size, Pieces.from_json(pieces))
    _mixture.append(made)


def _chunk(number: int) -> list[list[Example]]:
    return _mixture[0].chunk(number)
