"""What several processes train in ``test_fsdp.py``: every case in each way, one result for each process.

Started by torchrun as ``--module tests.training.together FOLDER``; the parent trains the same cases alone.
"""

import json
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from crosstune.core.clock import Budget
from crosstune.core.errors import UserError
from crosstune.core.head import HeadWeights
from crosstune.core.progress import Silent
from crosstune.core.settings import with_values
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training import update
from crosstune.training.group import joined
from crosstune.training.run import train
from crosstune.training.session import make_accelerator, prepare
from crosstune.training.shards import spread
from tests.support.tiny import (
    KINDS,
    Kind,
    MemoryItems,
    modality_of,
    random_raw,
    tiny_backbone,
)
from tests.training.small import coloured, convolutional, plain

ROWS = 21
"""Steps of 8, 8 and 5 examples, which neither two processes nor micro-batches of 3 divide."""
HELD = 20
"""Rows that are validated on: seven batches of three, four for one process and three for the other."""
RARE = ["rare" if index % 7 == 0 else "common" for index in range(ROWS)]
COMMON = {
    "strategy": "full", "optimizer": "adamw", "lr": 0.01, "epochs": 2, "batch_size": 8, "micro_batch": 3,
    "batchnorm": "frozen", "class_weights": "auto", "clip_norm": 0.05, "evals_per_epoch": 2,
}  # fmt: skip
SMALL: dict[str, dict[str, Any]] = {
    "adamw": {},
    "unclipped": {"clip_norm": 0.0},
    "sgd": {"optimizer": "sgd", "lr": 0.05},
    "schedule-free": {"optimizer": "schedule-free"},
    "ema": {"average": "ema", "ema_decay": 0.9},
    "soup": {"average": "soup"},
    "last": {"strategy": "last"},
    "stored": {"strategy": "last"},
    "gradual": {"strategy": "gradual", "epochs": 3},
    "lora": {"strategy": "lora", "lora_rank": 2},
    "dora": {"strategy": "lora", "lora_rank": 2, "lora_variant": "dora"},
    "lp-ft": {"strategy": "lp-ft"},
    "batches of statistics": {"batchnorm": "train", "optimizer": "sgd", "lr": 0.05},
}
"""Of the small convolutional model."""
BETWEEN_WAYS = ("batches of statistics",)
"""Depend on the number of processes, as statistics are those of each process's own examples."""
FAMILIES: tuple[Kind, ...] = KINDS
FAMILY = {"optimizer": "sgd", "lr": 0.05, "epochs": 1, "evals_per_epoch": 1}
"""Of the families: Adam makes full steps of the rounding in gradients that are zero, such as those of key
biases, so that nothing would be comparable. One evaluation, so that rounding cannot choose another step."""


class Stop(Exception):
    """Ends a run as a crash would."""


def model_of(name: str, folder: Path) -> tuple[Backbone, MemoryItems]:
    """Open the model of a case, without dropout, and its examples."""
    if name not in FAMILIES:
        return convolutional(2), MemoryItems(coloured(ROWS).raw, RARE)
    kind = cast(Kind, name)
    backbone = tiny_backbone(kind, 2, folder, task=f"{modality(name)}-classification")
    for module in backbone.model.modules():
        for share in (
            "dropout_prob",
            "drop_rate",
            "attention_dropout",
            "activation_dropout",
            "dropout",
        ):  # of functions that drop out
            if isinstance(getattr(module, share, None), float):
                setattr(module, share, 0.0)
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    return backbone, MemoryItems(random_raw(kind, ROWS), RARE)


def modality(name: str) -> str:
    return modality_of(cast(Kind, name))


def train_case(
    name: str, way: str, folder: Path, *, work: Path, resume: bool = False, **more: Any
) -> dict[str, torch.Tensor]:
    """Train a case in a way; returns the weights that the caller's model holds afterwards."""
    backbone, items = model_of(name, folder)
    settings = with_values(plain(), COMMON | SMALL.get(name, FAMILY) | more)
    settings = settings if way == "alone" else with_values(settings, {"parallel": way})
    if name == "stored" and way != "fsdp":
        settings = with_values(settings, {"cache": "on", "engine": "torch"})
    task = make_task(f"{modality(name)}-classification", RARE)
    head = None
    if settings.strategy == "lp-ft":
        draw = np.random.default_rng(0)
        weight, bias = draw.normal(size=(2, 8)).astype(np.float32), np.zeros(2, np.float32)
        head = HeadWeights(kind="ridge", features="head", weight=weight, bias=bias, penalty=1.0)
    held_out = MemoryItems(items.raw[:HELD], RARE[:HELD])
    result = train(
        backbone, task, items, held_out, settings,
        budget=Budget(), work=work, reporter=Silent(), head=head, resume=resume,
    )  # fmt: skip
    figures = [row["train_loss"] for row in result.history] + [result.best]
    held = {key: tensor.contiguous() for key, tensor in backbone.model.state_dict().items()}
    return held | {"figures": torch.tensor(figures, dtype=torch.float64)}


def interrupted_after(steps: int) -> Callable[[], None]:
    """Let the update after so many steps fail; returns what puts it right again."""
    original = update.Updater._move
    made = iter(range(steps))

    def move(self: update.Updater) -> None:
        if next(made, None) is None:
            raise Stop
        original(self)

    update.Updater._move = move  # type: ignore[method-assign]

    def restore() -> None:
        update.Updater._move = original  # type: ignore[method-assign]

    return restore


def broken_off(way: str, folder: Path, work: Path, **more: Any) -> dict[str, torch.Tensor]:
    """Train, break off after four steps, and go on from the newest checkpoint."""
    again = interrupted_after(4)
    try:
        with joined():
            train_case("ema", way, folder, work=work, checkpoint_every=0.0, **more)
    except Stop:
        pass
    else:
        raise AssertionError("the run was not broken off")
    finally:
        again()
    with joined():
        return train_case("ema", way, folder, work=work, checkpoint_every=0.0, resume=True, **more)


def refused(folder: Path, **values: Any) -> str:
    """Train with a setting that leads to an error; returns its code and what was found."""
    try:
        with joined():
            train_case("adamw", "fsdp", folder, work=folder / "refused", **values)
    except UserError as error:
        return f"{error.code}: {error.found}"
    raise AssertionError(f"{values} led to no error")


def held_share() -> float:
    """Say which share of the elements of a spread model this process holds."""
    backbone, items = model_of("adamw", Path())
    settings = with_values(plain(), COMMON | {"parallel": "fsdp"})
    with joined():
        accelerator = make_accelerator(settings, None, ())
        session = prepare(
            backbone, make_task("image-classification", RARE), items, items, settings,
            accelerator=accelerator, budget=Budget(), reporter=Silent(), head=None, stack=ExitStack(),
        )  # fmt: skip
        parts = list(spread(session).backbone.model.parameters())
        here = sum(part.to_local().numel() for part in parts)  # type: ignore[operator]
        return here / sum(part.numel() for part in parts)


def main(folder: Path) -> None:
    """Train every case in both ways, and what else two processes are needed for."""
    rank = os.environ["RANK"]

    def keep(name: str, held: dict[str, torch.Tensor]) -> None:
        save_file(held, folder / f"{name} {rank}.safetensors")

    for name in (*SMALL, *FAMILIES):
        for way in ("fsdp", "ddp"):
            with joined():
                keep(f"{name} {way}", train_case(name, way, folder, work=folder / f"{name} {way}"))
    keep("resumed", broken_off("fsdp", folder, folder / "resumed"))
    facts = {
        "share": held_share(),
        "non-finite": refused(folder, optimizer="sgd", lr=1e30, clip_norm=0.0, epochs=4),
        "cache": refused(folder, strategy="last", cache="on"),
        "memory format": refused(folder, memory_format="channels-last"),
        "workers": "",
    }
    (folder / f"facts {rank}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
