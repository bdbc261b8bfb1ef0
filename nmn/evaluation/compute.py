"""Compute: what answering costs, from the traces of a sample of questions."""

from collections.abc import Sequence

from nmn.engine import Engine
from nmn.errors import InputError
from nmn.evaluation.records import Compute
from nmn.evaluation.run import Images, Programs, traced_answer
from nmn.questions import Question
from nmn.trace import Trace

SAMPLE = 24
"""Questions that are traced: costs differ little, and a traced question runs by itself."""


def measure_compute(
    engine: Engine,
    questions: Sequence[Question],
    images: Images,
    *,
    programs: Programs,
    cpu_seconds: float,
    sample: int = SAMPLE,
) -> Compute | None:
    """Trace questions spread evenly over the file; None where none of them can be answered.

    Args:
        engine: What answers.
        questions: All that were answered.
        images: Gives the image that a question is about.
        programs: Whether the file's programs were run, or the texts parsed.
        cpu_seconds: Processor time that answering them all took.
        sample: How many to trace.
    """
    tally = getattr(engine.backend_for(), "tally", None)
    looks = None if tally is None or not tally.images else sum(tally.looks.values()) / tally.images
    step = max(1, len(questions) // sample)
    found = (_trace(engine, question, images, programs) for question in questions[::step][:sample])
    traces = [trace for trace in found if trace is not None]
    if not traces:
        return None
    facets = len(engine.domain.attributes) + len(engine.domain.relations)
    rows = [sum(facet.rows for node in trace.nodes for facet in node.facets) for trace in traces]
    return Compute(
        cpu_ms_per_question=1e3 * cpu_seconds / len(questions),
        flops_per_question=_mean([trace.flops for trace in traces]),
        glance_flops_per_image=_mean([trace.glance_flops for trace in traces]),
        facet_rows_per_question=_mean(rows),
        possible_facet_rows=_mean([len(trace.presence) * facets for trace in traces]),
        traced=len(traces),
        looks_per_image=looks,
    )


def _trace(engine: Engine, question: Question, images: Images, programs: Programs) -> Trace | None:
    try:
        return traced_answer(engine, question, images, programs).trace
    except InputError:
        return None


def _mean(numbers: Sequence[int]) -> float:
    return sum(numbers) / len(numbers)
