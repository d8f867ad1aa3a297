"""One number for each example."""

from decimal import Decimal

import numpy as np
import pytest

from crosstune.core.errors import BadValue, UnknownName
from crosstune.core.settings import Settings
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.text_regression import TextRegression
from crosstune.tasks.value_losses import Huber, huber_delta

TARGETS = [1.0, 2, "3", np.float32(6.0)]


def test_encoding_is_the_z_score_of_the_training_targets() -> None:
    fitted = TextRegression.from_targets(TARGETS)
    assert (fitted.mean, fitted.sd) == (3.0, pytest.approx(3.5**0.5))
    encoded = fitted.encode(TARGETS)
    assert (encoded.mean(), encoded.std()) == pytest.approx((0.0, 1.0))
    assert fitted.encode([3.0]).tolist() == [0.0]
    rows = fitted.decode(fitted.linear_targets(encoded))
    assert [row["value"] for row in rows] == pytest.approx([1.0, 2.0, 3.0, 6.0])


def test_the_folded_task_takes_outputs_in_the_users_units() -> None:
    fitted = TextRegression.from_targets(TARGETS)
    folded, outputs = fitted.folded(), np.array([[0.5], [-2.0]])
    scale, shift = fitted.affine()
    assert folded.affine() == (1.0, 0.0)
    assert folded.decode(outputs * scale + shift) == fitted.decode(outputs)
    ours = fitted.metrics["mae"].prepare(outputs, fitted.encode([1.0, 2.0]))
    theirs = folded.metrics["mae"].prepare(outputs * scale + shift, folded.encode([1.0, 2.0]))
    np.testing.assert_allclose(ours, theirs)


def test_bad_numbers_are_listed_together() -> None:
    with pytest.raises(BadTarget, match=r"5 target\(s\)") as caught:
        TextRegression.from_targets([1.0, "x", None, float("nan"), 1e300, Decimal(1), 2.0])
    assert "'x' at position 1, None at position 2, nan at position 3" in str(caught.value)


@pytest.mark.parametrize("targets", [[0.1] * 7, [], [5]])
def test_constants_are_nothing_to_learn(targets: list[float]) -> None:
    with pytest.raises(ConstantTarget):
        TextRegression.from_targets(targets)


def test_huber_takes_its_delta_from_the_training_targets() -> None:
    fitted = TextRegression.from_targets(TARGETS)
    encoded = fitted.encode(TARGETS)
    assert fitted.make_loss(Settings(loss="huber"), encoded) == Huber(delta=huber_delta(encoded))


def test_what_has_no_meaning_here_is_refused() -> None:
    fitted = TextRegression.from_targets(TARGETS)
    with pytest.raises(BadValue, match="no classes to weigh"):
        fitted.make_loss(Settings(class_weights="auto"), fitted.encode(TARGETS))
    with pytest.raises(UnknownName, match="loss for regression"):
        fitted.make_loss(Settings(loss="focal"), fitted.encode(TARGETS))
    with pytest.raises(BadValue, match="declared classes low, high"):
        TextRegression.from_targets(TARGETS, declared=["low", "high"])
