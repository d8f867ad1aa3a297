"""Realistic run summaries, for tests and for looking: ``python -m tests.support.sample_summary OUT``."""

import base64
import io
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from crosstune.core.controls import Control, Controls, Gain
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.summary import Curve, Mistake, RunSummary
from tests.support.sample_evidence import (
    picture_decisions,
    picture_evidence,
    text_decisions,
    text_evidence,
)

CLASSES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def picture(seed: int, side: int = 48) -> str:
    """Make a small PNG as a ``data:`` address."""
    random = np.random.default_rng(seed)
    across, down = np.meshgrid(np.linspace(-1, 1, side), np.linspace(-1, 1, side))
    wide, high = random.uniform(0.3, 0.8, 2)
    shape = ((across / wide) ** 4 + (down / high) ** 4 < 1) * (
        120 + 90 * np.sin(6 * across * random.uniform(0.3, 1))
    )
    pixels = np.clip(shape + random.normal(0, 6, shape.shape), 0, 255).astype(np.uint8)
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, "PNG")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")


def controls() -> Controls:
    """Give two arms and what lies between them."""
    shared = {"model": "package:minilm", "strategy": "fpt", "lr": 0.001, "seconds": 61.0}
    rows = tuple(
        Control(name=name, pretrained=name == "frozen body", metric=Metric(mean, mean - 0.013, mean + 0.013),
                values=(mean - 0.0043, mean, mean + 0.0043), swept=((0.001, mean), (0.003, 0.5)), **shared)
        for name, mean in (("frozen body", 0.8716), ("frozen random body", 0.8231))
    )  # fmt: skip
    gain = Gain(ours="frozen body", theirs="frozen random body", metric=Metric(0.0485, 0.0312, 0.0658))
    skipped = (("a model of the data's own kind", "none can be opened here"),)
    return Controls(rows=rows, gains=(gain,), seeds=3, examples=2000, read="texts", skipped=skipped)


def confusion(count: int, per_class: int, seed: int = 0) -> list[list[int]]:
    """Draw a plausible confusion matrix."""
    random = np.random.default_rng(seed)
    rows = []
    for truth in range(count):
        near = np.exp(-0.9 * np.abs(np.arange(count) - truth)) * random.gamma(1.0, 1.0, count)
        near[truth] = near.sum() * random.uniform(4, 20)
        rows.append(random.multinomial(per_class, near / near.sum()).tolist())
    return rows


def plan() -> Plan:
    """Give decisions of every basis."""
    measured, prior, assumed = Basis.MEASURED, Basis.PRIOR, Basis.ASSUMED
    rows = (
        *picture_decisions(),
        Decision("features", "all", measured, "ridge on all blocks 0.921, on the last block 0.874",
                 ("closed-form/ridge@all",)),
        Decision("batch_size", 32, prior, "usual for fewer than 100,000 examples"),
        Decision("layer_decay", 0.8, prior, "Clark (2020) used 0.8 for models of this depth"),
        Decision("optimizer", "adamw", prior, "works across all families here without tuning"),
        Decision("schedule", "cosine", assumed, "not measured; a short run differs little between schedules"),
        Decision("warmup", 0.1, assumed, "not measured"),
        Decision("augment", "flip+crop", prior, "pictures without text or orientation"),
        Decision("loss", "label-smoothing", measured, "log loss is 4 % lower with smoothed targets"),
        Decision("class_weights", "none", measured, "the largest class is 1.0 times the smallest"),
        Decision("epochs", 3.0, prior, "what fits into the budget").by_user(5.0),
        Decision("precision", "bf16", measured, "1.9 times faster than fp32", ("benchmark/precision",)),
        Decision("cache", "off", measured, "every block moves, so nothing can be cached"),
        Decision("seed", 0, assumed, "the default"),
    )  # fmt: skip
    return Plan(rows)


def measured() -> dict[str, Any]:
    """Give the figures of the classification."""
    return {
        "validation": {
            "accuracy": Metric(0.9413, 0.9287, 0.9527),
            "macro-f1": Metric(0.9409, 0.9281, 0.9523),
            "log-loss": Metric(0.1893, 0.1641, 0.2166),
            "calibration-error": Metric(0.0179, 0.0141, 0.0287),
        },
        "test": {
            "accuracy": Metric(0.9365, 0.9255, 0.947),
            "macro-f1": Metric(0.9361, 0.9249, 0.9465),
            "balanced-accuracy": Metric(0.9365, 0.9254, 0.9468),
            "log-loss": Metric(0.2015, 0.1766, 0.2281),
            "calibration-error": Metric(0.0212, 0.0158, 0.0311),
        },
        "baselines": {
            "majority class": {"accuracy": Metric(0.1, 0.0875, 0.113), "log-loss": Metric(2.303, 2.3, 2.306)},
            "pixels + linear": {
                "accuracy": Metric(0.838, 0.8215, 0.854),
                "macro-f1": Metric(0.837, 0.8205, 0.8531),
                "log-loss": Metric(0.471, 0.4372, 0.5061),
            },
        },
        "candidates": {
            "closed-form head (ridge, all blocks)": Metric(0.9207, 0.9067, 0.934),
            "closed-form head (logistic, last block)": Metric(0.8893, 0.8733, 0.9047),
            "fine-tuned (lp-ft)": Metric(0.9413, 0.9287, 0.9527),
            "fine-tuned (lp-ft), averaged": Metric(0.94, 0.9273, 0.9513),
        },
    }


def classification() -> RunSummary:
    """A finished image classification."""
    random = np.random.default_rng(7)
    steps = list(range(0, 2001, 100))
    down = [2.31 * math.exp(-step / 420) + 0.21 + 0.02 * float(random.normal()) for step in steps]
    held = [2.31 * math.exp(-step / 400) + 0.29 + 0.015 * float(random.normal()) for step in steps]
    right = [0.94 - 0.83 * math.exp(-step / 350) + 0.004 * float(random.normal()) for step in steps]
    matrix = confusion(10, 200, 3)
    bins = [(0.32, 0.29, 14), (0.43, 0.41, 31), (0.55, 0.5, 52), (0.65, 0.58, 66), (0.75, 0.7, 91),
            (0.85, 0.81, 168), (0.93, 0.9, 288), (0.985, 0.982, 1290)]  # fmt: skip
    mistakes = tuple(
        Mistake(origin=f"test/{CLASSES[i % 10]}/{9000 + 37 * i}.png", truth=CLASSES[i % 10],
                predicted=CLASSES[(i + 2) % 10], score=0.999 - 0.011 * i, picture=picture(i))
        for i in range(12)
    )  # fmt: skip
    return RunSummary(
        controls=controls(),
        task="image-classification",
        primary_metric="accuracy",
        higher_is_better=True,
        model="package:efficientnet-lite0",
        licence="Apache-2.0",
        shipped="fine-tuned (lp-ft)",
        loads_with='import crosstune\n\nmodel = crosstune.load("runs/fashion/model")\n'
        'for row in model.predict(["coat.png", "bag.png"]):\n    print(row["label"], row["score"])\n',
        data="data/fashion-mnist",
        classes=CLASSES,
        counts={"train": 8500, "validation": 1500, "test": 2000, "set aside": 3},
        class_counts={
            "train": {name: 850 + 7 * i for i, name in enumerate(CLASSES)},
            "validation": dict.fromkeys(CLASSES, 150),
            "test": dict.fromkeys(CLASSES, 200),
        },
        findings=(
            ("error", "unreadable-image", "3 files cannot be decoded: set aside in bad_items.csv."),
            ("warning", "duplicates-across-splits", "11 test pictures are also training pictures."),
            ("note", "small-images", "Half of the pictures are at most 28 pixels wide."),
        ),
        **measured(),
        comparison="On the 1,500 validation examples the fine-tuned model answers 2.1 % more right than the "
        "closed-form head (95 % interval of the paired difference 1.1 % to 3.0 %), so it was shipped.",
        confusion=matrix,
        calibration=bins,
        curves=(
            Curve(name="training loss", steps=steps, values=down),
            Curve(name="validation loss", steps=steps, values=held),
            Curve(name="validation accuracy", steps=steps, values=right),
        ),
        mistakes=mistakes,
        plan=plan(),
        **picture_evidence(),
        seconds={"read and check": 9.2, "rank the models": 51.8, "open the model": 0.4,
                 "frozen pass and closed-form heads": 70.1, "trials": 158.0, "training": 231.5,
                 "reload and predict": 14.1, "figures": 4.2, "total": 541.0},
        budget=600.0,
        warnings=("11 test pictures are copies of training pictures: the test figures may be too good.",),
        versions={"crosstune": "0.1.0", "python": "3.11.9", "torch": "2.10.0", "transformers": "5.23.0",
                  "timm": "1.0.26", "numpy": "2.4.1"},
    )  # fmt: skip


def regression() -> RunSummary:
    """A finished text regression, with a closed-form head shipped."""
    random = np.random.default_rng(1)
    truth = random.normal(0, 1.4, 600).clip(-4, 4)
    guess = 0.85 * truth + random.normal(0, 0.55, 600)
    texts = (
        "Not bad at all: I was ready to hate it, then the second half quietly took me along.",
        "Great. Another update that fixes nothing, moves every button and thanks me for it.",
        "I would recommend this phone to my enemies.\nTwice.",
    )
    return RunSummary(
        task="text-regression",
        primary_metric="pearson",
        higher_is_better=True,
        model="package:minilm",
        licence="Apache-2.0",
        shipped="closed-form head (ridge, all blocks)",
        loads_with='import crosstune\n\ncrosstune.load("runs/tweets/model").predict(["what a day"])\n',
        data="tweets.csv",
        counts={"train": 2700, "validation": 500, "test": 800},
        validation={"pearson": Metric(0.861, 0.838, 0.882)},
        test={
            "pearson": Metric(0.8541, 0.8326, 0.8739),
            "spearman": Metric(0.8412, 0.8170, 0.8628),
            "mae": Metric(0.5571, 0.5292, 0.5868),
            "rmse": Metric(0.7223, 0.6853, 0.7612),
            "r2": Metric(0.7284, 0.6911, 0.7611),
        },
        baselines={
            "mean": {"mae": Metric(1.121, 1.064, 1.177), "rmse": Metric(1.386, 1.327, 1.446),
                     "r2": Metric(-0.0004, -0.0051, 0.0)},
            "TF-IDF + linear": {"pearson": Metric(0.6022, 0.5561, 0.6449), "mae": Metric(0.886, 0.84, 0.933)},
        },
        candidates={
            "closed-form head (ridge, all blocks)": Metric(0.861, 0.838, 0.882),
            "closed-form head (ridge, last block)": Metric(0.809, 0.778, 0.837),
            "fine-tuned (lp-ft)": Metric(0.863, 0.84, 0.884),
        },
        comparison="The paired 95 % interval of the gain from fine-tuning holds zero (-0.006 to 0.010), so "
        "the cheaper closed-form head was shipped.",
        scatter=[(float(a), float(b)) for a, b in zip(truth, guess, strict=True)],
        mistakes=tuple(
            Mistake(origin=f"tweets.csv:{412 + 991 * i}", truth=f"{value:.2f}", predicted=f"{other:.2f}",
                    score=abs(value - other), text=text)
            for i, (text, value, other) in enumerate(
                zip(texts, (2.6, -2.9, -3.1), (-0.4, 0.1, 1.2), strict=True)
            )
        ),
        plan=Plan(text_decisions()),
        **text_evidence(),
        seconds={"read and check": 0.6, "rank the models": 6.1, "frozen pass and closed-form heads": 9.3,
                 "training": 24.5, "total": 41.2},
        budget=60.0,
        versions={"crosstune": "0.1.0", "python": "3.11.9"},
    )  # fmt: skip


def named() -> RunSummary:
    """The classification by a user who chose everything: nothing was compared or tried."""
    fixed = tuple(row.by_user(row.value) for row in picture_decisions())
    return replace(
        classification(), ranking=(), skipped=(), depth=(), trials=(), plan=plan().extended(*fixed)
    )


def many_classes(count: int = 120) -> RunSummary:
    """A classification with more classes than a matrix can show."""
    names = tuple(f"species {i:03d} of a rather long family name" for i in range(count))
    base = classification().to_json()
    base |= {
        "classes": names,
        "confusion": confusion(count, 40, 5),
        "class_counts": {"train": dict.fromkeys(names, 80), "test": dict.fromkeys(names, 40)},
    }
    return RunSummary.from_json(base)


def main(folder: Path) -> None:
    """Write every sample as a page and as a card."""
    from crosstune.reports.card import write_card
    from crosstune.reports.page import write_report

    for made in (classification, regression, many_classes, named):
        write_report(made(), folder / f"{made.__name__}.html")
        write_card(made(), folder / f"{made.__name__}.md")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
