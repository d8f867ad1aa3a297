"""Forward passes of bounded length: every example once, no more padding than needed, in step."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.errors import DoesNotApply
from crosstune.core.settings import Settings, with_values
from crosstune.training.bound import Bound, make_bound, require_lengths
from crosstune.training.encoding import input_lengths
from crosstune.training.order import Order, shares
from tests.support.speech import open_recogniser, sung, tiny_recogniser_dir
from tests.support.tiny import MemoryItems, tiny_backbone
from tests.training.small import flat


def bound_of(count: int, most: int, seed: int = 0) -> Bound:
    return Bound(np.random.default_rng(seed).integers(1, 40, count), most)


@given(st.integers(1, 60), st.integers(1, 200), st.integers(1, 12) | st.none())
def test_pieces_hold_every_row_once_and_no_more_than_allowed(count: int, most: int, size: int | None) -> None:
    bound = bound_of(count, most)
    rows = np.random.default_rng(1).permutation(count)[: max(1, count // 2)]
    pieces = bound.cut(rows, size)
    assert sorted(np.concatenate(pieces)) == sorted(rows)
    for piece in pieces:
        assert 1 <= len(piece) <= (size or count)
        assert len(piece) == 1 or len(piece) * bound.lengths[piece].max() <= most
    assert bound.cut(rows[:0], size) == []


def test_a_piece_is_as_full_as_it_can_be() -> None:
    bound = Bound(np.array([5, 2, 9, 2, 3, 30]), 12)
    assert [piece.tolist() for piece in bound.cut(np.arange(6))] == [[1, 3, 4], [0], [2], [5]]
    assert [piece.tolist() for piece in bound.cut(np.arange(6), 2)] == [[1, 3], [4, 0], [2], [5]]


@given(st.integers(1, 40), st.integers(1, 90), st.integers(1, 4), st.integers(1, 9) | st.none())
def test_processes_stay_in_step_and_share_the_batch(n: int, most: int, world: int, micro: int | None) -> None:
    batch, bound = np.arange(n), bound_of(n, most)
    cut = [shares(batch, micro_batch=micro, rank=rank, world=world, bound=bound) for rank in range(world)]
    assert len({len(pieces) for pieces in cut}) == 1
    counted = [index for pieces in cut for piece, counts in pieces if counts for index in piece]
    assert sorted(counted) == batch.tolist()
    assert all(len(piece) > 0 for pieces in cut for piece, _ in pieces)


def test_bounded_pieces_of_sorted_batches_have_little_padding_and_bounded_memory() -> None:
    lengths = np.random.default_rng(0).lognormal(6, 0.7, 3200).astype(np.int64)
    bound = Bound(lengths, 8_000)

    def passes(order: Order, used: Bound | None) -> list[np.ndarray]:
        return [
            piece
            for step in range(order.steps_per_epoch)
            for piece, _ in shares(order.batch(step), micro_batch=8, bound=used)
        ]

    found = {
        "drawn": passes(Order(3200, 32, seed=0), None),
        "sorted": passes(Order(3200, 32, seed=0, lengths=lengths), None),
        "bounded": passes(Order(3200, 32, seed=0, lengths=lengths), bound),
    }
    frames = {name: sum(len(p) * lengths[p].max() for p in pieces) for name, pieces in found.items()}
    widest = {name: max(len(p) * lengths[p].max() for p in pieces) for name, pieces in found.items()}
    padding = {name: 1 - lengths.sum() / count for name, count in frames.items()}
    assert padding["drawn"] > 0.4
    assert padding["bounded"] < padding["sorted"] < 0.05
    assert widest["bounded"] <= 8_000 < min(widest["drawn"], widest["sorted"])
    assert all(len(np.unique(np.concatenate(pieces))) == 3200 for pieces in found.values())


def test_seconds_are_those_of_the_sounds(tmp_path: Path) -> None:
    backbone = open_recogniser(tiny_recogniser_dir(tmp_path / "tiny"))
    sounds = [sung("abcabcabca", each_s=0.1), sung("cba", each_s=0.5), sung("a", each_s=1.0)]  # 1, 1.5, 1 s
    lengths = input_lengths(MemoryItems(sounds), backbone.preprocessing)
    for seconds, expected in ((2.0, [[0, 2], [1]]), (4.5, [[0, 2, 1]]), (1.9, [[0], [2], [1]])):
        settings = with_values(Settings(), {"batch_seconds": seconds})
        require_lengths(settings, backbone)
        bound = make_bound(settings, backbone.preprocessing, lengths)
        assert bound is not None
        assert [piece.tolist() for piece in bound.cut(np.arange(3))] == expected
    assert make_bound(Settings(), backbone.preprocessing, lengths) is None


def test_tokens_are_those_of_the_texts(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    settings = with_values(Settings(), {"batch_tokens": 7, "sorta_grad": True})
    require_lengths(settings, backbone)
    bound = make_bound(settings, backbone.preprocessing, np.array([3, 3, 7]))
    assert bound is not None
    assert bound.most == 7
    assert [piece.tolist() for piece in bound.cut(np.arange(3))] == [[0, 1], [2]]


@pytest.mark.parametrize("values", [{"batch_seconds": 9.0}, {"batch_tokens": 99}, {"sorta_grad": True}])
def test_what_goes_by_length_needs_lengths(values: dict[str, object], tmp_path: Path) -> None:
    settings = with_values(Settings(), values)
    with pytest.raises(DoesNotApply, match="reads inputs of one size"):
        require_lengths(settings, flat(2))
    with pytest.raises(DoesNotApply, match="reads inputs of one size"):
        require_lengths(settings, tiny_backbone("whisper", 2, tmp_path))
    if "batch_seconds" in values:
        with pytest.raises(DoesNotApply, match="text of different lengths"):
            require_lengths(settings, tiny_backbone("bert", 2, tmp_path))
