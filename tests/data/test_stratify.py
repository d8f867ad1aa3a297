"""Holding rows out: exact shares, proportions within one row, groups whole."""

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crosstune.data.stratify import (
    cover,
    hold_out,
    hold_out_groups,
    largest_remainder,
    quantile_bins,
    rarest,
)

_COUNTS = st.lists(st.integers(1, 40), min_size=1, max_size=8)


@given(_COUNTS, st.integers(0, 200))
def test_shares_sum_up_and_differ_by_less_than_one_from_the_exact_ones(counts: list[int], total: int) -> None:
    total = min(total, sum(counts))
    shares = largest_remainder(counts, total, most=counts)
    assert sum(shares) == total
    for share, count in zip(shares, counts, strict=True):
        assert abs(share - total * count / sum(counts)) < 1


@given(_COUNTS, st.integers(1, 200))
def test_caps_hold(counts: list[int], total: int) -> None:
    caps = [count - 1 for count in counts]
    shares = largest_remainder(counts, total, most=caps)
    assert sum(shares) == min(total, sum(caps))
    assert all(0 <= share <= cap for share, cap in zip(shares, caps, strict=True))


def test_a_known_case_of_hares_method() -> None:
    assert largest_remainder([53, 24, 23], 10, most=[99] * 3) == [5, 3, 2]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=60), st.integers(1, 60), st.integers(0, 9))
def test_every_stratum_keeps_a_row(strata: list[str], size: int, seed: int) -> None:
    held = hold_out(strata, size, np.random.default_rng(seed))
    assert held == sorted(set(held))
    left = Counter(strata) - Counter(strata[row] for row in held)
    assert set(left) == set(strata)
    assert len(held) == min(size, len(strata) - len(set(strata)))


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), min_size=2, max_size=80),
    st.integers(1, 30),
    st.integers(0, 9),
)
def test_groups_stay_whole_and_every_stratum_keeps_a_row(rows: Any, size: int, seed: int) -> None:
    strata, groups = [row[0] for row in rows], [row[1] for row in rows]
    held = hold_out_groups(strata, groups, size, np.random.default_rng(seed))
    inside = {groups[row] for row in held}
    outside = {groups[row] for row in range(len(rows)) if row not in held}
    assert not inside & outside
    assert {strata[row] for row in range(len(rows)) if row not in held} == set(strata)


def test_many_small_groups_come_near_the_wanted_size_and_proportions() -> None:
    random = np.random.default_rng(0)
    groups = [int(value) for value in random.integers(0, 200, 2000)]
    strata = ["a" if value < 0.8 else "b" for value in random.random(2000)]
    held = hold_out_groups(strata, groups, 400, random)
    assert abs(len(held) - 400) <= 10
    share = sum(strata[row] == "a" for row in held) / len(held)
    assert abs(share - strata.count("a") / 2000) < 0.02


def test_strata_of_multi_label_and_of_numbers() -> None:
    assert rarest([["a", "b"], ["a"], [], ["a", "c"], ["b"]]) == ["b", "a", "", "c", "b"]
    bins = quantile_bins(list(range(100)))
    assert Counter(bins) == dict.fromkeys(range(10), 10)
    assert len(set(quantile_bins([1.0] * 50))) == 1


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.sampled_from("xy")), min_size=1, max_size=40),
    st.integers(1, 2),
)
def test_every_domain_that_can_spare_a_key_is_covered(rows: list[tuple[int, int, str]], keep: int) -> None:
    domains = [row[0] for row in rows]
    keys = [(row[0], row[1]) for row in rows]  # a key lies within a domain
    labels = [(row[2],) for row in rows]
    held = cover([], domains, keys, labels, keep=keep)
    outside = set(range(len(rows))) - set(held)
    assert {labels[row] for row in range(len(rows))} == {labels[row] for row in outside}
    for key in keys:  # whole keys move
        places = {row for row, other in enumerate(keys) if other == key}
        assert places <= outside or places.isdisjoint(outside)
    for domain in set(domains):
        mine = {keys[row] for row in range(len(rows)) if domains[row] == domain}
        taken = {keys[row] for row in held if domains[row] == domain}
        assert len(taken) <= (1 if len(mine) > keep else 0)


def test_a_domain_is_covered_by_its_smallest_key() -> None:
    domains = ["a"] * 5 + ["b"] * 4
    keys = [1, 1, 2, 3, 3, 4, 4, 5, 5]
    free: list[tuple[str, ...]] = [()] * 9
    assert cover([], domains, keys, free, keep=1) == [2, 5, 6]
    assert cover([0, 1], domains, keys, free, keep=1) == [0, 1, 5, 6]
    assert cover([], domains, keys, free, keep=2) == [2]
    only = [("x",)] + [("y",)] * 8
    assert cover([], ["a", "a", *["b"] * 7], list(range(9)), only, keep=1) == [1, 2]
