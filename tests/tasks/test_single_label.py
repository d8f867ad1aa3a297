"""Targets of exclusive classes."""

import math

import numpy as np
import pytest

from crosstune.core.errors import UnknownName
from crosstune.core.labels import UnknownClass
from crosstune.core.settings import Settings
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.single_label import SingleLabel


def test_numbers_as_names_keep_their_order_whatever_their_type() -> None:
    fitted = SingleLabel.from_targets([10, "9", np.float32(2.0), np.int64(10)])
    assert fitted.labels.names == ("2", "9", "10")
    assert fitted.encode([2, "10", 9.0]).tolist() == [0, 2, 1]


def test_declared_names_come_first_and_survive_without_examples() -> None:
    fitted = SingleLabel.from_targets(["dog", "cat"], declared=["horse", "cat"])
    assert fitted.labels.names == ("horse", "cat", "dog")
    with pytest.raises(UnknownClass, match="`hors` is near `horse`"):
        fitted.encode(["hors", "dog"])


def test_decoded_rows_hold_label_score_and_all_scores() -> None:
    fitted = SingleLabel.from_targets(["a", "b"])
    row = fitted.decode(np.array([[0.0, math.log(3.0)]], dtype=np.float32))[0]
    assert row["label"] == "b"
    assert row["score"] == row["scores"]["b"] == pytest.approx(0.75)
    assert row["scores"]["a"] == pytest.approx(0.25)


def test_the_config_is_that_of_the_hub() -> None:
    assert SingleLabel.from_targets(["b", "a"]).hub_config() == {
        "id2label": {0: "a", 1: "b"},
        "label2id": {"a": 0, "b": 1},
        "problem_type": "single_label_classification",
    }


def test_bad_targets_are_listed_together() -> None:
    with pytest.raises(BadTarget, match=r"2 target\(s\)") as caught:
        SingleLabel.from_targets(["a", None, ["b"], "b"])
    assert "None at position 1, ['b'] at position 2" in str(caught.value)


@pytest.mark.parametrize("targets", [["a", "a"], []])
def test_one_class_is_nothing_to_learn(targets: list[str]) -> None:
    with pytest.raises(ConstantTarget):
        SingleLabel.from_targets(targets)


def test_an_unknown_loss_is_named() -> None:
    fitted = SingleLabel.from_targets(["a", "b"])
    with pytest.raises(UnknownName, match="did you mean `focal`"):
        fitted.make_loss(Settings(loss="focall"), fitted.encode(["a", "b"]))
