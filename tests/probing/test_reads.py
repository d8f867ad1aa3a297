"""What is read of a model, and features that are no numbers."""

import numpy as np
import pytest

from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.probing.reads import check_finite, list_reads
from tests.support.pooled import Pooled, pooled

SIGNAL = np.random.default_rng(0).normal(size=(10, 3))


@pytest.mark.parametrize(
    ("widths", "native", "expected"),
    [
        ((4, 6, 8), True, ["head", "all"]),
        ((4, 6, 8), False, ["head", "last", "all"]),
        ((5, 5), False, ["head", "last", "mean", "all"]),
        ((5,), True, ["head"]),
        ((5,), False, ["head", "last"]),
    ],
)
def test_each_set_of_columns_is_read_once(widths: tuple[int, ...], native: bool, expected: list[str]) -> None:
    reads = list_reads(pooled(SIGNAL, widths, native=native))
    assert [read.name for read in reads] == expected
    assert [read.matrix.rows for read in reads] == [10] * len(reads)


def test_single_blocks_compete_where_that_is_asked() -> None:
    features = pooled(SIGNAL, (4, 6, 8))
    reads = list_reads(features, singles=True)
    assert [read.name for read in reads] == ["head", "all", *features.names[:-1]]
    assert reads[2].matrix.parts[0][0] is features.blocks[0]


def test_the_mean_is_that_of_the_layers() -> None:
    features = pooled(SIGNAL, (5, 5, 5), native=False)
    found = {read.name: read.matrix for read in list_reads(features)}
    np.testing.assert_allclose(found["mean"].parts[0][0], np.mean(features.blocks, axis=0), rtol=1e-5)
    assert found["all"].width == 15
    assert found["head"].parts[0][0] is features.head_input


def test_features_that_are_no_numbers_are_refused_by_block_and_row() -> None:
    features = pooled(SIGNAL)
    features.blocks[1][[2, 5], 0] = np.nan, np.inf
    with pytest.raises(NonFiniteFeatures, match=r"layer\.1, computed by lite, for row 2, row 5"):
        check_finite("lite", features)
    bad = Pooled(np.full((10, 2), np.nan, np.float32), pooled(SIGNAL).blocks, pooled(SIGNAL).names)
    with pytest.raises(NonFiniteFeatures, match="the head's input"):
        check_finite("lite", bad)
