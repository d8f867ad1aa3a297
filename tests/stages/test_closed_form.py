"""Which closed-form head is shipped: the best, or one that every loader can read."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from crosstune.stages.closed_form import _readable
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
        head=SimpleNamespace(features=reads),
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
