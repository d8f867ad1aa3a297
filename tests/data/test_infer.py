"""Which task: the documented rules, and an error with the flag where they leave it open."""

from typing import Any

import pytest
from datasets import Dataset

from crosstune.core.errors import UnknownName
from crosstune.data.errors import AmbiguousTask, WrongTask
from crosstune.data.infer import infer_task, is_multi_label
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read


def data_of(targets: list[Any], name: str = "label") -> LabelledData:
    texts = [f"text {row}" for row in range(len(targets))]
    return read(Dataset.from_dict({"text": texts, name: targets}), target=name)


@pytest.mark.parametrize(
    ("targets", "name", "task"),
    [
        (["a", "b"] * 5, "x", "text-classification"),
        ([True, False] * 5, "x", "text-classification"),
        ([["a"], []], "x", "text-classification"),
        ([0, 1, 1], "x", "text-classification"),
        (list(range(10)) * 2, "x", "text-classification"),
        ([1, 2, 3, 4, 5] * 4, "label", "text-classification"),
        ([row / 7 for row in range(50)], "label", "text-regression"),
        (list(range(5, 400)), "price", "text-regression"),
        ([0.5, 1.25, 2.0], "x", "text-regression"),
    ],
)
def test_clear_targets(targets: list[Any], name: str, task: str) -> None:
    found, because = infer_task(data_of(targets, name))
    assert found == task
    assert name in because


@pytest.mark.parametrize(
    ("targets", "name"),
    [
        ([1, 2, 3, 4, 5] * 4, "stars"),
        ([0.5, 1.0, 1.5] * 10, "label"),
        ([f"id {row}" for row in range(50)], "label"),
        ([str(row / 7) for row in range(99)] + ["oops"], "label"),
        (list(range(50)), "label"),
    ],
)
def test_ambiguous_targets_show_the_flag(targets: list[Any], name: str) -> None:
    with pytest.raises(AmbiguousTask, match="--task text-regression"):
        infer_task(data_of(targets, name))
    for task in ("text-classification",):
        assert infer_task(data_of(targets, name), task)[0] == task


def test_a_choice_is_checked() -> None:
    with pytest.raises(UnknownName):
        infer_task(data_of(["a", "b"]), "text-classify")
    with pytest.raises(WrongTask, match="needs images"):
        infer_task(data_of(["a", "b"]), "image-classification")
    for targets in (["a", "b"], [["a"], ["b"]]):
        with pytest.raises(WrongTask, match="needs a number"):
            infer_task(data_of(targets), "text-regression")
    assert infer_task(data_of([1, 2, 3]), "text-regression") == ("text-regression", "chosen by the user")
    for targets in ([None, None], [float("nan"), None]):
        with pytest.raises(WrongTask, match="empty in every row"):
            infer_task(data_of(targets))
    unlabelled = read(Dataset.from_dict({"text": ["a"]}), need_target=False)
    with pytest.raises(WrongTask, match="no target"):
        infer_task(unlabelled)
    assert infer_task(unlabelled, "text-classification")[0] == "text-classification"


def test_lists_are_multi_label() -> None:
    assert is_multi_label(data_of([["a"], []]))
    assert not is_multi_label(data_of(["a", "b"]))
