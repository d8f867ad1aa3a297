"""A folded temperature divides what the model says and changes nothing that it decides."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.artifacts.model import SavedModel
from crosstune.artifacts.temperature import cool, cool_head
from crosstune.core.head import HeadWeights
from crosstune.evaluation.scores import point
from crosstune.tasks.registry import make_task
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone

LABELS = ["a", "b", "c"] * 8
ITEMS = MemoryItems(random_texts(24), LABELS)


def model(tmp_path: Path, name: str = "text-classification") -> SavedModel:
    task = make_task(name, LABELS if name == "text-classification" else [float(i) for i in range(24)])
    return SavedModel(backbone=tiny_backbone("bert", task.outputs, tmp_path, task=name), task=task)


def test_a_native_head_is_divided(tmp_path: Path) -> None:
    native = model(tmp_path)
    before = native.outputs(ITEMS, engine="torch")
    assert cool(native, 1.0) is native
    after = cool(native, 2.7).outputs(ITEMS, engine="torch")
    np.testing.assert_allclose(after, before / 2.7, rtol=1e-4, atol=1e-6)
    assert (after.argmax(1) == before.argmax(1)).all()
    encoded = native.task.encode(LABELS)
    first, second = (point(native.task, one, encoded) for one in (before, after))
    assert {name for name in first if first[name] != second[name]} == {"log-loss", "calibration-error"}


def test_a_linear_head_is_replaced_by_a_divided_one(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    head = HeadWeights(
        features="head", kind="ridge", weight=draw.normal(size=(3, 32)), bias=draw.normal(size=3), penalty=1.0
    )
    features = draw.normal(size=(500, 32))
    cooled = cool_head(head, 0.3)
    np.testing.assert_allclose(cooled(features), head(features) / 0.3)
    assert (cooled(features).argmax(1) == head(features).argmax(1)).all()
    native = model(tmp_path)
    linear = SavedModel(backbone=native.backbone, task=native.task, head=head)
    weight = native.backbone.head_module().weight.detach().clone()
    assert (cool(linear, 0.3).head or head).bias.tolist() == (head.bias / 0.3).tolist()
    assert torch.equal(native.backbone.head_module().weight, weight)


def test_values_stay_as_they_are(tmp_path: Path) -> None:
    values = model(tmp_path, "text-regression")
    before = values.backbone.head_module().weight.detach().clone()
    assert cool(values, 2.0) is values
    assert torch.equal(values.backbone.head_module().weight, before)


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_a_temperature_is_positive_and_finite(bad: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="positive finite"):
        cool(model(tmp_path), bad)
