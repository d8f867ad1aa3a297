"""Whole groups are dealt, drawn, exchanged and halved; both sets stay in every part."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.core.errors import BadValue
from crosstune.probing.sides import Sides


def grouped(first: int = 40, second: int = 30, size: int = 5) -> Sides:
    return Sides.of(first, second, [row // size for row in range(first + second)])


def test_without_ties_each_row_is_its_own_group() -> None:
    sides = Sides.of(3, 2)
    assert sides.groups.tolist() == [0, 1, 2, 3, 4]
    assert [rows.tolist() for rows in sides.rows] == [[0, 1, 2], [3, 4]]
    assert not sides.grouped


def test_rows_tied_through_others_are_one_group_and_none_ties_nothing() -> None:
    patients = ["a", "a", None, "b", None, None]
    contents = ["x", "y", "y", "z", None, None]
    sides = Sides.of(3, 3, patients, contents)
    assert sides.groups.tolist() == [0, 0, 0, 1, 2, 3]
    assert sides.counts.tolist() == [[3, 0], [0, 1], [0, 1], [0, 1]]


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="0 rows"):
        Sides.of(3, 0)
    with pytest.raises(ValueError, match="ties"):
        Sides.of(3, 1, ["a"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=12, max_size=60), st.integers(0, 99))
def test_a_group_is_never_divided(values: list[int], seed: int) -> None:
    first = len(values) // 2
    sides = Sides.of(first, len(values) - first, values)
    if int((sides.counts > 0).sum(axis=0).min()) < 2:
        with pytest.raises(BadValue, match="one group"):
            sides.folds(5, seed=seed)
        return
    for dealt in (sides.folds(5, seed=seed), *sides.drawn(3, seed=seed)):
        assert all(len(set(dealt[sides.groups == group])) == 1 for group in range(len(sides.counts)))
    assert all(sides.drawn(3, seed=seed)[:, sides.second].sum(axis=1) > 0)
    (one, two), (other, last) = sides.halves(seed=seed, turn=0)
    assert len(one) == len(two) == len(other) == len(last) > 0
    for left, right, side in ((one, two, False), (other, last, True)):
        assert set(sides.second[left]) == set(sides.second[right]) == {side}
        assert not set(sides.groups[left]) & set(sides.groups[right])


def test_folds_hold_both_sets_in_proportion() -> None:
    folds = Sides.of(100, 50).folds(5, seed=1)
    assert np.bincount(folds[:100]).tolist() == [20] * 5
    assert np.bincount(folds[100:]).tolist() == [10] * 5
    assert set(grouped().folds(5, seed=1)) == {0, 1, 2, 3, 4}


def test_groups_in_one_set_exchange_their_names_as_a_whole() -> None:
    sides = grouped()
    for names in sides.exchanged(20, seed=0):
        assert all(len(set(names[sides.groups == group])) == 1 for group in range(14))
        assert len(set(names[::5][:14])) == 2
        assert names.sum() == 30


def test_rows_of_a_group_in_both_sets_exchange_their_names_within_it() -> None:
    sides = Sides.of(20, 20, [*range(20), *range(20)])
    found = sides.exchanged(50, seed=0)
    assert (found[:, :20] != found[:, 20:]).all()
    assert 0.3 < found[:, :20].mean() < 0.7


def test_a_part_keeps_its_groups() -> None:
    part = grouped().part(np.array([0, 5, 6, 45]))
    assert part.groups.tolist() == [0, 1, 1, 2]
    assert part.second.tolist() == [False, False, False, True]
