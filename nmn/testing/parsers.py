"""check_parser: the laws of parsers."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, ProgramError, QuestionError
from nmn.parse import BatchParser, Parse, Parser
from nmn.registry import Registry, default_registry
from nmn.testing.law import Breach, Law, insist

GUIDE = "docs/guides/your-own.md, 'A parser'"
CLOSE = 1e-4  # what two confidences of the same reading may differ by


@dataclass(frozen=True)
class ParserProbe:
    """A parser with what it is tried on.

    Attributes:
        parser: What is held to the laws.
        domain: What questions speak of.
        registry: The operations that programs may call.
        questions: Questions that it reads.
        programs: For some of them, the text of the right program.
        outside: Questions that it does not read.
    """

    parser: Parser
    domain: Domain
    registry: Registry
    questions: Sequence[str]
    programs: Mapping[str, str]
    outside: Sequence[str]


def check_parser(
    parser: Parser,
    questions: Sequence[str] | Mapping[str, str],
    *,
    domain: Domain | str = "clevr",
    outside: Sequence[str] = ("",),
    registry: Registry | None = None,
    laws: Iterable[str] | None = None,
) -> tuple[str, ...]:
    """Hold a parser to the laws of parsers.

    Args:
        parser: What reads questions.
        questions: Some that it reads; or each with the text of its right program.
        domain: What they speak of, or its name.
        outside: Questions that it does not read.
        registry: The operations; those of the module library and of plug-ins if None.
        laws: Names of the laws to hold it to; all of :data:`PARSER_LAWS` if None.

    Returns: the names of the laws that it keeps.

    Raises:
        LawBroken: at the first law that it breaks.
        InputError: when there are no questions, or no law of a name.
    """
    if not questions:
        raise InputError("check_parser needs at least one question that the parser reads")
    programs = dict(questions) if isinstance(questions, Mapping) else {}
    spoken = Domain.load(domain) if isinstance(domain, str) else domain
    known = default_registry() if registry is None else registry
    probe = ParserProbe(parser, spoken, known, list(questions), programs, outside)
    return insist(PARSER_LAWS, probe, f"parser {type(parser).__name__}", laws)


def _named(probe: ParserProbe) -> None:
    if not callable(getattr(probe.parser, "parse", None)):
        raise Breach(type(probe.parser).__name__, "no method parse", "parse(question), which gives readings")
    name = getattr(probe.parser, "name", None)
    if name is None or not str(name).strip():
        raise Breach("its attribute 'name'", repr(name), "a word that traces and reports call it by")


def _ranked(probe: ParserProbe) -> None:
    for question in probe.questions:
        readings = probe.parser.parse(question)
        if type(readings) is not tuple or not readings:
            raise Breach(
                repr(question), f"{readings!r}", "a tuple of readings; what cannot be read raises QuestionError"
            )
        sure = [each.confidence for each in readings]
        if sure != sorted(sure, reverse=True) or not all(0 <= each <= 1 for each in sure):
            raise Breach(repr(question), f"confidences {sure}", "numbers from 0 to 1, the largest first")
        if any(each.cost < 0 for each in readings):
            raise Breach(repr(question), "a negative cost", "the seconds that reading took")


def _typed(probe: ParserProbe) -> None:
    for question in probe.questions:
        for reading in probe.parser.parse(question):
            try:
                check(reading.program, probe.domain, probe.registry)
            except ProgramError as error:
                found = f"{reading.program.text}: {getattr(error, 'message', error)}"
                raise Breach(repr(question), found, "a program that the type checker takes") from None


def _spans(probe: ParserProbe) -> None:
    for question in probe.questions:
        for reading in probe.parser.parse(question):
            if len(reading.spans) != len(reading.program.nodes):
                found, wanted = (
                    f"{len(reading.spans)} spans",
                    f"one for each of {len(reading.program.nodes)} nodes, or None",
                )
                raise Breach(repr(question), found, wanted)
            for span in reading.spans:
                if span is not None and not 0 <= span.start < span.end <= len(question):
                    raise Breach(repr(question), f"{span}", f"a stretch within 0 and {len(question)}")


def _programs(probe: ParserProbe) -> None:
    from nmn.parser.text import parse_program

    for question, text in probe.programs.items():
        found, wanted = _likeliest(probe, question).program, parse_program(text, probe.registry).program
        if found.canonical() != wanted.canonical():
            raise Breach(repr(question), found.text, wanted.text)


def _again(probe: ParserProbe) -> None:
    for question in probe.questions:
        first, second = _likeliest(probe, question), _likeliest(probe, question)
        if first.program != second.program:
            raise Breach(f"{question!r}, twice", second.program.text, first.program.text)


def _together(probe: ParserProbe) -> None:
    if not isinstance(probe.parser, BatchParser):
        return
    questions = [*probe.questions, *probe.outside]
    try:
        together = probe.parser.parse_many(questions)
    except QuestionError:  # it may refuse a batch for one of its questions
        questions = list(probe.questions)
        together = probe.parser.parse_many(questions)
    if len(together) != len(questions):
        raise Breach(f"{len(questions)} questions together", f"{len(together)} results", "one for each, in order")
    for question, found in zip(questions, together, strict=True):
        if question in probe.questions and (isinstance(found, QuestionError) or not found):
            raise Breach(f"{question!r} among {len(questions)}", f"{found}", "what parse gives")
        if not isinstance(found, QuestionError) and question in probe.questions:
            alone = _likeliest(probe, question).program
            if found[0].program != alone:
                raise Breach(f"{question!r} among {len(questions)}", found[0].program.text, alone.text)


def _outside(probe: ParserProbe) -> None:
    for question in probe.outside:
        try:
            readings = probe.parser.parse(question)
        except QuestionError:
            continue
        if all(each.known for each in readings):
            raise Breach(repr(question), readings[0].program.text, "QuestionError, or a guess with known=False")


def _saving(probe: ParserProbe) -> None:
    save, load = (getattr(probe.parser, name, None) for name in ("save_pretrained", "from_pretrained"))
    if save is None:
        return  # nothing of it is learned
    if load is None:
        raise Breach("save_pretrained", "no from_pretrained", "both, or none")
    with TemporaryDirectory() as folder:
        save(Path(folder))
        loaded: Parser = load(Path(folder))
    for question in probe.questions:
        found, wanted = loaded.parse(question)[0], _likeliest(probe, question)
        if found.program != wanted.program or abs(found.confidence - wanted.confidence) > CLOSE:
            shown = [f"{each.program.text} with confidence {each.confidence:.4f}" for each in (found, wanted)]
            raise Breach(f"{question!r}, read by one that was saved and loaded", *shown)


def _likeliest(probe: ParserProbe, question: str) -> Parse:
    return probe.parser.parse(question)[0]


def _law(name: str, claim: str, advice: str, holds: Callable[[ParserProbe], None]) -> Law[ParserProbe]:
    return Law(name, claim, advice, GUIDE, holds)


PARSER_LAWS: tuple[Law[ParserProbe], ...] = (
    _law("name", "a parser has a name, and reads", "write name = '...' in the class", _named),
    _law("ranked readings", "the likeliest reading comes first", "sort by confidence, falling; give a tuple", _ranked),
    _law(
        "well-typed programs",
        "a reading is a program that can run",
        "call nmn.check.check before giving a reading; a question outside the domain raises QuestionError",
        _typed,
    ),
    _law("spans", "every node knows its words, or None", "Span(start, end) counts characters of the question", _spans),
    _law("programs", "a question means its program", "print the reading's program.text and compare", _programs),
    _law("the same again", "a question has one meaning", "keep nothing from one call to the next", _again),
    _law("together is alone", "questions read together mean what they mean alone", "give results in order", _together),
    _law(
        "outside",
        "what is outside the language is refused",
        "raise QuestionError(message, text=question, span=...): it is drawn with a caret, and the next parser is asked",
        _outside,
    ),
    _law("save and load", "what is loaded reads as what was saved", "write every weight and every setting", _saving),
)
"""The laws of parsers, in the order that they are tried."""
