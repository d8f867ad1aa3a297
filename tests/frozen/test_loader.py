"""Batches: the order of the computation, decoding ahead, errors that come through."""

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from crosstune.core.sound import Sound
from crosstune.frozen.loader import batches, example_batch, processing_order
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import MemoryItems


def test_texts_go_longest_first_and_pictures_in_order(backbone: OpenTiny) -> None:
    texts = MemoryItems(["a b", "good good good good", "a", "a b c"])
    assert processing_order(backbone("bert"), texts).tolist() == [1, 3, 0, 2]
    assert processing_order(backbone("resnet"), MemoryItems([0, 1, 2])).tolist() == [0, 1, 2]


def test_sounds_go_longest_first_unless_all_cost_the_same(backbone: OpenTiny) -> None:
    sounds = MemoryItems([Sound(np.zeros(count, np.float32), 8000) for count in (900, 3000, 200, 1600)])
    assert processing_order(backbone("wav2vec2"), sounds).tolist() == [1, 3, 0, 2]
    assert processing_order(backbone("whisper"), sounds).tolist() == [0, 1, 2, 3]


def test_the_example_batch_shows_padding_in_its_first_rows(backbone: OpenTiny, items: MakeItems) -> None:
    opened, texts = backbone("bert"), items("bert", 30)
    batch = example_batch(opened, texts, processing_order(opened, texts), 8)
    assert batch["attention_mask"].shape[0] == 8
    assert batch["attention_mask"][0].all()
    assert not batch["attention_mask"][1].all()
    assert len(example_batch(opened, MemoryItems(["one"]), np.array([0]), 8)["input_ids"]) == 1


def test_every_example_comes_once_in_order(backbone: OpenTiny, items: MakeItems) -> None:
    opened, pictures = backbone("resnet"), items("resnet", 11)
    seen = []
    for indices, batch in batches(opened, pictures, np.arange(11)[::-1].copy(), 4):
        assert len(batch["x"]) == len(indices)
        seen += indices.tolist()
    assert seen == list(range(10, -1, -1))


def test_a_change_sees_raw_examples_and_their_indices(backbone: OpenTiny, items: MakeItems) -> None:
    texts = MemoryItems(["a", "b", "c"])
    seen = {}

    def change(raw: list[Any], indices: Sequence[int]) -> list[Any]:
        seen.update(zip(indices, raw, strict=True))
        return ["good"] * len(raw)

    list(batches(backbone("bert"), texts, np.array([2, 0]), 1, change=change))
    assert seen == {2: "c", 0: "a"}


def test_an_error_in_a_thread_is_raised_and_no_thread_stays(backbone: OpenTiny) -> None:
    class Broken(MemoryItems):
        def batch(self, indices: Sequence[int]) -> list[Any]:
            if 3 in indices:
                raise OSError("gone")
            return super().batch(indices)

    with pytest.raises(OSError, match="gone"):
        list(batches(backbone("bert"), Broken(["a"] * 9), np.arange(9), 1))
    assert not [t for t in threading.enumerate() if t.name.startswith("crosstune-decode")]
