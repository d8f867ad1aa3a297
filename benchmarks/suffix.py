"""Training a suffix on cached activations against the same training without a cache.

EfficientNet-lite0 with real weights on Fashion-MNIST pictures; the last quarter and the last tenth of the
forward compute (by FLOPs) move, everything before is frozen. Both runs use the same settings, order and
seeds, in float32, and torch computes the prefix in both, so that the weights must come out equal: the largest
difference of a tensor, over its largest value, is reported. Seconds are those of an update for each example,
loading included; the totals also hold what is paid once (storing the activations, with torch far slower than
with the engine that ``auto`` would take) and the evaluations.

Arithmetic limit, f the frozen share: (3 - 2f) / (3 (1 - f)).
"""

import tempfile
import time
from pathlib import Path

import torch

from crosstune.core.clock import Budget
from crosstune.core.settings import Settings
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read
from crosstune.reports.live import make_reporter
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.registry import open_model
from crosstune.tasks.registry import make_task
from crosstune.training.run import train

from common import Benchmark, fashion_mnist

MODEL = "package:efficientnet-lite0"
SHARES = {"quarter": (0.25, 1.8), "tenth": (0.10, 3.5)}
"""Largest share of the compute that moves, and the target ratio."""


def blocks_within(backbone: Backbone, share: float) -> int:
    """Return how many blocks from the top hold at most ``share`` of the compute (and a hair more)."""
    count, total = 0, 0.0
    for block in reversed(backbone.blocks):
        total += block.share
        if total > share + 0.005:
            break
        count += 1
    return max(1, count)


def difference(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the largest difference of two tensors over their largest value."""
    largest = (one.double() - other.double()).abs().max().item()
    return largest / max(other.double().abs().max().item(), 1e-12)


def one_run(data: LabelledData, side: int, share: float, cache: str, work: Path) -> dict:
    """Train a suffix for two epochs; returns seconds for each example and the weights."""
    items = {split: data.items(split) for split in ("train", "test")}
    task = make_task("image-classification", items["train"].targets())
    options = OpenOptions(task=task.name, outputs=task.outputs, image_size=side)
    backbone = open_model(MODEL, options)
    count = blocks_within(backbone, share)
    settings = Settings(
        strategy="last", last_blocks=count, epochs=2, batch_size=32, lr=1e-2,
        optimizer="sgd", cache=cache, engine="torch",
        precision="fp32", memory_format="contiguous", augment="none", class_weights="none",
    )  # fmt: skip
    started = time.perf_counter()
    result = train(
        backbone, task, items["train"], items["test"], settings,
        budget=Budget(None), work=work, reporter=make_reporter(),
    )  # fmt: skip
    return {
        "seconds": result.seconds_per_example,
        "total": time.perf_counter() - started,
        "weights": {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()},
        "share": sum(block.share for block in backbone.blocks[-count:]),
        "blocks": count,
    }


def main() -> None:
    """Run each share with and without the cache."""
    benchmark = Benchmark("suffix", __doc__)
    rows, side = (256, 64) if benchmark.quick else (2_000, 96)
    figures: dict[str, float] = {}
    targets: dict[str, bool] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, _ = fashion_mnist(folder / "data", train=rows, test=128)
        data = read(path)
        for share, (most, target) in SHARES.items():
            cached = one_run(data, side, most, "on", folder / f"{share}-on")
            plain = one_run(data, side, most, "off", folder / f"{share}-off")
            ratio = plain["seconds"] / cached["seconds"]
            frozen = 1.0 - cached["share"]
            far = max(difference(cached["weights"][key], plain["weights"][key]) for key in plain["weights"])
            figures |= {
                f"{share}_share": cached["share"],
                f"{share}_blocks": cached["blocks"],
                f"{share}_ratio": ratio,
                f"{share}_limit": (3 - 2 * frozen) / (3 * (1 - frozen)),
                f"{share}_cached_ms": 1e3 * cached["seconds"],
                f"{share}_uncached_ms": 1e3 * plain["seconds"],
                f"{share}_largest_relative_difference": far,
                f"{share}_total_cached_s": cached["total"],
                f"{share}_total_uncached_s": plain["total"],
            }
            targets[f"{share}: at least {target} times faster an epoch"] = bool(ratio >= target)
            targets[f"{share}: equal weights (relative 1e-4)"] = far <= 1e-4
    figures |= {"pictures": rows, "side": side, "threads": torch.get_num_threads()}
    benchmark.finish(figures=figures, targets=targets)


if __name__ == "__main__":
    main()
