"""Raw target values from numpy and Python."""

import numpy as np
import pytest

from crosstune.tasks.raw import is_missing, is_several, plain


def test_numpy_values_become_plain() -> None:
    values = [plain(value) for value in (np.float32(3.0), np.int64(2), np.bool_(True), np.array(["a", "b"]))]
    assert values == [3.0, 2, True, ["a", "b"]]
    assert [type(value) for value in values] == [float, int, bool, list]


@pytest.mark.parametrize("value", [None, float("nan"), ""])
def test_missing(value: object) -> None:
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", " ", []])
def test_present(value: object) -> None:
    assert not is_missing(value)


def test_several() -> None:
    assert all(map(is_several, ([], ("a",), {"a"}, frozenset())))
    assert not any(map(is_several, ("abc", 3, None)))
