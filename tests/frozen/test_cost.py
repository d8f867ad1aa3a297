"""The cost model: its arithmetic, and what it says where caching does not pay."""

import pytest

from crosstune.frozen.cost import DISK_SPEED, cache_pays

FIGURES = {"prefix_seconds": 0.03, "suffix_seconds": 0.01, "epochs": 10, "examples": 1000,
           "bytes_per_example": 1e5, "free_bytes": 1e10}  # fmt: skip


def test_the_seconds_are_those_of_the_formula() -> None:
    decision = cache_pays(**FIGURES)
    moved = 1e5 / DISK_SPEED
    assert decision.pays
    assert decision.bytes == 10**8
    assert decision.seconds_uncached == pytest.approx(10 * 1000 * 0.04)
    assert decision.seconds_cached == pytest.approx(1000 * (0.03 + moved) + 10 * 1000 * (0.01 + moved))
    assert decision.because == "2 min 16 s with stored activations, 6 min 40 s without; 100 MB on disk"


def test_a_faster_engine_for_the_store_counts() -> None:
    assert cache_pays(**FIGURES, store_seconds=0.003).seconds_cached < cache_pays(**FIGURES).seconds_cached


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"free_bytes": 1.2e8}, "would take 100 MB, more than 80% of the 120 MB free"),
        ({"epochs": 1}, "1 epochs over 1 stored version read nothing twice"),
        ({"epochs": 3, "variants": 4}, "3 epochs over 4 stored versions read nothing twice"),
        ({"prefix_seconds": 0.0005}, "too small a part of the work"),
        ({"epochs": 4, "variants": 3, "prefix_seconds": 0.005}, "too small a part of the work"),
    ],
)
def test_where_it_does_not_pay_it_says_why(changes: dict[str, float], reason: str) -> None:
    decision = cache_pays(**FIGURES | changes)
    assert not decision.pays
    assert reason in decision.because


def test_more_epochs_never_make_caching_worse() -> None:
    gains = [
        decision.seconds_uncached - decision.seconds_cached
        for epochs in range(1, 20)
        for decision in [cache_pays(**FIGURES | {"epochs": epochs})]
    ]
    assert gains == sorted(gains)
