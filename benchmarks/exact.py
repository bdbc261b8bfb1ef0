"""Claim: on described scenes a core answers hundreds of thousands of CLEVR questions a second by exact rules.

Run: PYTHONSAFEPATH=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/exact.py [--data DIR] [--json FILE]

Two tables, CPU time of one thread, batches of --batch questions, what is compared run in turns; medians and quartiles.

* exact: from checked programs to answers, against the soft executor on the same scenes and programs. Ratios are to the
  soft executor from scenes to answers; both are also given all that can be prepared.
* worlds: the same questions on a detector's scenes, whose every facet is in doubt; how many worlds a question takes, how
  many a second, and how often soft and worlds answer differently and which of them is right.

Without --data the demo's questions are used, over and over.
"""

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from nmn.datasets.clevr import read_questions, read_scenes
from nmn.decode import answers
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.exact import ExactBackend, exact_scene
from nmn.executor import Modules, execute
from nmn.parser.clevr import import_program
from nmn.planner import Planner
from nmn.program import Program
from nmn.registry import default_registry
from nmn.scene import FacetStore
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene
from nmn.trace import Answer
from nmn.worlds import WorldsAnswer, worlds_answer

CLEVR = Domain.load("clevr")
SAMPLES = Path(__file__).resolve().parent.parent / "demo" / "samples"


@dataclass(frozen=True)
class Work:
    """Questions, each with its scene, what a detector saw of it, and the right answer."""

    programs: list[Program]
    scenes: list[Scene]
    predicted: list[Scene]
    answers: list[str | None]

    def batches(self, size: int) -> list[slice]:
        """Places of the questions of each batch."""
        return [slice(start, start + size) for start in range(0, len(self.programs), size)]

    def first(self, number: int) -> "Work":
        """The first questions alone."""
        return Work(self.programs[:number], self.scenes[:number], self.predicted[:number], self.answers[:number])


def load(data: Path | None, questions: int) -> Work:
    """The official generator's questions on official scenes, or the demo's."""
    if data is None:
        scenes, asked = read_scenes(SAMPLES / "scenes.json", CLEVR), read_questions(SAMPLES / "questions.json")
        predicted = {index: replace(scene, predicted=True) for index, scene in scenes.items()}
    else:
        folder = data / "clevr_official"
        scenes = read_scenes(folder / "scenes" / "CLEVR_val_scenes.json", CLEVR)
        predicted = read_scenes(folder / "scenes" / "CLEVR_val_scenes_predicted.json", CLEVR)
        asked = read_questions(folder / "questions" / "CLEVR_val_generated.json")
    usable = [each for each in asked if each.program is not None and each.image_index in predicted]
    usable = (usable * (questions // len(usable) + 1))[:questions]
    programs = {id(each): import_program(each.program, CLEVR, where=str(each.question_index)) for each in usable}
    return Work(
        [programs[id(each)] for each in usable],
        [scenes[each.image_index] for each in usable],
        [predicted[each.image_index] for each in usable],
        [each.answer for each in usable],
    )


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU time of one call."""
    gc.collect()
    started = time.process_time()
    run()
    return time.process_time() - started


def in_turns(ways: dict[str, Callable[[], object]], repeats: int) -> dict[str, list[float]]:
    """CPU times of each way, run in turns after a warm-up."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for run in ways.values():
        run()
    for _ in range(repeats):
        for name, run in ways.items():
            times[name].append(cpu_seconds(run))
    return times


def compare_exact(work: Work, batch: int, repeats: int) -> list[dict[str, Any]]:
    """Microseconds a question of the exact back end and of the soft executor."""
    exact, soft = ExactBackend(CLEVR), Engine(ScenePerceiver(CLEVR))
    ready = [exact.scene(scene) for scene in work.scenes]
    parts = work.batches(batch)
    assert exact.run_exactly(work.programs, ready, range(len(ready))) == work.answers

    def answers_alone() -> None:
        for part in parts:
            exact.run_exactly(work.programs[part], ready[part], range(len(work.programs[part])))

    def scenes_too() -> None:
        for part in parts:
            distinct = {id(scene): scene for scene in work.scenes[part]}
            built = {name: exact_scene(scene, CLEVR) for name, scene in distinct.items()}
            scenes = [built[id(scene)] for scene in work.scenes[part]]
            exact.run_exactly(work.programs[part], scenes, range(len(scenes)))

    def records() -> None:
        for part in parts:
            exact.run(work.scenes[part], work.programs[part])

    def softly() -> None:
        for part in parts:
            soft.run(work.scenes[part], work.programs[part])

    known = [facets_known(work.scenes[part]) for part in parts]
    planner, modules = Planner(CLEVR, default_registry()), Modules(default_registry())

    def softly_known() -> None:
        with torch.no_grad():
            for part, (store, positions) in zip(parts, known, strict=True):
                answers(execute(planner.plan(work.programs[part], positions), store, modules))

    ways: dict[str, Callable[[], object]] = {
        "exact: answers": answers_alone,
        "exact: answers, scenes built each time": scenes_too,
        "exact: Answer records": records,
        "soft: Answer records, facets known": softly_known,
        "soft: scenes to Answer records": softly,
    }
    times = in_turns(ways, repeats)
    slowest = statistics.median(times["soft: scenes to Answer records"])
    return [row(name, taken, len(work.programs), slowest) for name, taken in times.items()]


def facets_known(scenes: Sequence[Scene]) -> tuple[FacetStore, list[int]]:
    """Scenes with all their facets computed, and for each question the position of its scene."""
    distinct = {id(scene): scene for scene in scenes}
    place = {name: position for position, name in enumerate(distinct)}
    store = FacetStore.look(ScenePerceiver(CLEVR), list(distinct.values()))
    store.compute_everything()
    return store, [place[id(scene)] for scene in scenes]


def row(name: str, taken: Sequence[float], questions: int, slowest: float) -> dict[str, Any]:
    """One line of the first table."""
    low, middle, high = statistics.quantiles(taken, n=4) if len(taken) > 1 else [taken[0]] * 3
    micro = [round(each / questions * 1e6, 2) for each in (low, middle, high)]
    return {
        "name": name,
        "microseconds": micro[1],
        "quartiles": [micro[0], micro[2]],
        "questions_a_second": round(questions / middle),
        "ratio": round(slowest / middle, 1),
    }


def compare_worlds(work: Work, mass: float, limit: int) -> dict[str, Any]:
    """What worlds cost, and whether they are right where soft is not."""
    perceiver, exact = ScenePerceiver(CLEVR), ExactBackend(CLEVR)
    stores = {id(scene): FacetStore.look(perceiver, [scene]) for scene in work.predicted}
    soft: list[Answer] = Engine(perceiver).run(work.predicted, work.programs)
    found: list[WorldsAnswer] = []

    def enumerate_all() -> None:
        for program, scene in zip(work.programs, work.predicted, strict=True):
            found.append(worlds_answer(program, stores[id(scene)], 0, mass=mass, limit=limit, backend=exact))

    enumerate_all()
    found.clear()
    seconds = cpu_seconds(enumerate_all)
    differ = [
        (one.value == right, other.value == right)
        for one, other, right in zip(found, soft, work.answers, strict=True)
        if one.value != other.value
    ]
    # Both as a probability of the soft answer, and that all it takes for granted holds.
    apart = [
        abs(one.confidence - other.distribution.get(one.value, 0.0)) for one, other in zip(soft, found, strict=True)
    ]
    worlds = sorted(each.worlds for each in found)
    return {
        "questions": len(found),
        "mass": mass,
        "limit": limit,
        "worlds_a_second": round(sum(worlds) / seconds),
        "questions_a_second": round(len(found) / seconds),
        "worlds_a_question": {
            "median": worlds[len(worlds) // 2],
            "mean": round(statistics.mean(worlds), 1),
            "most": worlds[-1],
        },
        "mass_reached": round(sum(each.mass >= mass for each in found) / len(found), 4),
        "right": {
            "worlds": round(sum(a.value == b for a, b in zip(found, work.answers, strict=True)) / len(found), 4),
            "soft": round(sum(a.value == b for a, b in zip(soft, work.answers, strict=True)) / len(found), 4),
        },
        "confidence_apart": {
            "mean": round(statistics.mean(apart), 4),
            "over_0.05": round(sum(each > 0.05 for each in apart) / len(apart), 4),
            "most": round(max(apart), 4),
        },
        "differ": len(differ),
        "differ_worlds_right": sum(one for one, _ in differ),
        "differ_soft_right": sum(other for _, other in differ),
    }


def show(exact: Sequence[dict[str, Any]], worlds: dict[str, Any], work: Work, batch: int) -> None:
    """Print both tables."""
    nodes = statistics.mean(len(program.nodes) for program in work.programs)
    title = f"{len(work.programs)} questions, {nodes:.1f} nodes in the mean, batches of {batch}"
    first = Table("", "µs a question", "quartiles", "questions/s", "times soft", title=title)
    for each in exact:
        low, high = each["quartiles"]
        shown = (f"{each['microseconds']:.2f}", f"{low:.2f} to {high:.2f}", f"{each['questions_a_second']:,}")
        first.add_row(each["name"], *shown, f"{each['ratio']:.1f}x")
    second = Table("worlds", "", title="a detector's scenes")
    for name, value in worlds.items():
        second.add_row(name.replace("_", " "), str(value))
    console = Console()
    console.print(first)
    console.print(second)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds clevr_official")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--questions", type=int, default=2048)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--mass", type=float, default=0.99)
    parser.add_argument("--limit", type=int, default=4096, help="most worlds of a question")
    parser.add_argument("--small", action="store_true", help="a small size, to see that it runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to a file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    work = load(options.data, 256 if options.small else options.questions)
    exact = compare_exact(work, options.batch, 3 if options.small else options.repeats)
    worlds = compare_worlds(
        work.first(32 if options.small else 512), options.mass, 256 if options.small else options.limit
    )
    show(exact, worlds, work, options.batch)
    if options.json is not None:
        options.json.write_text(json.dumps({"exact": exact, "worlds": worlds}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
