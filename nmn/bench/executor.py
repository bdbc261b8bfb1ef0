"""Benchmark of the executor: the loop, everything in advance, this executor cold and warm, and the exact rules.

All run the same programs on the same images with the same modules, in one process, interleaved, on one thread; what is
reported are medians of CPU time.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from nmn.bench.measure import Timing, interleaved
from nmn.bench.workload import Batch, Workload
from nmn.cost import Sizes
from nmn.decode import best, best_of_loop, log_likelihood, loop_log_likelihood
from nmn.exact import ExactBackend
from nmn.executor import Modules, Run, declared_cost, execute
from nmn.loop import Looper, LoopRun
from nmn.memory import PeakTensorMemory
from nmn.perceiver import Glance
from nmn.planner import Planner
from nmn.registry import default_registry
from nmn.scene import FacetStore
from nmn.soft import PLANNED_FROM

Work = Literal["end_to_end", "executor", "training"]
Images = Literal["one_question", "ten_questions"]
Design = Literal["loop", "everything", "lazy", "cold", "warm", "exact"]

WORKS: tuple[Work, ...] = ("end_to_end", "executor", "training")
IMAGES: dict[Images, int] = {"one_question": 1, "ten_questions": 10}


@dataclass(frozen=True)
class Row:
    """What one design reached on one work.

    Attributes:
        batch: Questions run together.
        images: How many of them are on one image.
        work: From node features through the facet heads to answers; with facets given; or a training step.
        design: What ran: the loop over single calls, with facets that the program reads computed ahead and nothing kept
            between questions; the executor with every facet of every object computed ahead (everything); with facets
            computed as steps ask (lazy); and as it is by default, with those that programs read computed ahead, its plan
            cache empty (cold) or filled (warm); the exact rules on described scenes.
        questions_per_second: By the median.
        slowest: By the slowest repeat.
        fastest: By the fastest.
        ratio_to_loop: How many times the loop's.
        planner_share: Share of the time that planning took, 0 to 1; None where nothing is planned.
        peak_bytes: Most that tensors made on the way held at one time; None for the exact rules, which make none.
        flops: Declared, of modules and facets.
        facet_rows: Facets computed.
        possible_facet_rows: Facets that there could be.
        kernels: Calls of modules.
    """

    batch: int
    images: Images
    work: Work
    design: Design
    questions_per_second: float
    slowest: float
    fastest: float
    ratio_to_loop: float
    planner_share: float | None
    peak_bytes: int | None
    flops: int
    facet_rows: int
    possible_facet_rows: int
    kernels: int

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


class Designs:
    """The designs that are compared, over one perceiver."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.domain = workload.perceiver.domain
        registry = default_registry()
        self.modules = Modules(registry)
        self.looper = Looper(self.domain, self.modules)
        self.planner = Planner(self.domain, registry)
        self.exact = ExactBackend(self.domain, registry)

    def store(self, glance: Glance, *, everything: bool = False) -> FacetStore:
        """Facets of glanced images, none of them known or all."""
        store = FacetStore.of(self.workload.perceiver, glance)
        if everything:
            store.compute_everything()
        return store

    def loop(self, batch: Batch, stores: Sequence[FacetStore] | None = None) -> Iterator[LoopRun]:
        """One question at a time, keeping nothing between questions; facets given where there are ``stores``."""
        for program, image in zip(batch.programs, batch.images, strict=True):
            store = self.store(batch.single[image]) if stores is None else stores[image]
            yield self.looper.run(program, 0, store, ahead=True)

    def planned(self, batch: Batch, store: FacetStore, *, ahead: bool = True) -> Run:
        """The executor on a plan."""
        return execute(self.planner.plan(batch.programs, batch.images), store, self.modules, ahead=ahead)

    def small(self, batch: Batch, store: FacetStore, *, ahead: bool = True) -> list[LoopRun]:
        """The executor on so few questions that it does not plan."""
        pairs = zip(batch.programs, batch.images, strict=True)
        return [self.looper.run(program, image, store, ahead=ahead) for program, image in pairs]

    def answered(self, batch: Batch, store: FacetStore, *, ahead: bool = True) -> object:
        """Answers of the executor."""
        if len(batch.programs) < PLANNED_FROM:
            return [best_of_loop(run) for run in self.small(batch, store, ahead=ahead)]
        return best(self.planned(batch, store, ahead=ahead))

    def loss(self, batch: Batch, store: FacetStore, *, ahead: bool = True) -> Tensor:
        """What a training step minimises."""
        if len(batch.programs) < PLANNED_FROM:
            runs = zip(self.small(batch, store, ahead=ahead), batch.answers, strict=True)
            return -torch.stack([loop_log_likelihood(run, answer) for run, answer in runs]).mean()
        return -log_likelihood(self.planned(batch, store, ahead=ahead), batch.answers).mean()

    def forget(self) -> None:
        """Empty the plan cache."""
        self.planner.lowerer.forget()

    def looped(self, batch: Batch, stores: Sequence[FacetStore] | None = None) -> list[tuple[str, float]]:
        """Answers of the loop."""
        return [best_of_loop(run) for run in self.loop(batch, stores)]


def things(designs: Designs, batch: Batch, work: Work) -> dict[Design, Callable[[], object]]:
    """What each design does for a work."""
    if work == "training":
        return _training(designs, batch)
    if work == "executor":
        return _given(designs, batch)
    return _end_to_end(designs, batch)


def _end_to_end(designs: Designs, batch: Batch) -> dict[Design, Callable[[], object]]:
    def cold() -> object:
        designs.forget()
        return designs.answered(batch, designs.store(batch.glance))

    return {
        "loop": lambda: designs.looped(batch),
        "everything": lambda: designs.answered(batch, designs.store(batch.glance, everything=True), ahead=False),
        "lazy": lambda: designs.answered(batch, designs.store(batch.glance), ahead=False),
        "cold": cold,
        "warm": lambda: designs.answered(batch, designs.store(batch.glance)),
    }


def _given(designs: Designs, batch: Batch) -> dict[Design, Callable[[], object]]:
    store = designs.store(batch.glance, everything=True)
    single = [designs.store(glance, everything=True) for glance in batch.single]

    def cold() -> object:
        designs.forget()
        return designs.answered(batch, store, ahead=False)

    found: dict[Design, Callable[[], object]] = {
        "loop": lambda: designs.looped(batch, single),
        "cold": cold,
        "warm": lambda: designs.answered(batch, store, ahead=False),
    }
    if batch.scenes:
        scenes = [designs.exact.scene(scene) for scene in batch.scenes]
        found["exact"] = lambda: designs.exact.run_exactly(batch.programs, scenes, batch.images)
    return found


def _training(designs: Designs, batch: Batch) -> dict[Design, Callable[[], object]]:
    def step(loss: Tensor) -> object:
        loss.backward()  # type: ignore[no-untyped-call]
        for parameter in designs.workload.trained:
            parameter.grad = None
        return loss

    def looped() -> object:
        runs = zip(designs.loop(batch), batch.answers, strict=True)
        return step(-torch.stack([loop_log_likelihood(run, answer) for run, answer in runs]).mean())

    def cold() -> object:
        designs.forget()
        return step(designs.loss(batch, designs.store(batch.glance)))

    return {
        "loop": looped,
        "everything": lambda: step(designs.loss(batch, designs.store(batch.glance, everything=True), ahead=False)),
        "lazy": lambda: step(designs.loss(batch, designs.store(batch.glance), ahead=False)),
        "cold": cold,
        "warm": lambda: step(designs.loss(batch, designs.store(batch.glance))),
    }


@dataclass(frozen=True)
class CacheFigures:
    """How the plan cache fares on questions that come once each, starting empty.

    Attributes:
        programs: Questions.
        program_hits: Share whose very program had been planned before.
        structure_hits: Of the others, share whose structure had.
        patterns: Different steps that all programs are made of.
    """

    programs: int
    program_hits: float
    structure_hits: float
    patterns: int


def cache_figures(workload: Workload) -> CacheFigures:
    """Plan every question once, from an empty cache."""
    planner = Planner(workload.perceiver.domain, default_registry())
    for programs in workload.programs:
        planner.plan(programs, [0] * len(programs))
    lowerer = planner.lowerer
    total = sum(len(programs) for programs in workload.programs)
    return CacheFigures(total, lowerer.programs.rate, lowerer.structures.rate, len(lowerer.patterns))


def compare(
    workload: Workload,
    *,
    batches: Sequence[int],
    works: Sequence[Work] = WORKS,
    repeats: int = 5,
    advance: Callable[[], None] = lambda: None,
) -> Iterator[Row]:
    """Run every design on every work.

    Args:
        workload: What to run.
        batches: Questions run together.
        works: What to do with them.
        repeats: Samples of each.
        advance: Called after every sample.
    """
    designs = Designs(workload)
    for size in batches:
        for images, per_image in IMAGES.items():
            batch = Batch.of(workload, size, per_image)
            for work in works:
                for parameter in workload.trained:
                    parameter.requires_grad_(work == "training")
                with torch.set_grad_enabled(work == "training"):
                    rows = list(_rows(designs, batch, images, work, repeats, advance))
                yield from rows


def _rows(
    designs: Designs, batch: Batch, images: Images, work: Work, repeats: int, advance: Callable[[], None]
) -> Iterator[Row]:
    compared = things(designs, batch, work)
    timings = interleaved({str(name): run for name, run in compared.items()}, repeats=repeats, advance=advance)
    planning = interleaved({"plan": lambda: designs.planner.plan(batch.programs, batch.images)}, repeats=3)[
        "plan"
    ].median
    size = len(batch.programs)
    for design, run in compared.items():
        taken = timings[design]
        peak = None
        if design != "exact":
            with PeakTensorMemory() as memory:
                run()
            peak = memory.peak
        planned = design in ("everything", "lazy", "warm") and size >= PLANNED_FROM
        flops, rows, possible, kernels = _effort(designs, batch, work, design)
        yield Row(
            batch=size,
            images=images,
            work=work,
            design=design,
            questions_per_second=size / taken.median,
            slowest=size / taken.spread[1],
            fastest=size / taken.spread[0],
            ratio_to_loop=timings["loop"].median / taken.median,
            planner_share=planning / taken.median if planned else _cold_share(timings, planning, design, size),
            peak_bytes=peak,
            flops=flops,
            facet_rows=rows,
            possible_facet_rows=possible,
            kernels=kernels,
        )


def _cold_share(timings: dict[str, Timing], planning: float, design: Design, size: int) -> float | None:
    """Cold planning is warm planning and what the cold run takes longer than the warm one."""
    if design != "cold" or size < PLANNED_FROM:
        return None
    cold, warm = timings["cold"].median, timings["warm"].median
    return min(1.0, (planning + max(0.0, cold - warm)) / cold)


def _effort(designs: Designs, batch: Batch, work: Work, design: Design) -> tuple[int, int, int, int]:
    """Declared FLOPs, facets computed, facets possible and calls of modules of one run."""
    if design == "exact":
        return 0, 0, 0, 0
    given = work == "executor"
    ahead = design in ("cold", "warm") and not given
    sizes = Sizes(batch.glance.mask.shape[1], len(designs.domain.concepts))
    with torch.no_grad():
        if design == "loop":
            stores = [designs.store(batch.single[image], everything=given) for image in batch.images]
            alone = zip(batch.programs, stores, strict=True)
            runs = [designs.looper.run(program, 0, store, ahead=not given) for program, store in alone]
            flops, kernels = _loop_flops(runs, sizes)
        else:
            stores = [designs.store(batch.glance, everything=given or design == "everything")]
            if len(batch.programs) < PLANNED_FROM:
                flops, kernels = _loop_flops(designs.small(batch, stores[0], ahead=ahead), sizes)
            else:
                run = designs.planned(batch, stores[0], ahead=ahead)
                flops, kernels = _flops(run, designs.modules, sizes), run.plan.kernels
    computed = [] if given else [entry for store in stores for entry in store.history]
    rows = sum(len(entry.rows) for entry in computed)
    facets = sum(len(entry.rows) * entry.flops for entry in computed)
    return flops + facets, rows, sum(store.possible_rows for store in stores), kernels


def _loop_flops(runs: Sequence[LoopRun], sizes: Sizes) -> tuple[int, int]:
    """Declared FLOPs and calls of modules."""
    calls = [call for run in runs for call in run.calls]
    return sum(declared_cost(call.module, sizes) for call in calls), len(calls)


def _flops(run: Run, modules: Modules, sizes: Sizes) -> int:
    total = 0
    for group in run.plan.groups:
        for layer in group.pattern.layers:
            total += len(group.images) * layer.width * declared_cost(modules[layer.signature.operation], sizes)
        for repeat in group.repeats:
            total += repeat.rows * declared_cost(modules[group.pattern.repeated or ""], sizes)
    return total
