"""Stored activations: what the prefix gives, ragged texts, variants, and a suffix that trains on them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from crosstune.core.errors import UnknownName
from crosstune.frozen.activations import open_activations, store_activations
from crosstune.frozen.cut import suffix_outputs
from crosstune.frozen.errors import CannotCut
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.ragged import Layout
from crosstune.frozen.taps import PrefixModel
from crosstune.sources.base import Backbone, Batch
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import KINDS, Kind, MemoryItems


def _prefix(opened: Backbone, cut: int, batch: Batch) -> Tensor:
    with evaluating(opened.model), torch.no_grad():
        return PrefixModel(opened, cut)(**batch)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_suffix_gives_the_whole_models_logits(
    kind: Kind, backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone(kind), items(kind, 9)
    opened.model.eval()
    for cut in (1, 3, len(opened.blocks)):
        stored = store_activations(opened, cut, examples, cache=tmp_path, batch_size=4)
        assert len(stored) == 9
        for chosen in ([5, 0, 7], [2], list(range(9))):
            batch, activation = stored.batch(chosen)
            whole = opened.preprocessing(examples.batch(chosen))
            with torch.no_grad():
                expected = opened.logits(opened.model(**whole))
                assert torch.allclose(suffix_outputs(opened, cut, batch, activation), expected, atol=1e-5)
        assert stored.bytes > activation.numel() / 9
        stored.delete()
    assert not list(tmp_path.iterdir())


def test_pictures_are_bit_equal_and_their_pixels_are_not_kept(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone("resnet"), items("resnet", 8)
    stored = store_activations(opened, 2, examples, cache=tmp_path, batch_size=4)
    _, activation = stored.batch([4, 5, 6, 7])
    batch = opened.preprocessing(examples.batch([4, 5, 6, 7]))
    assert torch.equal(activation, _prefix(opened, 2, batch))
    dummy = stored.batch([1])[0]["x"]
    assert (dummy.shape, dummy.stride()) == ((1, 3, 64, 64), (0, 0, 0, 0))
    assert dummy.isnan().all()


def test_texts_are_stored_without_padding_and_padded_to_the_longest(
    backbone: OpenTiny, tmp_path: Path
) -> None:
    opened = backbone("bert")
    texts = MemoryItems(["good", "the phone was very bad and cold", "a film"])
    stored = store_activations(opened, 2, texts, cache=tmp_path)
    reader = stored.readers[0]
    assert reader.maps["activation"].shape == (3 + 9 + 4, 32)
    batch, activation = stored.batch([2, 0])
    expected = opened.preprocessing(texts.batch([2, 0]))
    assert batch.keys() == expected.keys()
    assert all(torch.equal(batch[name], expected[name]) for name in batch)
    hidden = expected["attention_mask"] == 0
    assert (activation[hidden] == 0).all()
    assert torch.allclose(activation[~hidden], _prefix(opened, 2, expected)[~hidden], atol=1e-5)


def test_sounds_are_stored_frame_by_frame_and_their_samples_are_not_kept(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone("wav2vec2"), items("wav2vec2", 4)
    stored = store_activations(opened, 2, examples, cache=tmp_path, batch_size=3)
    assert opened.frames is not None
    counts = [len(opened.preprocessing([one])["input_values"][0]) for one in examples.raw]
    frames = [opened.frames.count(count) for count in counts]
    assert stored.readers[0].maps["activation"].shape == (sum(frames), 32)
    assert stored.bytes < sum(frames) * 32 * 4 + 2000
    batch, activation = stored.batch([2, 0])
    expected = opened.preprocessing(examples.batch([2, 0]))
    assert torch.equal(batch["attention_mask"], expected["attention_mask"])
    dummy = batch["input_values"]
    assert (dummy.shape, dummy.stride()) == (expected["input_values"].shape, (0, 0))
    assert dummy.isnan().all()
    computed = _prefix(opened, 2, expected)
    assert activation.shape == computed.shape
    for row, index in enumerate([2, 0]):
        assert torch.allclose(activation[row, : frames[index]], computed[row, : frames[index]], atol=1e-5)
        assert (activation[row, frames[index] :] == 0).all()


def test_bf16_halves_the_disk_and_keeps_three_digits(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone("vit"), items("vit", 6)
    wide = store_activations(opened, 2, examples, cache=tmp_path)
    half = store_activations(opened, 2, examples, cache=tmp_path, precision="bf16")
    one, two = wide.batch(range(6))[1], half.batch(range(6))[1]
    assert torch.equal(two, one.to(torch.bfloat16).float())
    assert half.folder != wide.folder
    sizes = [(stored.folder / "0" / "activation.bin").stat().st_size for stored in (wide, half)]
    assert sizes[0] == 2 * sizes[1]
    with pytest.raises(UnknownName):
        store_activations(opened, 2, examples, cache=tmp_path, precision="fp16")


def test_variants_see_the_index_and_are_read_apart(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone("efficientnet"), items("efficientnet", 5)

    def flip_odd(raw: list[Any], indices: Sequence[int]) -> list[Any]:
        return [p.transpose(0) if i % 2 else p for p, i in zip(raw, indices, strict=True)]

    stored = store_activations(
        opened, 1, examples, variants=(None, flip_odd), variants_key="flip odd", cache=tmp_path, batch_size=2
    )
    assert stored.variants == 2
    plain, changed = stored.batch(range(5), 0)[1], stored.batch(range(5), 1)[1]
    assert [torch.equal(a, b) for a, b in zip(plain, changed, strict=True)] == [True, False] * 2 + [True]
    flipped = opened.preprocessing(flip_odd(examples.batch([2, 3]), [2, 3]))
    assert torch.equal(stored.batch([2, 3], 1)[1], _prefix(opened, 1, flipped))
    with pytest.raises(ValueError, match="variants_key"):
        store_activations(opened, 1, examples, variants=(flip_odd,), cache=tmp_path)


def test_a_finished_store_is_found_again_and_a_broken_one_leaves_nothing(
    backbone: OpenTiny, items: MakeItems, tmp_path: Path
) -> None:
    opened, examples = backbone("resnet"), items("resnet", 4)
    first = store_activations(opened, 1, examples, cache=tmp_path)
    written = (first.folder / "about.json").stat().st_mtime_ns
    again = store_activations(opened, 1, examples, cache=tmp_path)
    assert (again.folder / "about.json").stat().st_mtime_ns == written
    assert torch.equal(open_activations(first.folder).batch([3])[1], again.batch([3])[1])

    def broken(raw: list[Any], indices: Sequence[int]) -> list[Any]:
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        store_activations(opened, 1, examples, variants=(broken,), variants_key="x", cache=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [first.folder.name]


def test_left_padding_is_kept_on_the_left(backbone: OpenTiny) -> None:
    opened = backbone("bert")
    mask = torch.tensor([[1, 1, 1], [0, 0, 1]])
    ids = torch.tensor([[4, 5, 6], [9, 9, 7]])
    layout = Layout.of(opened, {"input_ids": ids, "attention_mask": mask})
    assert (layout.left, layout.padding) == (True, {"input_ids": 9, "attention_mask": 0})


def test_texts_without_a_mask_cannot_be_stored(backbone: OpenTiny, items: MakeItems, tmp_path: Path) -> None:
    opened = backbone("bert")
    opened.mask = None
    with pytest.raises(CannotCut, match="no attention mask"):
        store_activations(opened, 1, items("bert", 3), cache=tmp_path)
    with pytest.raises(ValueError, match="before block 0"):
        store_activations(opened, 0, items("bert", 3), cache=tmp_path)


def test_rows_come_in_the_order_of_the_indices(backbone: OpenTiny, items: MakeItems, tmp_path: Path) -> None:
    opened, examples = backbone("timm-vit"), items("timm-vit", 7)
    stored = store_activations(opened, 1, examples, cache=tmp_path, batch_size=3)
    every = stored.batch(range(7))[1].numpy()
    draw = np.random.default_rng(0).permutation(7)
    assert np.array_equal(stored.batch(draw)[1].numpy(), every[draw])
