"""Dynamic: what policies save of looks, FLOPs and time, and what it costs in accuracy, on the same weights.

Accuracy, looks and FLOPs come from running every policy on images whose looks were all taken once. Time is measured apart, on
the clock, from files and question texts to answers: decoding, parsing, surveying and all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from nmn.bench.measure import Timing, interleaved
from nmn.bench.oracle import Oracle, RandomLooks
from nmn.engine import Engine
from nmn.evaluation.bootstrap import percentile_intervals, resampled_ratios, sums_by_cluster
from nmn.perceiver import Staged
from nmn.policies.choice import Choice
from nmn.policies.fitting import Asked, Trial
from nmn.policies.looks import Policy
from nmn.policies.outcomes import gather
from nmn.policies.rules import GlanceAlone, Threshold
from nmn.policies.settings import PolicySettings, rate_of
from nmn.policies.tally import Tally
from nmn.policies.value import Value
from nmn.program import Program
from nmn.soft import SoftBackend

DOUBTS = {"value": (0.3, 0.2, 0.1, 0.05, 0.02), "threshold": (0.5, 0.2, 0.1, 0.05, 0.02, 0.005)}
PLAIN = "without policies"
TIMED = ("everything", "read", "lazy", "glance", "threshold", "value")
Interval = tuple[float, float]


@dataclass(frozen=True)
class Work:
    """Questions about images.

    Attributes:
        files: Of the images.
        texts: Of the questions.
        programs: Likewise, as they are to be run for accuracy.
        positions: For each question, the position of its image.
        answers: The right ones.
    """

    files: Sequence[Path]
    texts: Sequence[str]
    programs: Sequence[Program]
    positions: Sequence[int]
    answers: Sequence[str]


@dataclass(frozen=True)
class DynamicRow:
    """One policy at one setting, a question at a time.

    Attributes:
        policy: Its name.
        doubt: What it tolerates, if it does.
        accuracy: Share of right answers.
        interval: Of the accuracy, 95 %, from resampling images.
        difference: Accuracy less that of all looks.
        difference_interval: Likewise, paired.
        agreement: Share of answers that are those of all looks.
        looks_per_image: Mean.
        opened: Share of images that were looked at more closely at all.
        flops_per_question: Of looking; two for a multiply-add.
        price_ms: What glance and looks cost by the table of costs.
        ms: CPU time of a question, measured, by batch size and questions an image; where it was.
    """

    policy: str
    doubt: float | None
    accuracy: float
    interval: Interval | None
    difference: float
    difference_interval: Interval | None
    agreement: float
    looks_per_image: float
    opened: float
    flops_per_question: float
    price_ms: float
    ms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DynamicReport:
    """All rows, and what they were measured on.

    Attributes:
        rows: Every policy at every setting, and every static network.
        images: How many.
        questions: How many.
        overhead: Time of ``everything`` by its name over that of the same back end without policies, by way of asking.
        spread_ms: The quickest and the slowest of the repeats, by policy and way of asking.
    """

    rows: tuple[DynamicRow, ...]
    images: int
    questions: int
    overhead: Mapping[str, float]
    spread_ms: Mapping[str, Mapping[str, Interval]]

    def to_json(self) -> dict[str, Any]:
        """The fields by name, and where FLOPs fell and time did not."""
        return {**asdict(self), "flops_without_time": list(self.flops_without_time())}

    def flops_without_time(self) -> list[str]:
        """Where a policy saves a tenth or more of all FLOPs, and less than half as much of the time."""
        whole = next((row for row in self.rows if row.policy == "everything"), None)
        found = []
        for row in self.rows:
            for way, taken in row.ms.items():
                if whole is None or row is whole or way not in whole.ms:
                    continue
                saved = 1 - row.flops_per_question / whole.flops_per_question
                quicker = 1 - taken / whole.ms[way]
                if saved >= 0.1 and quicker < saved / 2:
                    name = row.policy if row.doubt is None else f"{row.policy} {row.doubt:g}"
                    found.append(f"{name}, {way}: {saved:.0%} fewer FLOPs, {quicker:.0%} less time")
        return found


def compare_policies(
    engine: Engine,
    settings: PolicySettings,
    work: Work,
    *,
    statics: Mapping[str, Engine] | None = None,
    cache: Path | None = None,
    doubts: Mapping[str, Sequence[float]] = DOUBTS,
    timed: int = 64,
    repeats: int = 5,
    advance: Callable[[str], None] = lambda _: None,
) -> DynamicReport:
    """Run every policy over its range.

    Args:
        engine: With stages (:class:`nmn.policies.selecting.StagedBackends`).
        settings: What was fitted for its weights.
        work: What is asked.
        statics: Engines over other weights, whose images are looked at once and alike, by name.
        cache: Folder for what looks report.
        doubts: What threshold and value tolerate.
        timed: How many questions are timed; 0 for none.
        repeats: Samples of each time.
        advance: Told what is done next.
    """
    staged = engine.staged.perceiver  # type: ignore[union-attr]
    advance("every look is taken")
    outcomes = gather(staged, work.files, cache)
    trial = Trial(staged, engine.registry, settings.reporting, Asked(outcomes, work.programs, work.positions))
    advance("every facet, live")
    whole = [each.value for each in engine_answers(engine, work, Choice("everything"))]
    rows = [_of_everything(work, whole, staged, outcomes_objects(outcomes))]
    prices = settings.prices
    looks: dict[float, float] = {}

    def tried(name: str, doubt: float | None, policy: Policy) -> None:
        advance(f"{name} {'' if doubt is None else f'{doubt:g}'}")
        found, backend = trial.answers(policy)
        rows.append(_row(name, doubt, work, found, whole, backend.tally, settings))
        if name == "value" and doubt is not None:
            looks[doubt] = sum(backend.tally.looks.values()) / max(1, backend.tally.images)

    rows.append(_row("lazy", None, work, trial.thorough, whole, trial.tally, settings))
    tried("glance", None, GlanceAlone())
    for doubt in doubts["threshold"]:
        tried("threshold", doubt, Threshold(doubt))
    for doubt in doubts["value"]:
        tried("value", doubt, Value(doubt, rate_of(doubt, prices), prices))
    for doubt, mean in looks.items():
        tried("random", doubt, RandomLooks(mean))
    tried("oracle", None, Oracle())
    for name, other in (statics or {}).items():
        advance(f"static {name}")
        found = [each.value for each in engine_answers(other, work, Choice("read"))]
        rows.append(_static(name, other, work, found, whole))
    times: dict[str, dict[str, Timing]] = {}
    if timed:
        advance("the clock")
        times = measured_times(_entrants(engine, settings, statics or {}), work, timed, repeats)
        rows = [_timed(row, times, settings) for row in rows]
    spread = {name: {way: _ms(each) for way, each in ways.items()} for name, ways in times.items()}
    plain, named = times.get(PLAIN, {}), times.get("everything", {})
    overhead = {way: named[way].median / each.median for way, each in plain.items()}
    return DynamicReport(tuple(rows), len(work.files), len(work.texts), overhead, spread)


Entrants = Mapping[str, tuple[Engine, Choice | None]]
"""What is timed: engines with the policy that they go by."""


def _entrants(engine: Engine, settings: PolicySettings, statics: Mapping[str, Engine]) -> Entrants:
    plain = Engine(
        engine.perceiver,
        parser=engine.parser,
        registry=engine.registry,
        backend=cast(SoftBackend, engine.backend).of(engine.perceiver, "everything"),
    )
    own: dict[str, tuple[Engine, Choice | None]] = {
        name: (engine, Choice(name, settings.doubt.get(name))) for name in TIMED
    }
    return own | {PLAIN: (plain, None)} | {name: (other, Choice("read")) for name, other in statics.items()}


def engine_answers(engine: Engine, work: Work, choice: Choice) -> list[Any]:
    """Answers of all programs, live."""
    backend = engine.backend_for(choice)
    return engine.run([work.files[image] for image in work.positions], list(work.programs), backend=backend)


def measured_times(entrants: Entrants, work: Work, number: int, repeats: int) -> dict[str, dict[str, Timing]]:
    """CPU time of a question by way of asking: batch and questions an image; interleaved."""
    ways: dict[str, list[tuple[list[Path], list[str]]]] = {}
    one = _spread_out(work, number, 1)
    ways["batch 1, 1 question"] = [([file], [text]) for file, text in zip(*one, strict=True)][: max(8, number // 4)]
    ways[f"batch {len(one[1])}, 1 question"] = [one]
    ten = _spread_out(work, number, 10)
    ways["batch 1, 10 questions"] = [
        (ten[0][start : start + 10], ten[1][start : start + 10]) for start in range(0, min(len(ten[0]), 40), 10)
    ]
    found: dict[str, dict[str, Timing]] = {name: {} for name in entrants}
    for way, calls in ways.items():
        things = {name: _run(engine, choice, calls) for name, (engine, choice) in entrants.items()}
        asked = sum(len(texts) for _, texts in calls)
        for name, timing in interleaved(things, repeats=repeats).items():
            found[name][way] = Timing(tuple(each / asked for each in timing.samples))
    return found


def _run(engine: Engine, choice: Choice | None, calls: Sequence[tuple[list[Path], list[str]]]) -> Callable[[], object]:
    def run() -> None:
        for files, texts in calls:
            if choice is None:
                engine.answer(files, texts)
            else:
                engine.answer(files, texts, policy=choice.policy, doubt=choice.doubt)

    return run


def _spread_out(work: Work, number: int, per_image: int) -> tuple[list[Path], list[str]]:
    """Files and texts of so many questions, so many on each image, image after image."""
    by_image: dict[int, list[int]] = {}
    for place, image in enumerate(work.positions):
        by_image.setdefault(image, []).append(place)
    chosen = [place for places in by_image.values() for place in places[:per_image]][:number]
    return [work.files[work.positions[place]] for place in chosen], [work.texts[place] for place in chosen]


def outcomes_objects(outcomes: Sequence[Any]) -> float:
    """Objects that a glance proposes, in the mean."""
    return float(np.mean([len(each.presence) for each in outcomes]))


def _of_everything(work: Work, found: Sequence[str | None], staged: Staged, objects: float) -> DynamicRow:
    looks = len(staged.pathways) * objects
    flops = staged.glance_cost(1) + objects * sum(staged.look_cost(name) for name in staged.pathways)
    flops += objects * sum(staged.read_cost(each.name) for each in staged.domain.attributes)
    tally = Tally(images=1, questions=1, opened=1, looks={}, flops=round(flops))
    row = _row("everything", None, work, found, found, tally, None)
    return DynamicRow(**{**asdict(row), "looks_per_image": looks})


def _static(
    name: str, engine: Engine, work: Work, found: Sequence[str | None], whole: Sequence[str | None]
) -> DynamicRow:
    """A network that looks at every image alike, with the facets that programs read."""
    looper = cast(SoftBackend, engine.backend).looper
    perceiver, objects = engine.perceiver, 0.0
    objects = float(np.mean([int(each.mask.sum()) for each in (perceiver.glance([f]) for f in work.files[:16])]))
    flops = 0.0
    for program in work.programs:
        named = [engine.domain.attributes[each].name for each in looper.bind(program, torch.device("cpu")).attributes]
        flops += perceiver.glance_cost(1) + objects * sum(perceiver.attribute_cost(each) for each in named)
    tally = Tally(images=len(work.programs), questions=len(work.programs), flops=round(flops))
    return _row(name, None, work, found, whole, tally, None)


def _row(
    name: str,
    doubt: float | None,
    work: Work,
    found: Sequence[str | None],
    whole: Sequence[str | None],
    tally: Tally,
    settings: PolicySettings | None,
) -> DynamicRow:
    right = np.array([one == other for one, other in zip(found, work.answers, strict=True)], np.float64)
    base = np.array([one == other for one, other in zip(whole, work.answers, strict=True)], np.float64)
    same = np.mean([one == other for one, other in zip(found, whole, strict=True)])
    interval, paired = (_interval(work, values) for values in (right, right - base))
    price = 0.0 if settings is None else tally.price(settings.prices)
    return DynamicRow(
        name,
        doubt,
        float(right.mean()),
        interval,
        float((right - base).mean()),
        paired,
        float(same),
        sum(tally.looks.values()) / max(1, tally.images),
        tally.opened / max(1, tally.images),
        tally.flops / max(1, tally.questions),
        price,
    )


def _interval(work: Work, values: "np.ndarray[Any, np.dtype[np.float64]]") -> Interval | None:
    clusters, groups = np.array(work.positions, np.int64), np.zeros(len(work.positions), np.int64)
    shape = (len(work.files), 1)
    ratios = resampled_ratios(
        sums_by_cluster(clusters, groups, values, shape), sums_by_cluster(clusters, groups, 1.0, shape)
    )
    return percentile_intervals(ratios)[0]


def _timed(row: DynamicRow, times: Mapping[str, Mapping[str, Timing]], settings: PolicySettings) -> DynamicRow:
    names = ("read", "lazy") if row.policy == "lazy" else (row.policy,)
    known = [times[name] for name in names if name in times]
    if not known or row.doubt != settings.doubt.get(row.policy, row.doubt):
        return row
    # Of the two ways to read only what programs read, the quicker counts.
    ms = {way: 1e3 * min(each[way].median for each in known) for way in known[0]}
    return DynamicRow(**{**asdict(row), "ms": ms})


def _ms(timing: Timing) -> Interval:
    low, high = timing.spread
    return 1e3 * low, 1e3 * high
