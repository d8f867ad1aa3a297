"""What tells trials apart whose first figures are alike."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from crosstune.planning.trials import Outcome, Trial, ordered
from crosstune.stages.bench import _judged
from crosstune.tasks.registry import make_task

TASK = make_task("text-classification", ["a", "b"])
TRUTH = np.arange(40) % 2


def small(*metrics: str) -> Any:
    """Give what is judged, of a task with some of the figures."""
    kept = {name: TASK.metrics[name] for name in metrics}
    return SimpleNamespace(
        task=SimpleNamespace(metrics=kept), encoded={"validation": TRUTH},
        chosen_by=lambda name=None: TASK.metrics[name or metrics[0]],
    )  # fmt: skip


def outputs(wrong: int, scale: float) -> Any:
    found = np.eye(2)[TRUTH] * scale
    found[:wrong] = found[:wrong, ::-1]
    return found


def outcome(judged: tuple[Any, float], name: str) -> Outcome:
    trial = Trial(contender=0, strategy="full", last_blocks=1, lr=0.1)
    return Outcome(trial=trial, value=judged[0].value, noise=0.1, loss=judged[1], shown="", evidence=name)


@pytest.mark.parametrize(("metrics", "first"), [(("accuracy", "log-loss"), "sure"), (("accuracy",), "right")])
def test_of_alike_figures_the_smaller_loss_goes_first_or_else_the_better_figure(
    metrics: tuple[str, ...], first: str
) -> None:
    sure = outcome(_judged(small(*metrics), outputs(wrong=3, scale=2.0), 0), "sure")
    right = outcome(_judged(small(*metrics), outputs(wrong=2, scale=0.1), 0), "right")
    assert ordered([right, sure])[0].evidence == first
    assert right.value > sure.value


def test_what_made_no_step_comes_last() -> None:
    metric, loss = _judged(small("accuracy"), None, 0)
    assert np.isnan(metric.value)
    assert loss == np.inf
    nothing = outcome((replace(metric), loss), "nothing")
    right = outcome(_judged(small("accuracy"), outputs(wrong=2, scale=0.1), 0), "right")
    assert ordered([nothing, right])[0] is right
