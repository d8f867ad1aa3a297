"""Encoded examples that are kept: batches of them are those of the preprocessing, bit by bit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from crosstune.core.items import Items
from crosstune.core.seeding import generator
from crosstune.core.sound import Sound
from crosstune.sources.base import Batch, Preprocessing
from crosstune.training.prepared import CHECKS, PreparedInputs
from tests.support.speech import open_recogniser, song_items, tiny_recogniser_dir
from tests.support.tiny import MemoryItems

N = 30


class Counted:
    """Items that count how often they are read."""

    def __init__(self, items: MemoryItems) -> None:
        self.items, self.read = items, 0

    def __len__(self) -> int:
        return len(self.items)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.items, name)

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Read some."""
        self.read += len(indices)
        return self.items.batch(indices)


class Padded:
    """Sounds as whole numbers, padded with 7 on one side; ``odd`` gives the longest of a batch one more."""

    def __init__(self, *, left: bool, odd: bool = False) -> None:
        self.left, self.odd = left, odd

    def __call__(self, raw: Sequence[Sound]) -> Batch:
        """Pad them."""
        longest = max(len(one.samples) for one in raw)
        ids = torch.full((len(raw), longest + (self.odd and len(raw) > 1)), 7)
        for row, one in zip(ids, raw, strict=True):
            place = slice(len(row) - len(one.samples), None) if self.left else slice(0, len(one.samples))
            row[place] = torch.from_numpy(one.samples).long()
        return {"ids": ids, "size": torch.tensor([len(one.samples) for one in raw])}

    def lengths(self, raw: Sequence[Sound]) -> list[int]:
        """Count their samples."""
        return [len(one.samples) for one in raw]

    def describe(self) -> dict[str, Any]:
        """Give nothing."""
        return {}


def sounds() -> MemoryItems:
    random = generator(0, "prepared")
    lengths = random.integers(3, 9, N)
    return MemoryItems([Sound(random.integers(10, 99, n).astype(np.float32), 8_000) for n in lengths])


def batches(epochs: int = 3) -> list[list[int]]:
    random = generator(1, "batches")
    orders = [random.permutation(N).tolist() for _ in range(epochs)]
    return [order[start : start + 4] for order in orders for start in range(0, N, 4)]


def same(one: Batch, other: Batch) -> bool:
    def equal(a: Tensor, b: Tensor) -> bool:
        return a.dtype == b.dtype and torch.equal(a, b)

    return one.keys() == other.keys() and all(equal(one[name], other[name]) for name in one)


def differing(prepared: PreparedInputs, items: Items, preprocessing: Preprocessing) -> int:
    return sum(
        not same(prepared.batch(indices), preprocessing(items.batch(indices))) for indices in batches()
    )


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wav2vec2-bert"])
def test_every_batch_is_that_of_a_real_preprocessing(tmp_path: Path, family: str) -> None:
    preprocessing = open_recogniser(tiny_recogniser_dir(tmp_path / "tiny", family=family)).preprocessing
    items = song_items(N)
    prepared = PreparedInputs(items, preprocessing)
    assert differing(prepared, items, preprocessing) == 0
    assert prepared.works


@pytest.mark.parametrize("left", [False, True])
def test_either_side_may_be_padded_and_examples_are_read_once(left: bool) -> None:
    preprocessing, items = Padded(left=left), Counted(sounds())
    prepared = PreparedInputs(items, preprocessing)
    assert differing(prepared, sounds(), preprocessing) == 0
    checked = [batch for batch in batches() if len(set(sounds_lengths(batch))) > 1][:CHECKS]
    assert items.read == N + sum(map(len, checked))


def sounds_lengths(indices: Sequence[int]) -> list[int]:
    return [len(one.samples) for one in sounds().batch(indices)]


def test_a_batch_that_is_more_than_its_examples_is_encoded_as_a_whole() -> None:
    preprocessing, items = Padded(left=False, odd=True), sounds()
    prepared = PreparedInputs(items, preprocessing)
    assert differing(prepared, items, preprocessing) == 0
    assert not prepared.works


@pytest.mark.parametrize("most", [0, 200])
def test_what_does_not_fit_is_encoded_again(most: int) -> None:
    preprocessing, items = Padded(left=False), Counted(sounds())
    prepared = PreparedInputs(items, preprocessing, most=most)
    assert differing(prepared, sounds(), preprocessing) == 0
    assert prepared.bytes <= most
    assert items.read > N + 4 * CHECKS


def test_what_is_given_may_be_changed() -> None:
    preprocessing, items = Padded(left=False), sounds()
    prepared = PreparedInputs(items, preprocessing)
    for indices in batches():
        prepared.batch(indices)["ids"].zero_()
        prepared.batch(indices[:1])["ids"].zero_()
    assert differing(prepared, items, preprocessing) == 0
