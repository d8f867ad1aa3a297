"""Which closed-form head is shipped: the best, or one that every loader can read."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from crosstune.core.head import HeadWeights
from crosstune.core.progress import Silent
from crosstune.frozen.features import from_joined
from crosstune.stages.closed_form import _hold_to_features, _readable
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.tasks.by_domain import OVERALL
from crosstune.tasks.registry import make_task

TASK = make_task("image-classification", ["a", "b"])
TRUTH = TASK.encode(["a", "b"] * 10)


def _head(reads: str, hits: int) -> Any:
    right = np.arange(20) < hits
    outputs = np.eye(2)[np.where(right, TRUTH, 1 - TRUTH)]
    return SimpleNamespace(
        head=SimpleNamespace(features=reads, kind="logistic"),
        name=reads,
        validation_outputs=outputs,
        left_out=None,
        pooled=None,
    )


def _asked(best: int, native: int, *, intercept: bool = True, only_here: bool = False) -> tuple[str, str]:
    nothing = SimpleNamespace(domains=lambda: None)
    prepared: Any = SimpleNamespace(
        task=TASK,
        select_by=OVERALL,
        encoded={"validation": TRUTH},
        items={"validation": nothing},
        chosen_by=lambda metric=None: TASK.metrics[metric or "accuracy"],
    )
    heads = [_head("all", best), _head("head", native)]
    probed = Probed(
        features={}, encoded={"validation": TRUTH}, items=cast(Any, nothing), heads=heads, moments=dict,
        intercept=intercept,
    )  # fmt: skip
    chosen, why = _readable(cast(Prepared, prepared), probed, only_here=only_here)
    return chosen.name, why


def test_a_head_that_every_loader_reads_is_taken_unless_another_is_clearly_better() -> None:
    name, why = _asked(17, 16)
    assert name == "head"
    assert "not clearly better" in why
    name, why = _asked(20, 5)
    assert name == "all"
    assert why.startswith("It beats the best head that other loaders can read")


@pytest.mark.parametrize("asked", [{"intercept": False}, {"only_here": True}])
def test_where_no_other_loader_could_read_it_the_best_is_taken(asked: dict[str, bool]) -> None:
    name, why = _asked(17, 16, **asked)
    assert name == "all"
    assert why.startswith("It is the best closed-form head on validation")


@pytest.mark.parametrize(("off", "warned"), [(0.0, False), (0.01, False), (1.0, True), (float("nan"), True)])
def test_a_head_that_answers_otherwise_in_the_saved_model_is_an_alarm(off: float, warned: bool) -> None:
    drawn = np.random.default_rng(0)
    values = drawn.normal(size=(20, 3)).astype(np.float32)
    features = from_joined(values, values, names=["tail"], widths=[3], engine="torch", seconds=0.0)
    head = HeadWeights(
        features="head", kind="ridge", weight=drawn.normal(size=(2, 3)), bias=np.zeros(2), penalty=1.0
    )
    probed = Probed(
        features={"validation": features}, encoded={}, items=cast(Any, None), heads=[], moments=dict
    )
    run: Any = SimpleNamespace(warnings=[], reporter=Silent())
    expected = head(values[:16])
    _hold_to_features(run, probed, head, expected + off * expected.std())
    assert bool(run.warnings) is warned
