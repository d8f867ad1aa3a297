"""The sentence at the top: whole sentences are compared."""

import math
from dataclasses import replace

from crosstune.core.metric import Metric
from crosstune.core.summary import RunSummary
from crosstune.reports.verdict import metric_title, verdict
from tests.support.sample_summary import classification

BASE = replace(
    classification(),
    test={"accuracy": Metric(0.984, 0.976, 0.991)},
    baselines={"majority class": {"accuracy": Metric(0.112, 0.1, 0.12)}},
)


def sentence(**changes: object) -> str:
    return verdict(replace(BASE, **changes)).sentence  # type: ignore[arg-type]


def rival(value: float, low: float, high: float) -> dict[str, dict[str, Metric]]:
    return {"pixels + linear": {"accuracy": Metric(value, low, high)}}


def test_figure_interval_and_the_simplest_baseline() -> None:
    assert sentence() == (
        "Accuracy on the test split: 0.984 (95 % interval 0.976 to 0.991), "
        "against 0.112 for always answering the most frequent class."
    )


def test_the_strongest_baseline_is_named_too() -> None:
    found = sentence(baselines={**rival(0.9, 0.88, 0.92), **BASE.baselines})
    assert found.endswith("most frequent class and 0.900 for pixels + linear.")


def test_doubt_is_said_where_a_baseline_is_not_clearly_beaten() -> None:
    assert sentence(baselines=rival(0.99, 0.98, 0.995)).endswith(
        "The model does not beat the baseline “pixels + linear”."
    )
    assert sentence(baselines=rival(0.98, 0.97, 0.989)).endswith(
        "Its interval overlaps that of the baseline “pixels + linear”."
    )
    lower = replace(BASE, higher_is_better=False, baselines=rival(0.99, 0.98, 0.995))
    assert "overlaps" in verdict(lower).sentence
    assert verdict(replace(lower, baselines=rival(0.5, 0.4, 0.6))).doubt.startswith("The model does not beat")


def test_without_a_test_split_validation_is_named() -> None:
    assert sentence(test={}, validation=BASE.test) == (
        "Accuracy on the validation split: 0.984 (95 % interval 0.976 to 0.991)."
    )
    assert sentence(test={}, validation={}).startswith("This run holds no score")


def test_a_baseline_without_a_defined_figure_is_left_out() -> None:
    undefined = {"mean": {"accuracy": Metric(math.nan, math.nan, math.nan)}}
    assert (
        sentence(baselines=undefined) == "Accuracy on the test split: 0.984 (95 % interval 0.976 to 0.991)."
    )


def test_titles_of_known_and_other_metrics() -> None:
    assert [metric_title(name) for name in ("accuracy", "r2", "my-own")] == ["Accuracy", "R²", "My own"]
    assert metric_title("iou/T-shirt/top") == "IoU: T-shirt/top"


def test_undefined_figures_come_back_from_json() -> None:
    raw = replace(BASE, test={"accuracy": Metric(0.5, 0.4, 0.6)}).to_json()
    raw["baselines"] = {"mean": {"accuracy": {"value": None, "low": None, "high": None}}}
    assert math.isnan(RunSummary.from_json(raw).baselines["mean"]["accuracy"].value)
