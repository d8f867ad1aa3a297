"""Domains: numbers into shared names, in the order of the examples."""

import numpy as np
import pytest

from crosstune.core.domains import Domains


def test_rows_counts_and_names() -> None:
    found = Domains(("a", "b", "c"), np.array([1, 0, 1, 1]))
    assert len(found) == 4
    assert found.counts.tolist() == [1, 3, 0]
    assert found.present == ("a", "b")
    assert found.rows("b").tolist() == [0, 2, 3]
    taken = found.take([3, 1])
    assert (taken.names, taken.ids.tolist()) == (found.names, [1, 0])
    with pytest.raises(ValueError, match="not in tuple"):
        found.rows("d")
