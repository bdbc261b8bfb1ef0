"""Generator: random programs with questions that ask for them, in many wordings, without end.

What a parser of free wording is trained on. Programs are drawn from what a domain declares, as broadly as the grammar of
English reaches; texts are composed from patterns, so that wordings combine as freely as programs do.

Source: synthetic questions with programs, as in CLEVR (Johnson et al. 2017, arXiv:1612.06890, section 3.3) and Overnight
(Wang, Berant and Liang 2015, "Building a semantic parser overnight", section 2).
"""

from collections.abc import Collection
from dataclasses import dataclass
from random import Random

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, ProgramError, QuestionError, nearest
from nmn.parser.english import EnglishParser
from nmn.parser.generation.description import Question, program_of, question_of
from nmn.parser.generation.names import Names
from nmn.parser.generation.noise import noisy
from nmn.parser.generation.outside import Outside
from nmn.parser.generation.patterns import wordings
from nmn.parser.generation.questions import Speaker
from nmn.parser.generation.structure import structure
from nmn.program import Program
from nmn.registry import Registry, default_registry

STYLES = ("plain", "clevr", "spoken", "noisy", "outside")
READ_BY_GRAMMAR = ("plain", "clevr")
_MOST_DRAWS = 10_000  # programs drawn for one that may be produced
_MOST_WORDINGS = 12  # tried for one program that is given
_FEW_WORDINGS = 4  # tried for one program drawn, before another one is drawn
_LONG, _FORGONE = (
    150,
    0.45,
)  # letters of a text that people seldom say, and the chance that another one is drawn instead
_NOISY_OF = ("spoken", "plain", "clevr"), (0.6, 0.2, 0.2)


@dataclass(frozen=True)
class Example:
    """A question and its program.

    Attributes:
        text: The question.
        program: Its program, or None for a question outside the domain, to be met with "I don't know".
        style: One of ``STYLES``.
    """

    text: str
    program: Program | None
    style: str


class QuestionGenerator:
    """Makes questions about what a domain declares.

    Args:
        domain: Its attributes, relations and words.
        registry: Operations that programs may call; all that ship if None. Operations without English are left out.
        exclude: Structures, as :func:`~nmn.parser.generation.structure.structure` names them, that are never produced.

    Raises: InputError when nothing at all can be asked about the domain.
    """

    def __init__(self, domain: Domain, *, registry: Registry | None = None, exclude: Collection[str] = ()) -> None:
        self.domain = domain
        self.registry = default_registry() if registry is None else registry
        self.exclude = frozenset(exclude)
        self.names = Names(domain)
        self.sampler = self.names.sampler(self.registry)
        if not self.sampler.kinds:
            raise InputError(
                "no question can be generated: the registry has none of the operations that English asks for"
            )
        self._outside = Outside(domain, self.names)
        self._grammar = EnglishParser(domain, most_readings=1)
        self._always_check = any(" " in word for word in domain.words() if word not in self._simple_phrases())

    def _simple_phrases(self) -> frozenset[str]:
        """Phrases of several words that cannot be mistaken: those for relations."""
        return frozenset(word for relation in self.domain.relations for word in relation.words)

    def sample(self, random: Random, style: str = "plain") -> Example:
        """A random question.

        Args:
            random: Source of randomness; equal states give equal examples.
            style: One of ``STYLES``.

        Raises: InputError for an unknown style, or when every program drawn is excluded.
        """
        if style == "outside":
            return Example(self._outside.text(random), None, style)
        _check_style(style)
        for _ in range(_MOST_DRAWS):
            question = self.sampler.question(random)
            program = program_of(question)
            if self.exclude and structure(program, self.registry) in self.exclude:
                continue
            try:
                text = self._text(question, program, random, style, _FEW_WORDINGS)
            except ProgramError:
                continue
            if style in READ_BY_GRAMMAR or len(text) < _LONG or random.random() >= _FORGONE:
                return Example(text, program, style)
        raise InputError(f"none of {_MOST_DRAWS:,} programs drawn may be produced: too much is excluded")

    def render(self, program: Program, random: Random, style: str = "plain") -> str:
        """A question that asks for a program.

        Raises:
            ProgramError: when English has no words for it, or it is ill-typed.
            InputError: for a style that asks for no program.
        """
        _check_style(style)
        if style == "outside":
            raise InputError("a question outside the domain has no program; choose another style")
        check(program, self.domain, self.registry)
        return self._text(question_of(program, self.domain.attribute_ids), program, random, style, _MOST_WORDINGS)

    def _text(self, question: Question, program: Program, random: Random, style: str, wordings_tried: int) -> str:
        if style == "noisy":
            style = random.choices(*_NOISY_OF)[0]
            text = self._text(question, program, random, style, wordings_tried)
            return noisy(text, random, words=self.names.protected)
        patterns, informal = wordings(style), style not in READ_BY_GRAMMAR
        for _ in range(wordings_tried):
            speaker = Speaker(self.names, patterns, question, random, informal=informal)
            text = speaker.ask()
            if informal or not (speaker.nested or self._always_check) or self._reads(text, program):
                return text
        raise ProgramError("the grammar of English reads none of the wordings tried as this program")

    def _reads(self, text: str, program: Program) -> bool:
        try:
            read = self._grammar.parse(text)[0].program
        except QuestionError:
            return False
        return read == program or read.canonical() == program.canonical()


def _check_style(style: str) -> None:
    if style not in STYLES:
        raise InputError(f"no style {style!r}: {', '.join(STYLES)} are known{nearest(style, STYLES)}")
