"""Targets of independent labels."""

import numpy as np
import pytest

from crosstune.core.errors import BadValue, UnknownName
from crosstune.core.labels import UnknownClass
from crosstune.core.settings import Settings
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.multi_label import MultiLabel

TARGETS = [["b", "a"], [], ["a", "a"], np.array(["b"])]


def test_encoding_and_decoding_agree() -> None:
    fitted = MultiLabel.from_targets(TARGETS)
    encoded = fitted.encode(TARGETS)
    assert encoded.tolist() == [[1, 1], [0, 0], [1, 0], [0, 1]]
    rows = fitted.decode(np.where(encoded > 0, 4.0, -4.0))
    assert [row["labels"] for row in rows] == [["a", "b"], [], ["a"], ["b"]]
    assert rows[2]["scores"] == pytest.approx({"a": 0.982, "b": 0.018}, abs=1e-3)


def test_a_set_without_any_label_anywhere_encodes() -> None:
    assert MultiLabel.from_targets(TARGETS).encode([[], []]).tolist() == [[0, 0], [0, 0]]


def test_errors_list_everything() -> None:
    with pytest.raises(BadTarget, match="'a' at position 0, \\[None\\] at position 2"):
        MultiLabel.from_targets(["a", ["a"], [None]])
    with pytest.raises(UnknownClass, match="c, d"):
        MultiLabel.from_targets(TARGETS).encode([["d", "a"], ["c"]])
    with pytest.raises(ConstantTarget):
        MultiLabel.from_targets([[], []])


def test_class_weights_are_by_name_only() -> None:
    fitted = MultiLabel.from_targets(TARGETS)
    encoded = fitted.encode(TARGETS)
    assert fitted.make_loss(Settings(class_weights={"b": 3.0}), encoded).weights.tolist() == [1.0, 3.0]
    with pytest.raises(BadValue, match="already weighs rare labels"):
        fitted.make_loss(Settings(class_weights="auto"), encoded)
    with pytest.raises(UnknownName, match="loss for multi-label"):
        fitted.make_loss(Settings(loss="cross-entropy"), encoded)
