"""Class weights against scikit-learn and the formulas in plain Python."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from crosstune.core.errors import BadValue, UnknownName
from crosstune.tasks.class_weights import class_weights, effective_number, inverse_frequency

COUNTS = np.array([6.0, 3.0, 1.0])
TARGETS = [0] * 6 + [1] * 3 + [2]


def test_auto_is_balanced_as_in_scikit_learn() -> None:
    expected = compute_class_weight("balanced", classes=np.arange(3), y=TARGETS)
    np.testing.assert_allclose(class_weights("auto", COUNTS, "abc"), expected)
    assert inverse_frequency(COUNTS)[TARGETS].mean() == pytest.approx(1.0)


def test_effective_number_is_the_formula() -> None:
    raw = np.array([(1 - 0.9) / (1 - 0.9**n) for n in (6, 3, 1)])
    np.testing.assert_allclose(effective_number(COUNTS, beta=0.9), raw * 3 / raw.sum())


def test_a_declared_class_without_examples_weighs_one_and_changes_nothing() -> None:
    counts = np.array([6.0, 0.0, 3.0, 1.0])
    for weigh in (inverse_frequency, effective_number):
        assert weigh(counts)[1] == 1.0
        np.testing.assert_array_equal(weigh(counts)[[0, 2, 3]], weigh(COUNTS))


def test_weights_by_name_default_to_one() -> None:
    np.testing.assert_array_equal(class_weights({"b": 2.5}, COUNTS, ("a", "b", "c")), [1.0, 2.5, 1.0])
    np.testing.assert_array_equal(class_weights("none", COUNTS, ("a", "b", "c")), np.ones(3))


def test_unknown_words_and_classes_and_bad_weights_are_errors() -> None:
    with pytest.raises(UnknownName, match="did you mean `auto`"):
        class_weights("aut", COUNTS, ("a", "b", "c"))
    with pytest.raises(UnknownName, match="no class called `horse`"):
        class_weights({"horse": 1.0}, COUNTS, ("house", "b", "c"))
    with pytest.raises(BadValue, match=r"a: 0\.0, b: nan"):
        class_weights({"a": 0.0, "b": float("nan")}, COUNTS, ("a", "b", "c"))
