"""The plots show the values they were given."""

import math
import re

from crosstune.core.summary import Curve
from crosstune.reports.plots import (
    calibration_words,
    learning_curves,
    precision_by_recall,
    reliability,
    scatter,
)


def test_losses_share_a_panel_and_the_best_primary_value_is_named() -> None:
    curves = [
        Curve(name="train_loss", steps=[0, 10, 20], values=[2.0, 1.0, 0.5]),
        Curve(name="validation loss", steps=[0, 20], values=[2.1, 0.9]),
        Curve(name="accuracy", steps=[0, 10, 20], values=[0.1, 0.9, 0.8]),
    ]
    loss, accuracy = learning_curves(curves, "accuracy", higher=True)
    assert (loss.title, [name for _, name in loss.legend]) == ("loss", ["train loss", "validation loss"])
    assert accuracy.note == "Best: 0.9000 at step 10 (ringed)."
    assert "train loss, step 10: 1<" in loss.picture
    assert learning_curves(curves, "loss", higher=False)[0].note == "Best: 0.9000 at step 20 (ringed)."


def test_one_point_and_undefined_points_are_drawn_or_left_out() -> None:
    single = Curve(name="accuracy", steps=[5], values=[0.5])
    undefined = Curve(name="loss", steps=[1, 2], values=[math.nan, math.nan])
    panels = learning_curves([single, undefined], "accuracy", higher=True)
    assert [panel.title for panel in panels] == ["accuracy"]
    assert "nan" not in panels[0].picture


def test_reliability_draws_each_bin_and_says_the_weighted_gap() -> None:
    bins = [(0.6, 0.5, 100), (0.9, 0.8, 300)]
    assert "confidence 0.600, right 0.500, 100 examples" in reliability(bins).picture
    assert calibration_words(bins).endswith(
        "differ by 0.100 on average; the model is more sure than it is right."
    )
    assert calibration_words([(0.6, 0.7, 1)]).endswith("the model is less sure than it could be.")
    assert calibration_words([(0.6, 0.605, 1)]).endswith("differ by 0.005 on average.")


def test_a_scatter_has_one_circle_for_each_finite_pair() -> None:
    panel = scatter([(0.0, 0.1), (1.0, 0.9), (math.nan, 1.0)])
    assert len(re.findall("<circle", panel.picture)) == 2
    assert panel.note.startswith("2 examples")


def test_precision_by_recall_ends_where_recall_does_and_averages_over_all_recalls() -> None:
    whole = Curve(name="cat", steps=list(range(101)), values=[1.0] * 101)
    half = Curve(name="traffic_light", steps=list(range(101)), values=[0.8] * 50 + [math.nan] * 51)
    (panel,) = precision_by_recall([whole, half])
    assert [name for _, name in panel.legend] == ["cat 1.000", "traffic light 0.396"]
    assert "nan" not in panel.picture
    lines = re.findall(r'<path class="line series s\d" d="([^"]+)"', panel.picture)
    assert [len(re.findall("[ML]", line)) for line in lines] == [101, 50]
    assert len(precision_by_recall([whole] * 11)) == 3
    assert precision_by_recall([]) == []
