"""Memory over a long stream: the claim in docs/performance.md that it stays flat.

Streams questions on the sample images (from pixels) through ``Engine.answer_many`` and prints the process's resident memory
as it goes.
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from nmn.datasets.clevr import read_questions
from nmn.engine import Engine

SAMPLES = Path(__file__).resolve().parent.parent / "demo" / "samples"


def resident() -> float:
    """Megabytes of this process that are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def items(number: int) -> Iterator[tuple[Path, str]]:
    """Sample questions again and again, each with its image."""
    questions = read_questions(SAMPLES / "questions.json")
    for index in range(number):
        question = questions[index % len(questions)]
        yield SAMPLES / str(question.image_filename), question.text


def main() -> None:
    """Stream and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=4000, help="how many to stream (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write the readings to this file")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    engine = Engine.from_pretrained()
    readings: list[tuple[int, float]] = []
    started = time.perf_counter()
    step = max(1, arguments.questions // 20)
    for done, _ in enumerate(engine.answer_many(items(arguments.questions), batch_size=256), start=1):
        if done % step == 0:
            readings.append((done, resident()))
            print(f"{done:>8,} questions  {readings[-1][1]:8.1f} MB", flush=True)
    seconds = time.perf_counter() - started
    settled = [memory for done, memory in readings if done > arguments.questions / 4]
    print(
        f"{arguments.questions / seconds:,.0f} questions/s; after the first quarter {min(settled):.1f} to {max(settled):.1f} MB"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps({"readings": readings, "seconds": seconds}))


if __name__ == "__main__":
    main()
