"""Counts and shares of texts, and texts that hold nothing to count."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.data.text_properties import NAMES, text_properties


def test_counts_and_shares_by_hand() -> None:
    found = {name: values.tolist() for name, values in text_properties(["Ab CD, 12!", "Ünï é", ""]).items()}
    assert found["characters"] == [10.0, 5.0, 0.0]
    assert found["words"] == [3.0, 2.0, 0.0]
    assert found["letters in a word"] == pytest.approx([4 / 3, 2.0, 0.0])
    assert found["upper case"] == pytest.approx([3 / 4, 1 / 4, 0.0])
    assert found["digits"] == pytest.approx([2 / 8, 0.0, 0.0])
    assert found["punctuation"] == pytest.approx([2 / 8, 0.0, 0.0])


@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_has_finite_shares(texts: list[str]) -> None:
    found = text_properties(texts)
    assert set(found) == set(NAMES)
    for name, values in found.items():
        assert values.shape == (len(texts),)
        assert np.isfinite(values).all()
        assert (values >= 0).all()
        if name in ("upper case", "digits", "punctuation"):
            assert (values <= 1).all()
