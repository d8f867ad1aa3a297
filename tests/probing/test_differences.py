"""Which property differs most, and that nothing is named where nothing differs."""

import numpy as np
import pytest

from crosstune.probing.differences import differences
from crosstune.probing.sides import Sides


def test_the_property_that_was_shifted_comes_first_with_its_direction() -> None:
    draw = np.random.default_rng(0)
    properties = {name: draw.normal(size=200) for name in ("a", "b", "c")}
    properties["b"][120:] -= 3.0
    properties["c"][120:] += 0.8
    found = differences(properties, Sides.of(120, 80))
    assert [one.name for one in found] == ["b", "c", "a"]
    assert [one.differs for one in found] == [True, True, False]
    assert found[0].more.value < 0.1
    assert found[1].more.value > 0.6
    assert found[0].medians == pytest.approx(
        (np.median(properties["b"][:120]), np.median(properties["b"][120:]))
    )


def test_equal_sets_have_nothing_to_name() -> None:
    wrong = 0
    for seed in range(20):
        draw = np.random.default_rng(seed)
        properties = {str(one): draw.normal(size=120) for one in range(6)} | {"constant": np.ones(120)}
        found = differences(properties, Sides.of(60, 60), seed=seed)
        wrong += any(one.differs for one in found)
        assert found[-1].name == "constant"
        assert found[-1].more.value == 0.5
    assert wrong <= 3


def test_two_authors_are_not_two_sets_of_rows() -> None:
    draw = np.random.default_rng(3)
    groups = np.repeat(np.arange(8), 25)
    lengths = draw.normal(size=8)[groups] + 0.1 * draw.normal(size=200)
    alone = differences({"length": lengths}, Sides.of(100, 100))[0]
    whole = differences({"length": lengths}, Sides.of(100, 100, groups.tolist()))[0]
    assert whole.more.high - whole.more.low > 3 * (alone.more.high - alone.more.low)


def test_a_sure_trifle_is_not_named() -> None:
    draw = np.random.default_rng(4)
    values = draw.normal(size=6_000)
    values[3_000:] += 0.12
    (found,) = differences({"a": values}, Sides.of(3_000, 3_000))
    assert found.more.low > 0.5
    assert not found.differs


def test_of_properties_that_never_err_the_one_many_deviations_away_comes_first() -> None:
    draw = np.random.default_rng(5)
    second = np.arange(60) >= 30
    properties = {"near": second * 9.0 + draw.normal(size=60), "far": second * 90.0 + draw.normal(size=60)}
    found = differences(properties | {"constant": np.ones(60)}, Sides.of(30, 30))
    assert [one.name for one in found] == ["far", "near", "constant"]
    assert found[0].more.value == found[1].more.value == 1.0
