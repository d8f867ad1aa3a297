"""Measurements before the plan leave the model as it was, and tell a good head from a ruined one."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.head import HeadWeights
from crosstune.stages.timing import constant_outputs, head_loss, step_seconds
from crosstune.tasks.registry import make_task
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone


def prepared(values: list[Any], name: str) -> Any:
    task = make_task(name, values)
    items = MemoryItems(random_texts(len(values)), values)
    return SimpleNamespace(task=task, items={"train": items}, encoded={"train": task.encode(values)})


def test_the_constant_answer_is_the_log_odds() -> None:
    data = prepared(["a", "a", "a", "b"], "text-classification")
    assert np.allclose(np.exp(constant_outputs(data)), [0.75, 0.25])
    assert (constant_outputs(prepared([1.0, 2.0, 4.0], "text-regression")) == 0).all()


def test_a_zero_head_is_as_good_as_a_constant_and_a_huge_one_far_worse(tmp_path: Path) -> None:
    data = prepared([float(i % 7) for i in range(40)], "text-regression")
    backbone = tiny_backbone("bert", 1, tmp_path, task="text-regression")
    before = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}
    width = backbone.head_module().in_features

    def head(size: float) -> HeadWeights:
        weight = np.full((1, width), size)
        return HeadWeights(features="head", kind="ridge", weight=weight, bias=np.zeros(1), penalty=1.0)

    assert np.isclose(head_loss(data, backbone, head(0.0), seed=0), 1.0)
    assert head_loss(data, backbone, head(50.0), seed=0) > 10.0
    after = backbone.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_timing_a_step_changes_nothing(tmp_path: Path) -> None:
    data = prepared(["a", "b"] * 8, "text-classification")
    backbone = tiny_backbone("bert", 2, tmp_path)
    before = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}
    assert step_seconds(data, backbone) > 0
    after = backbone.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(parameter.grad is None for parameter in backbone.model.parameters())


@pytest.mark.parametrize(
    ("rows", "allowed", "batches"), [(80, 60.0, [16, 64]), (80, 0.1, [16]), (40, 60.0, [16]), (5, 60.0, [5])]
)
def test_a_larger_batch_is_timed_where_there_are_rows_and_time(
    rows: int, allowed: float, batches: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = prepared(["a", "b"] * (rows // 2) + ["a"] * (rows % 2), "text-classification")
    seen: list[int] = []

    def timed(_prepared: Any, _backbone: Any, count: int, _device: Any) -> float:
        seen.append(count)
        return 0.01 if count == 16 else 0.005

    monkeypatch.setattr("crosstune.stages.timing._step_seconds", timed)
    backbone = tiny_backbone("bert", 2, tmp_path)
    assert step_seconds(data, backbone, allowed=allowed) == (0.01 if batches == [16] else 0.005)
    assert seen == batches
