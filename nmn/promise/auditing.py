"""Auditing: a stream of answers, a random share of which is compared with looking at everything as it goes by."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from nmn.errors import NmnError
from nmn.program import Program
from nmn.promise.monitor import Monitor
from nmn.trace import Answer

_LOG = logging.getLogger(__name__)

BATCHES = 4
"""How many batches are answered between two audits: images of the next are loaded while one is answered."""


class Answering(Protocol):
    """What answers: an :class:`nmn.engine.Engine`."""

    def answer_many(
        self, items: Iterable[Any], *, batch_size: int, workers: int, trace: bool, choice: Any
    ) -> Iterator[Answer | NmnError]:
        """Answers in order; an item that cannot be used gives its error."""
        ...

    def run(self, images: Sequence[Any], programs: Sequence[Program], *, backend: Any) -> list[Answer]:
        """Answers of programs."""
        ...

    def backend_for(self, choice: Any) -> Any:
        """What answers by a choice of policy."""
        ...


def answer_watched(
    engine: Answering,
    items: Iterable[tuple[Any, Any]],
    monitor: Monitor,
    *,
    everything: Any,
    choice: Any = None,
    fall_back: bool = False,
    state: str | Path | None = None,
    batch_size: int = 256,
    workers: int = 1,
    trace: bool = False,
) -> Iterator[Answer | NmnError]:
    """Answer a stream of questions as ``engine.answer_many`` does, and watch whether the promise is kept.

    Args:
        engine: Answers.
        items: (image, question or program), or (image, error).
        monitor: Chooses what is audited and takes in what was found; the log says so when it raises its alarm.
        everything: The choice of policy that answers are compared with, ``Choice("everything")``.
        choice: That which answers; the engine's own if None.
        fall_back: Answer by looking at everything once there is an alarm, from the next batches on.
        state: File that the monitor's state is written to as it changes.
        batch_size: How many questions run together.
        workers: Threads that load images.
        trace: Attach what ran to each answer.

    Yields:
        For each item its answer, or the error that kept it from one.
    """
    source = iter(items)
    while some := list(islice(source, BATCHES * batch_size)):
        falling = fall_back and monitor.alarmed
        chosen = everything if falling else choice
        answers = list(engine.answer_many(some, batch_size=batch_size, workers=workers, trace=trace, choice=chosen))
        if not falling and audit(engine, some, answers, monitor, everything) and state is not None:
            monitor.save(state)
        yield from answers


def audit(
    engine: Answering,
    items: Sequence[tuple[Any, Any]],
    answers: Sequence[Answer | NmnError],
    monitor: Monitor,
    everything: Any,
) -> int:
    """Answer a random share of questions again by looking at everything, and tell the monitor; how many those were.

    Questions that were not understood are left out: no look changes how they are read.
    """
    wanted = [
        (image, answer)
        for (image, _), answer in zip(items, answers, strict=True)
        if isinstance(answer, Answer) and answer.known and monitor.wants(image_name(image), _asked(answer))
    ]
    if not wanted:
        return 0
    programs = [answer.program for _, answer in wanted]
    again = engine.run([image for image, _ in wanted], programs, backend=engine.backend_for(everything))
    for (_, answer), other in zip(wanted, again, strict=True):
        if monitor.note(float(answer.value != other.value)):
            _LOG.warning("%s", monitor.words)
    return len(wanted)


def image_name(image: Any) -> str:
    """What tells images apart, the same in every run: a path, or a digest of what is in it."""
    if isinstance(image, str | Path):
        return str(image)
    content = image.tobytes() if hasattr(image, "tobytes") else repr(image).encode("utf-8", "surrogatepass")
    return blake2b(content, digest_size=16).hexdigest()


def _asked(answer: Answer) -> str:
    return answer.program.text if answer.question is None else answer.question
