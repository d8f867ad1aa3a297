"""Finding objects in scenes, by boxes or by masks: a pretrained body against one from random weights.

    benchmarks/fetch --only fashion-mnist; python benchmarks/compose_scenes.py
    python benchmarks/scenes.py [--task object-detection|image-segmentation] [--budget 15m] [--quick]

1,000 scenes of `compose_scenes.py`, of which 150 are held out to validate, and 200 for testing. Both arms
are whole `crosstune fit` commands of one budget, with EfficientNet-lite0 and the decoder that crosstune puts
behind it. For masks the pretrained body keeps its first seven blocks; the random one moves whole, as nothing
in it is worth keeping. In both arms it is chosen on validation at which size masks are answered. Figures are
those of the saved model on the test scenes, as the run reports them.

Targets: with the pretrained body an average precision at IoU 0.5 of at least 0.70 within 20 minutes, or a
mean IoU of at least 0.65 within 15; and more than from random weights, with intervals that do not overlap.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import Benchmark, data_folder

MODEL = "package:efficientnet-lite0"
COMMON = ("trials=0",)


@dataclass(frozen=True)
class Goal:
    """What is asked of a task."""

    metric: str
    least: float
    seconds: float
    settings: tuple[str, ...]


GOALS = {
    "object-detection": Goal(
        "map-50", 0.70, 1_200.0, ("image_size=128", "batch_size=16", "augment=flip+crop")
    ),
    "image-segmentation": Goal(
        "mean-iou", 0.65, 900.0, ("image_size=224", "batch_size=8", "augment=flip+crop+photometric")
    ),
}
ARMS: dict[str, dict[str, tuple[str, ...]]] = {
    "object-detection": {"pretrained": (), "random": ("pretrained=false",)},
    # Its first seven blocks stay as they were pretrained, which saves half of a step at this size; random
    # ones have to move.
    "image-segmentation": {
        "pretrained": ("strategy=last", "last_blocks=11"),
        "random": ("pretrained=false", "strategy=full"),
    },
}
"""What differs."""


def fitted(folder: Path, task: str, budget: str, settings: tuple[str, ...]) -> dict[str, Any]:
    """Fit as a stranger would; returns seconds and the figures of the test scenes."""
    sets = [word for one in (*COMMON, *GOALS[task].settings, *settings) for word in ("--set", one)]
    command = [sys.executable, "-m", "crosstune", "fit", str(data_folder("scenes")), "--task", task]
    begun = time.perf_counter()
    subprocess.run([*command, "--model", MODEL, "--budget", budget, *sets, "--out", str(folder)], check=True)
    seconds = time.perf_counter() - begun
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return {"seconds": seconds, **metrics["test"]}


def main() -> None:
    """Fit both arms."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", choices=sorted(GOALS), default="object-detection")
    parser.add_argument("--budget", help="of each arm; by default what the target allows")
    parser.add_argument("--keep", type=Path, help="a new folder that keeps the runs")
    parser.add_argument("--quick", action="store_true", help="a minute for each arm, and no targets")
    options = parser.parse_args()
    goal = GOALS[options.task]
    budget = options.budget or ("1m" if options.quick else f"{goal.seconds:.0f}s")
    benchmark = Benchmark(f"scenes {options.task}", __doc__, ["--quick"] if options.quick else [])
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        place = options.keep or Path(name)
        for arm, settings in ARMS[options.task].items():
            with benchmark.timed(arm):
                found[arm] = fitted(place / arm, options.task, budget, settings)
    tuned, random = found["pretrained"], found["random"]
    targets = {
        f"{goal.metric} of at least {goal.least}": tuned[goal.metric]["value"] >= goal.least,
        f"within {goal.seconds:.0f} s": tuned["seconds"] <= goal.seconds,
        "better than from random weights": tuned[goal.metric]["low"] > random[goal.metric]["high"],
    }
    benchmark.finish(figures={"budget": budget, **found}, targets={} if options.quick else targets)


if __name__ == "__main__":
    main()
