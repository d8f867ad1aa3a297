"""A realistic summary of a run that finds boxes."""

from dataclasses import replace

import numpy as np

from crosstune.core.metric import Metric
from crosstune.core.summary import Curve, Mistake, RunSummary
from tests.support.sample_summary import classification, picture

NAMES = ("bicycle", "bus", "car", "dog", "person", "traffic light", "van")


def detection() -> RunSummary:
    """A finished run with seven classes and the background."""
    random = np.random.default_rng(3)
    table = random.poisson(3, (8, 8)) + np.diag([80, 60, 210, 40, 300, 55, 70, 0])
    table[-1, -1] = 0
    figures = {
        "map": Metric(0.412, 0.388, 0.437), "map-50": Metric(0.633, 0.6, 0.661),
        "map-small": Metric(float("nan"), float("nan"), float("nan")),
        "recall-100": Metric(0.55, 0.52, 0.58), "ap/bus": Metric(0.5, 0.44, 0.57),
    }  # fmt: skip
    curves = tuple(
        Curve(name=name, steps=list(range(101)),
              values=[1 - (step / (70 + 4 * place)) ** 3 if step < 60 + 4 * place else float("nan")
                      for step in range(101)])
        for place, name in enumerate(NAMES)
    )  # fmt: skip
    mistakes = tuple(
        Mistake(origin=f"test/{place}.jpg", truth="2 car, person", predicted="car", score=0.9 - 0.1 * place,
                picture=picture(place))
        for place in range(4)
    )  # fmt: skip
    return replace(
        classification(), task="object-detection", primary_metric="map", classes=NAMES, class_counts={},
        confusion=table.tolist(), confusion_names=(*NAMES, "background"), precision_by_recall=curves,
        calibration=[], mistakes=mistakes, test=figures, validation=figures,
        baselines={"pretrained model, not tuned": figures}, candidates={"fine-tuned (full)": figures["map"]},
        controls=None,
    )  # fmt: skip
