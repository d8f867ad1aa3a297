"""Features: views of one array, rows in any order."""

import numpy as np
import pytest

from crosstune.frozen.features import Features, from_joined


def _features() -> Features:
    joined = np.arange(20, dtype=np.float32).reshape(4, 5)
    head = np.arange(8, dtype=np.float32).reshape(4, 2)
    return from_joined(joined, head, names=["a", "b"], widths=[2, 3], engine="torch", seconds=1.0)


def test_blocks_are_views_and_all_blocks_is_no_copy() -> None:
    features = _features()
    assert [block.shape for block in features.blocks] == [(4, 2), (4, 3)]
    assert features.all_blocks() is features.joined
    assert np.shares_memory(features.blocks[1], features.all_blocks())
    assert len(features) == 4


def test_separate_blocks_are_joined_in_order() -> None:
    one = _features()
    apart = Features(head_input=one.head_input, blocks=tuple(b.copy() for b in one.blocks),
                     names=one.names, engine="torch", seconds=0.0)  # fmt: skip
    assert np.array_equal(apart.all_blocks(), one.all_blocks())


def test_rows_follow_the_indices() -> None:
    some = _features().rows([3, 1])
    assert some.blocks[1].tolist() == [[17, 18, 19], [7, 8, 9]]
    assert some.head_input.tolist() == [[6, 7], [2, 3]]


def test_widths_that_do_not_cover_the_array_are_a_bug() -> None:
    with pytest.raises(ValueError, match="do not cover"):
        from_joined(np.zeros((1, 4), np.float32), np.zeros((1, 1), np.float32),
                    names=["a"], widths=[3], engine="", seconds=0.0)  # fmt: skip
