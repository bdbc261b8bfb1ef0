"""Claim: what a question may still answer is told in tens of microseconds, and its certificate is checked in under a hundred.

Run: PYTHONSAFEPATH=1 OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/promise.py [--data DIR] [--doubt P]

Questions on described scenes of which a share of the facets that looks tell (presence, attributes) is put in doubt at random,
each with one more value; relations stay certain. CPU time of one thread. For every question:

* run: the program on all completions at once;
* prove: with cases, where one run leaves several answers;
* write, check: of those that are proved, the certificate; its digest, its JSON and its proof are all checked.

Without --data the demo's questions are used.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from nmn.datasets.clevr import read_questions, read_scenes
from nmn.domain import Domain
from nmn.exact.compiled import compile_program
from nmn.exact.scene import exact_scene
from nmn.parser.clevr import import_program
from nmn.possible import PossibleProgram, PossibleScene, possible_program, prove
from nmn.possible.building import possible_scene
from nmn.possible.scene import NO_BIT, YES_BIT, Set
from nmn.promise import certify, verify
from nmn.registry import default_registry
from nmn.scenes import Scene

CLEVR = Domain.load("clevr")
SAMPLES = Path(__file__).resolve().parent.parent / "demo" / "samples"
REPEATS = 5
FIGURES = ("run", "prove", "write", "check", "one run", "proved", "wrong")


def doubted(scene: Scene, doubt: float, random: Random) -> PossibleScene:
    """A scene with some of its facets in doubt."""

    def options(value: str, values: tuple[str, ...]) -> set[str]:
        return {value, random.choice(values)} if random.random() < doubt else {value}

    presence = [NO_BIT | YES_BIT if random.random() < doubt else YES_BIT for _ in scene.objects]
    values = {
        each.name: [options(found.attributes[each.name], each.values) for found in scene.objects]
        for each in CLEVR.attributes
    }
    return possible_scene(CLEVR, presence, values, {name: rows(related) for name, related in scene.relations.items()})


def rows(related: tuple[tuple[int, ...], ...]) -> list[Set]:
    """A relation that is certain."""
    masks = [sum(1 << other for other in others) for others in related]
    return [(mask, mask) for mask in masks]


def microseconds(call: Callable[..., object], *arguments: object) -> float:
    """The least CPU time of a few calls."""
    times = []
    for _ in range(REPEATS):
        started = time.process_time_ns()
        call(*arguments)
        times.append(time.process_time_ns() - started)
    return min(times) / 1e3


def written(possible: PossibleProgram, scene: PossibleScene) -> str | None:
    """The text of a certificate."""
    proof = certify(possible, scene, {"domain": CLEVR.fingerprint})
    return None if proof is None else proof.text


def measure(data: Path | None, doubt: float, limit: int) -> dict[str, list[float]]:
    """Times and shares over questions."""
    folder = SAMPLES if data is None else data
    scenes = read_scenes(folder / "scenes.json", CLEVR)
    asked = [each for each in read_questions(folder / "questions.json") if each.program and each.image_index in scenes]
    random, registry = Random(0), default_registry()
    found: dict[str, list[float]] = {name: [] for name in FIGURES}
    for question in asked[:limit]:
        program = import_program(question.program, CLEVR, where=f"question {question.question_index}")
        possible = possible_program(program, CLEVR, registry)
        described = scenes[question.image_index]
        scene = doubted(described, doubt, random)
        found["run"].append(microseconds(possible.run, scene))
        found["prove"].append(microseconds(prove, possible, scene))
        found["one run"].append(possible.run(scene).certain)
        text = written(possible, scene)
        found["proved"].append(text is not None)
        if text is not None:
            exact = compile_program(program, CLEVR, registry).answer(exact_scene(described, CLEVR))
            found["wrong"].append(verify(text) != exact)
            found["write"].append(microseconds(written, possible, scene))
            found["check"].append(microseconds(verify, text))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with scenes.json and questions.json in CLEVR's format")
    parser.add_argument("--doubt", type=float, default=0.02, help="share of facets in doubt")
    parser.add_argument("--limit", type=int, default=500, help="questions")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    chosen = parser.parse_args()
    found = measure(chosen.data, chosen.doubt, chosen.limit)
    table = Table("step", "median, us", "95 %, us", "most, us")
    for name in ("run", "prove", "write", "check"):
        times = sorted(found[name]) or [0.0]
        shown = statistics.median(times), times[int(0.95 * (len(times) - 1))], times[-1]
        table.add_row(name, *(f"{each:.1f}" for each in shown))
    Console().print(table)
    shares = {name: statistics.mean(found[name] or [0.0]) for name in ("one run", "proved", "wrong")}
    print(
        f"{len(found['run']):,} questions, {chosen.doubt:.1%} of facets in doubt: {shares['one run']:.1%} told by one run, "
        f"{shares['proved']:.1%} proved, {shares['wrong']:.1%} of these otherwise than the scene is"
    )
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
