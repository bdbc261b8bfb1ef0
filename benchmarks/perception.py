"""Claim: one image to a whole scene graph costs a fraction of what earlier module networks pay for its features alone.

Those read ResNet-101's fourth stage at 224 x 224 px (Johnson et al. 2017, arXiv:1705.03633, section 4.1). Both run here
side by side on one thread, batches interleaved; the features' cost does not depend on the weights, so they are random.
The scene graph is complete: presence, every attribute of every object, every relation between objects.

Run: PYTHONSAFEPATH=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/perception.py
"""

import argparse
import json
from pathlib import Path
from time import process_time

import torch

from nmn.bench.measure import interleaved
from nmn.images import load_image
from nmn.perception.detector import PixelPerceiver
from nmn.perception.flops import counted
from nmn.scene import FacetStore

SAMPLES = Path(__file__).parent.parent / "demo" / "samples"
SIDE = 224  # px


def features() -> torch.nn.Module:
    """ResNet-101 up to its fourth stage, with random weights."""
    from transformers import ResNetConfig, ResNetModel

    config = ResNetConfig(depths=[3, 4, 23], hidden_sizes=[256, 512, 1024], layer_type="bottleneck")
    return ResNetModel(config).eval().to(memory_format=torch.channels_last)


def scene_flops(perceiver: PixelPerceiver, store: FacetStore) -> float:
    """FLOPs an image of a store that holds every facet."""
    images = store.glance.mask.shape[0]
    facets = sum(entry.flops * len(entry.rows) for entry in store.history)
    return perceiver.glance_cost(1) + facets / images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 32])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--weights", type=Path, help="folder with weights; those of the package by default")
    parser.add_argument("--images", type=Path, default=SAMPLES, help="folder of images")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    options = parser.parse_args()
    torch.set_num_threads(1)
    perceiver, resnet = PixelPerceiver.from_pretrained(options.weights), features()
    files = [path for path in sorted(options.images.iterdir()) if path.suffix in (".jpg", ".png")][:64]
    started = process_time()
    pictures = [load_image(path) for path in files]
    decoding = (process_time() - started) / len(files)

    def seen(count: int, start: int = 0) -> FacetStore:
        store = FacetStore.look(perceiver, [pictures[(start + k) % len(pictures)] for k in range(count)])
        store.compute_everything()
        return store

    ours = scene_flops(perceiver, seen(len(pictures)))
    with torch.inference_mode():
        theirs = counted(lambda: resnet(torch.zeros(1, 3, SIDE, SIDE)))
    print(f"{len(pictures)} images; decoding takes {decoding * 1e3:.1f} ms an image and is not counted below")
    print(f"scene graph {ours / 2e9:.3f} GMAC, features {theirs / 2e9:.3f} GMAC: {theirs / ours:.1f} times cheaper")
    figures = {"scene_flops": ours, "features_flops": theirs, "flops_ratio": theirs / ours}
    for batch in options.batches:
        tensors = torch.rand(batch, 3, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
        place = [0]

        def scene(size: int = batch, place: list[int] = place) -> None:
            place[0] += size
            seen(size, place[0])

        with torch.inference_mode():
            times = interleaved(
                {"scene": scene, "features": lambda tensors=tensors: resnet(tensors)},  # type: ignore[misc]
                repeats=options.repeats,
            )
        mine, its = (times[name].median / batch * 1e3 for name in ("scene", "features"))
        spread = [f"{value / batch * 1e3:.1f}" for value in times["scene"].spread]
        print(
            f"batch {batch:3}: scene graph {mine:.1f} ms an image ({spread[0]} to {spread[1]}),"
            f" features {its:.1f} ms: {its / mine:.1f} times cheaper"
        )
        figures[f"time_ratio_{batch}"] = its / mine
        figures[f"scene_ms_{batch}"] = mine
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
