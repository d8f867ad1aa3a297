"""Which task: the documented rules, and an error with the flag where they leave it open."""

from typing import Any

import pytest
from datasets import Dataset

from crosstune.core.errors import UnknownName
from crosstune.data.errors import AmbiguousTask, WrongTask
from crosstune.data.infer import SPEECH, infer_task, is_multi_label
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


def sounds_with(targets: list[Any], name: str) -> LabelledData:
    paths = [f"{row}.wav" for row in range(len(targets))]
    return read(Dataset.from_dict({"audio": paths, name: targets}), target=name)


SAID = ["turn it on", "turn it off", "a little louder please"]


@pytest.mark.parametrize(
    ("targets", "name", "task"),
    [
        ([f"word{row}" for row in range(30)], "x", SPEECH),  # mostly different
        (SAID, "x", SPEECH),
        (SAID * 10, "text", SPEECH),
        ([f"{one} {row}" for row in range(5) for one in SAID] * 9, "spoken", SPEECH),
        (["street music", "dog bark"] * 10, "x", "audio-classification"),
        ([f"kind {row}" for row in range(50)] * 10, "label", "audio-classification"),
        (["yes", "no", "up"] * 10, "text", "audio-classification"),
        ([0, 1, 2] * 10, "label", "audio-classification"),
        ([["a"], ["a", "b"]], "x", "audio-classification"),
        ([row / 7 for row in range(50)], "x", "audio-regression"),
    ],
)
def test_what_is_done_with_sounds(targets: list[Any], name: str, task: str) -> None:
    found, because = infer_task(sounds_with(targets, name))
    assert found == task
    assert because.startswith("the inputs are sounds, and the target")


def test_a_choice_for_sounds_is_checked() -> None:
    assert infer_task(sounds_with(["yes", "no"], "x"), SPEECH) == (SPEECH, "chosen by the user")
    for targets in ([1, 2, 3], [["a"], ["b"]]):
        with pytest.raises(WrongTask, match="in words"):
            infer_task(sounds_with(targets, "x"), SPEECH)
    with pytest.raises(WrongTask, match="needs sounds"):
        infer_task(data_of(["a", "b"]), SPEECH)
    with pytest.raises(WrongTask, match="--task audio-classification"):
        infer_task(sounds_with(["a", "b"], "x"), "text-classification")
