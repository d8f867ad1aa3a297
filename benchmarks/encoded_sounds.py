"""A recogniser trained whole, its sounds encoded once, against the same with sounds encoded in every epoch.

``package:tiny-recogniser`` (2.9 million parameters, log-mel frames) on the telephone prompts of
``benchmarks/fetch --only prompts``, six epochs. Both runs use the same settings, order and seeds; the weights
must come out equal bit by bit. Seconds are those of an update for each example, loading included, the first
epoch among them, in which both encode.
"""

import tempfile
from pathlib import Path
from typing import Any

import torch

from crosstune.core.clock import Budget
from crosstune.core.items import Items
from crosstune.core.settings import Settings
from crosstune.reports.live import make_reporter
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from crosstune.tasks.registry import make_task
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.training.run import train

from common import Benchmark
from speech_cut import TASK, prompts, weights

MODEL = "package:tiny-recogniser"


def one_run(items: dict[str, Items], cache: str, work: Path, epochs: float) -> dict[str, Any]:
    """Train everything; returns seconds for each example and the weights."""
    task = make_task(TASK, items["train"].targets())
    assert isinstance(task, SpeechRecognition)  # noqa: S101 - for the type checker
    backbone = open_model(MODEL, OpenOptions(task=TASK, outputs=0, symbols=task.symbols))
    assert backbone.spelling is not None  # noqa: S101
    settings = Settings(
        strategy="full", epochs=epochs, batch_size=32, lr=1e-4, cache=cache, precision="fp32", augment="none"
    )
    result = train(
        backbone, task.spelled_with(backbone.spelling), items["train"], items["test"], settings,
        budget=Budget(None), work=work, reporter=make_reporter(),
    )  # fmt: skip
    return {"seconds": result.seconds_per_example, "weights": weights(backbone)}


def main() -> None:
    """Run it both ways, twice, in turn."""
    benchmark = Benchmark("encoded_sounds", __doc__)
    epochs = 2.0 if benchmark.quick else 6.0
    seconds: dict[str, list[float]] = {"auto": [], "off": []}
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        items = prompts(Path(name), 64 if benchmark.quick else 320)
        for turn in range(1 if benchmark.quick else 2):
            for cache in seconds:
                with benchmark.timed(f"cache={cache}, turn {turn + 1}"):
                    found[cache] = one_run(items, cache, Path(name) / f"{cache}-{turn}", epochs)
                seconds[cache].append(found[cache]["seconds"])
    one, other = (found[cache]["weights"] for cache in seconds)
    equal = all(torch.equal(one[key], other[key]) for key in one)
    ratio = sum(seconds["off"]) / sum(seconds["auto"])
    figures = {"ratio": ratio, **{f"{cache}_ms": [1e3 * s for s in each] for cache, each in seconds.items()}}
    benchmark.finish(figures=figures, targets={"equal weights, bit by bit": equal})


if __name__ == "__main__":
    main()
