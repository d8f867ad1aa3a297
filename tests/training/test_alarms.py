"""Alarms: sentences about what looks wrong, and silence about what does not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.items import Items
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.alarms import one_answer, unchanged_loss
from crosstune.training.run import train
from tests.support.tiny import MemoryItems, random_images
from tests.training.small import coloured, convolutional, flat, plain

TASK = make_task("image-classification", ["a", "b", "c"])
TARGETS = np.array([0, 1, 2, 0])
FALLING = list(np.linspace(1.0, 0.1, 40))


def test_one_class_for_everything() -> None:
    outputs = np.tile(np.float32([0.1, 0.9, 0.0]), (4, 1))
    sentence = one_answer(TASK, outputs, TARGETS)
    assert sentence is not None
    assert sentence.startswith("[one-answer] one class is predicted for all of validation, which holds 3")
    assert one_answer(TASK, outputs, np.array([1, 1, 1, 1])) is None
    assert one_answer(TASK, np.eye(3, dtype=np.float32)[TARGETS], TARGETS) is None


def test_one_number_and_one_set_of_labels_for_everything() -> None:
    values = make_task("image-regression", [1.0, 4.0, 2.5])
    encoded = values.encode([1.0, 4.0, 2.5])
    assert "one number" in str(one_answer(values, np.full((3, 1), 0.3, np.float32), encoded))
    assert one_answer(values, np.float32([[0.3], [0.5], [0.1]]), encoded) is None
    raw = [["a"], ["b"], ["a", "b"]]
    labels = make_task("image-classification", raw)
    outputs = np.tile(np.float32([1.0, -1.0]), (3, 1))
    assert "the same labels" in str(one_answer(labels, outputs, labels.encode(raw)))
    assert one_answer(labels, outputs * np.float32([[1], [-1], [1]]), labels.encode(raw)) is None


def test_a_loss_that_does_not_fall() -> None:
    assert "[loss-unchanged] the training loss did not fall: 0.7 in" in str(unchanged_loss([0.7] * 40))
    assert unchanged_loss([0.7] * 10) is None
    assert unchanged_loss(FALLING) is None


def warnings_of(backbone: Backbone, train_items: Items, validation: Items, work: Path, **values: Any) -> str:
    task = make_task("image-classification", train_items.targets())
    settings = plain(**{"strategy": "full", "lr": 0.01, "epochs": 3, "batch_size": 12, **values})
    result = train(
        backbone, task, train_items, validation, settings, budget=Budget(), work=work, reporter=Silent()
    )
    return " ".join(result.warnings)


@pytest.mark.parametrize(
    ("pretrained", "head_lr", "alarm"), [(True, None, True), (True, 0.02, False), (False, None, False)]
)
def test_a_random_head_that_moves_like_the_body(
    pretrained: bool, head_lr: float | None, alarm: bool, tmp_path: Path
) -> None:
    backbone = replace(convolutional(3), pretrained=pretrained)
    found = warnings_of(backbone, coloured(24), coloured(12, seed=1), tmp_path, head_lr=head_lr, epochs=1)
    assert ("[equal-rates]" in found) == alarm


def test_validation_that_is_fitted_far_better_than_training(tmp_path: Path) -> None:
    good, other = coloured(60), coloured(60, seed=1)
    draw = np.random.default_rng(0)
    noise = random_images(120)
    shuffled = MemoryItems(
        [*good.raw, *noise],
        [*good.targets(), *(f"class-{label}" for label in draw.integers(0, 3, 120))],
    )  # fmt: skip
    values = {"strategy": "head", "lr": 0.003, "epochs": 8}
    assert "[suspicious-validation]" in warnings_of(flat(3), shuffled, good, tmp_path / "leak", **values)
    assert "[suspicious-validation]" not in warnings_of(flat(3), good, other, tmp_path / "fine", **values)


def test_a_run_that_learns_nothing_says_both_in_its_result(tmp_path: Path) -> None:
    """The alarms reach the person: of a model that starts with one answer, at a rate that moves nothing."""
    stuck = flat(3)
    with torch.no_grad():
        stuck.model.head.weight.zero_()
        stuck.model.head.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))
    values = {"strategy": "head", "epochs": 11, "batch_size": 12}
    found = warnings_of(stuck, coloured(24), coloured(12, seed=1), tmp_path / "stuck", lr=1e-12, **values)
    assert "[one-answer] one class is predicted for all of validation, which holds 3" in found
    assert "[loss-unchanged] the training loss did not fall" in found
    learning = warnings_of(
        flat(3), coloured(24), coloured(12, seed=1), tmp_path / "learns", lr=0.003, **values
    )
    assert "[one-answer]" not in learning
    assert "[loss-unchanged]" not in learning
