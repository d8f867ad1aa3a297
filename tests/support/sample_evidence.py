"""Realistic measurements behind the choice of a model, for the sample pages."""

import math
from dataclasses import replace
from typing import Any

from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision
from crosstune.core.ranking import RankRow
from crosstune.core.trial import TrialRow

LITE = "package:efficientnet-lite"
BLOCKS = ("stem", *(f"block {place}" for place in range(1, 17)), "tail")
ALONE = (0.515, 0.508, 0.692, 0.701, 0.729, 0.732, 0.805, 0.8, 0.791, 0.821, 0.84, 0.831, 0.847, 0.838, 0.835,
         0.819, 0.802, 0.786)  # fmt: skip
NEXT = "; next: lp-ft at 0.00017, 0.9207 [0.9067, 0.9340]"
WHY_TRIAL = f"the best of 9 trials of 10 s, the best 3 again for longer: 0.9307 [0.9180, 0.9433]{NEXT}"
WHY_MODEL = (
    "0.8475 [0.8285, 0.8625]; the figures cannot tell it from package:efficientnet-lite0 @160, of which it "
    "has the highest public accuracy; too slow for the budget: package:efficientnet-lite0 @224"
)


def around(value: float, half: float) -> Metric:
    """Give a figure with an interval that reaches a little further down than up."""
    return Metric(value, round(value - 1.1 * half, 4), round(value + 0.9 * half, 4))


def ranked(
    model: str, side: int | None, ridge: float, near: float, *, half: float = 0.017, rate: float = 120.0,
    **more: Any,
) -> RankRow:  # fmt: skip
    """Give one line of a ranking."""
    score = round((ridge + near) / 2, 4)
    base = {"figure": "accuracy", "shortlisted": True, "examples": 2000}
    return RankRow(**{
        **base, "model": model, "image_size": side, "score": around(score, half), "rate": rate,
        "ridge": around(ridge, half), "neighbours": around(near, 1.1 * half),
        "beside": {"logme@head": around(0.3 * ridge, 0.004), "logme@all": around(0.32 * ridge, 0.004),
                   "h-score@head": around(9.7 * ridge, 0.06)},
        **more,
    })  # fmt: skip


def trial(
    round_: int, model: str, moves: str, lr: float, figure: float, loss: float, epochs: float
) -> TrialRow:
    """Give one short training."""
    held = around(figure, 0.013) if math.isfinite(figure) else Metric(math.nan, math.nan, math.nan)
    return TrialRow(round=round_, model=model, moves=moves, lr=lr, metric=held, loss=loss, epochs=epochs,
                    seconds=10.4 * round_ + lr)  # fmt: skip


def picture_evidence() -> dict[str, Any]:
    """Give what was measured for the classification of pictures."""
    zero, one = f"{LITE}0 @96", f"{LITE}0 @160"
    trials = (
        trial(1, zero, "lp-ft", 0.0005, 0.9173, 0.2471, 1.2),
        trial(1, zero, "lp-ft", 0.0015, 0.8873, 0.3508, 1.2),
        trial(1, one, "lp-ft", 0.0005, 0.9127, 0.2544, 0.9),
        trial(1, zero, "last 6 blocks", 0.0005, 0.9107, 0.2702, 3.1),
        trial(1, zero, "lp-ft", 0.00017, 0.914, 0.2498, 1.2),
        trial(1, one, "lp-ft", 0.0015, 0.8513, 0.4473, 0.9),
        trial(1, zero, "last 6 blocks", 0.0015, 0.9013, 0.2899, 3.1),
        trial(1, one, "last 8 blocks", 0.0005, 0.906, 0.2769, 2.2),
        trial(1, one, "lp-ft", 0.00017, 0.9093, 0.2611, 0.9),
        replace(trial(2, zero, "lp-ft", 0.0005, 0.9307, 0.2108, 2.4), chosen=True),
        trial(2, zero, "lp-ft", 0.00017, 0.9207, 0.2204, 2.4),
        trial(2, one, "lp-ft", 0.0005, 0.9193, 0.2288, 1.8),
    )
    return {
        "ranking": (
            ranked(f"{LITE}0", 224, 0.8712, 0.8388, rate=21.0, accuracy=75.1),
            ranked(f"{LITE}0", 96, 0.8655, 0.8295, rate=122.0, accuracy=75.1),
            ranked(f"{LITE}0", 160, 0.862, 0.8264, rate=43.0, accuracy=75.1),
            ranked(f"{LITE}2", 96, 0.8488, 0.8094, rate=55.0, accuracy=77.5, shortlisted=False),
            ranked(f"{LITE}1", 96, 0.8445, 0.8071, rate=74.0, accuracy=76.6, shortlisted=False),
            ranked("local:scratch-cnn", None, 0.8105, 0.7671, rate=410.0, shortlisted=False),
            ranked(f"{LITE}0", 96, 0.4315, 0.3377, rate=121.0, shortlisted=False, pretrained=False),
        ),
        "skipped": (
            (f"{LITE}1 @240", "its pass over the sample would take 96 s"),
            ("timm:vit_base_patch16_224", "the weights are not here: no network was asked for"),
        ),
        "depth": tuple((name, around(value, 0.019)) for name, value in zip(BLOCKS, ALONE, strict=True)),
        "trials": trials,
    }


def text_evidence() -> dict[str, Any]:
    """Give what was measured for the regression of texts: two models, no trial."""
    alone = (0.42, 0.55, 0.63, 0.7, 0.762, 0.801, 0.809)
    figures: dict[str, Any] = {"figure": "pearson", "examples": 2000, "half": 0.021}
    return {
        "ranking": (
            ranked("package:minilm", None, 0.861, 0.781, rate=340.0, **figures),
            ranked("package:smollm2", None, 0.822, 0.739, rate=9.4, shortlisted=False, **figures),
            ranked("package:minilm", None, 0.311, 0.2, rate=338.0, shortlisted=False, pretrained=False,
                   **figures),
        ),
        "depth": tuple(
            (f"layer {place}" if place else "embeddings", around(value, 0.03))
            for place, value in enumerate(alone)
        ),
    }  # fmt: skip


def picture_decisions() -> tuple[Decision, ...]:
    """Give the decisions that rest on them."""
    names = ("trial/2.1", "trial/2.2", "trial/2.3")
    compared = tuple(f"rank/{LITE}0 @{side}/deciding" for side in (224, 96, 160))
    return (
        Decision("model", f"{LITE}0", Basis.MEASURED, WHY_MODEL, compared, 52.0),
        Decision("image_size", 96, Basis.MEASURED, "the size at which the model was measured: 0.8475 "
                 "[0.8285, 0.8625] against the others above", compared),
        Decision("strategy", "lp-ft", Basis.MEASURED, WHY_TRIAL, names, 310.0),
        Decision("lr", 5e-4, Basis.MEASURED, WHY_TRIAL, names, 22.0),
    )  # fmt: skip


def text_decisions() -> tuple[Decision, ...]:
    """Give the decisions about the regression, of every basis."""
    return (
        Decision("model", "package:minilm", Basis.MEASURED, "0.8210 [0.7979, 0.8399], ahead of 1 other "
                 "candidates", ("rank/package:minilm/deciding", "rank/package:smollm2/deciding")),
        Decision("strategy", "lp-ft", Basis.MEASURED, "about 4.1 epochs of everything fit in 31 s",
                 ("speed/training-step",)),
        Decision("lr", 5e-5, Basis.PRIOR, "usual for a body of this kind with AdamW"),
        Decision("loss", "auto", Basis.ASSUMED, "the default"),
    )  # fmt: skip
