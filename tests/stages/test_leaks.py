"""Figures without the test rows that training has as well."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from crosstune.stages.leaks import leaked_rows, without_leaks
from crosstune.tasks.image_classification import ImageClassification


def prepared(train: list[int], test: list[int]) -> Any:
    task = ImageClassification.from_targets(["a", "b"])
    alike = {"train": np.array(train), "validation": np.array([99]), "test": np.array(test)}
    encoded = {"test": np.arange(len(test)) % 2}
    return SimpleNamespace(
        data=SimpleNamespace(alike=alike), items={"test": test}, task=task, encoded=encoded
    )


def test_figures_leave_out_rows_whose_content_training_or_validation_has() -> None:
    found = prepared([1, 2, 3], [1, 99, *range(10, 30)])
    assert leaked_rows(found).tolist() == [True, True] + [False] * 20
    outputs = np.eye(2)[np.arange(22) % 2] * 5.0
    outputs[:2] = outputs[:2, ::-1]  # only the leaked ones are wrong
    count, figures = without_leaks(found, outputs)
    assert (count, figures["accuracy"].value) == (2, 1.0)


def test_no_leak_and_nothing_left_have_no_figures() -> None:
    assert without_leaks(prepared([1], [5, 6]), np.zeros((2, 2))) == (0, {})
    assert without_leaks(prepared([1], [1, 6]), np.zeros((2, 2))) == (1, {})
