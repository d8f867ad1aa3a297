"""Batches prepared by threads that take one core each, against threads that take as many as there are.

By default every thread that runs a tensor operation gets a team of OpenMP threads as large as the machine.
Both ways, in turn: one epoch of EfficientNet-lite0 on changed pictures (``augment=flip+crop``, whole model),
whose weights must come out equal bit by bit; and a frozen pass over the same pictures by torch and, where it
is there, by OpenVINO, without a cache.

Targets: training is faster in every turn; weights are equal.
"""

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import torch

from crosstune.core.clock import Budget
from crosstune.core.items import Items
from crosstune.core.settings import Settings
from crosstune.data.read import read
from crosstune.frozen import background
from crosstune.frozen.passes import frozen_pass
from crosstune.reports.live import make_reporter
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.registry import open_model
from crosstune.tasks.registry import make_task
from crosstune.training.run import train

from common import Benchmark, fashion_mnist

MODEL, TASK, SIDE = "package:efficientnet-lite0", "image-classification", 128
WAYS = ("one core", "all cores")


@contextmanager
def plainly(workers: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Give a pool whose threads take all cores each."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def way(name: str) -> Iterator[None]:
    """Let batches be prepared in this way."""
    made = background.background if name == WAYS[0] else plainly
    with (
        patch("crosstune.training.loader.background", made),
        patch("crosstune.frozen.loader.background", made),
    ):
        yield


def opened(items: dict[str, Items]) -> Backbone:
    """Open the model for these classes."""
    task = make_task(TASK, items["train"].targets())
    return open_model(MODEL, OpenOptions(task=TASK, outputs=task.outputs, image_size=SIDE))


def trained(items: dict[str, Items], work: Path) -> tuple[float, dict[str, torch.Tensor]]:
    """Train for an epoch; gives seconds for each example, and the weights."""
    backbone = opened(items)
    settings = Settings(
        strategy="full", epochs=1, batch_size=16, lr=1e-2, optimizer="sgd", augment="flip+crop", cache="off",
        precision="fp32", memory_format="channels-last",
    )  # fmt: skip
    result = train(
        backbone, make_task(TASK, items["train"].targets()), items["train"], items["test"], settings,
        budget=Budget(None), work=work, reporter=make_reporter(),
    )  # fmt: skip
    return result.seconds_per_example, dict(backbone.model.state_dict())


def passed(items: dict[str, Items], engine: str, cache: Path) -> float:
    """Make a frozen pass; gives its seconds for each example."""
    found = frozen_pass(opened(items), items["train"], engine=engine, cache=cache)
    return found.seconds / len(items["train"])


def main() -> None:
    """Run everything both ways, twice, in turn."""
    benchmark = Benchmark("loader_threads", __doc__)
    engines = ["torch", *(["openvino"] if find_spec("openvino") else [])]
    milliseconds: dict[str, dict[str, list[float]]] = {}
    weights: dict[str, dict[str, torch.Tensor]] = {}
    with tempfile.TemporaryDirectory() as name:
        path, _ = fashion_mnist(Path(name) / "data", train=160 if benchmark.quick else 1_600, test=64)
        data = read(path)
        items: dict[str, Items] = {split: data.items(split) for split in ("train", "test")}
        for turn in range(1 if benchmark.quick else 2):
            for one in WAYS:
                with benchmark.timed(f"{one}, turn {turn + 1}"), way(one):
                    seconds, weights[one] = trained(items, Path(name) / f"{one}-{turn}")
                    milliseconds.setdefault("training", {}).setdefault(one, []).append(1e3 * seconds)
                    for engine in engines:
                        took = passed(items, engine, Path(name) / f"{one}-{turn}-{engine}")
                        milliseconds.setdefault(engine, {}).setdefault(one, []).append(1e3 * took)
    ratios = {what: sum(both[WAYS[1]]) / sum(both[WAYS[0]]) for what, both in milliseconds.items()}
    own, other = (weights[one] for one in WAYS)
    faster = max(milliseconds["training"][WAYS[0]]) < min(milliseconds["training"][WAYS[1]])
    benchmark.finish(
        figures={"milliseconds": milliseconds, "ratios": ratios, "threads": torch.get_num_threads()},
        targets={
            "training is faster in every turn": faster,
            "equal weights": all(torch.equal(own[key], other[key]) for key in own),
        },
    )


if __name__ == "__main__":
    main()
