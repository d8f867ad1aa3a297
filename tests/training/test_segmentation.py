"""Masks are learnt: gradients of micro-batches, strategies, resuming bit for bit, mirrored pictures."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from crosstune.sources.base import Backbone
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.training.augment import Augmenter, names
from crosstune.training.errors import NoSuchAugmentation
from crosstune.training.loader import Loader
from crosstune.training.order import Order
from tests.support.segmentation import Made, Mask, mask_items, segmenter
from tests.support.tiny import MemoryItems
from tests.training.places import goes_on_bit_for_bit, micro_batches_agree, trained
from tests.training.test_speech import weights

TRAIN, VALIDATION = mask_items(12), mask_items(6, seed=1)
PARTS = (TRAIN, VALIDATION)
TASK = ImageSegmentation.from_targets(TRAIN.targets())


def bound(backbone: Backbone) -> ImageSegmentation:
    return TASK.at(backbone.preprocessing.side, backbone.levels)  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", ["vit", "segformer", "unet"])
@pytest.mark.parametrize("loss", ["auto", "cross-entropy+dice", "lovasz"])
def test_8_x_1_equals_4_x_2_over_pixels(made: Made, loss: str, tmp_path: Path) -> None:
    backbone = segmenter(made, tmp_path)
    backbone.model.eval()  # no dropout, no statistics of a batch
    micro_batches_agree(backbone, bound(backbone), mask_items(8), class_weights="auto", loss=loss)


def opened(made: Made, folder: Path) -> tuple[Backbone, ImageSegmentation]:
    backbone = segmenter(made, folder)
    return backbone, bound(backbone)


@pytest.mark.parametrize("made", ["segformer", "upernet", "efficientnet", "unet"])
def test_it_goes_on_bit_for_bit(made: Made, tmp_path: Path) -> None:
    goes_on_bit_for_bit(partial(opened, made, tmp_path), PARTS, tmp_path, "mean-iou", augment="flip+crop")


@pytest.mark.parametrize("made", ["segformer", "resnet"])
@pytest.mark.parametrize("strategy", ["head", "last"])
def test_the_decoder_moves_with_the_head_and_the_body_stays(
    made: Made, strategy: str, tmp_path: Path
) -> None:
    start = segmenter(made, tmp_path)
    before, blocks = weights(start), start.blocks
    backbone, result = trained(
        partial(opened, made, tmp_path), PARTS, tmp_path / "run", strategy=strategy, last_blocks=1, epochs=1
    )
    assert not result.cached
    after = weights(backbone)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    beside = tuple(f"{path}." for path in backbone.head_beside)
    assert any(name.startswith(beside) for name in moved)
    assert any(name.startswith(f"{backbone.head}.") for name in moved)
    still = blocks if strategy == "head" else blocks[:-1]
    frozen = tuple(f"{path}." for block in still for path in block.modules)
    assert not [name for name in moved if name.startswith(frozen)]
    last = tuple(f"{path}." for path in blocks[-1].modules)
    assert any(name.startswith(last) for name in moved) == (strategy == "last")


def test_masks_can_be_learnt(tmp_path: Path) -> None:
    _, result = trained(
        partial(opened, "resnet", tmp_path), PARTS, tmp_path / "run", epochs=25, lr=5e-3, checkpoint_every=1e9
    )
    figures = [float(row["mean-iou"]) for row in result.history]
    assert max(figures) > 0.6


def test_pictures_and_masks_are_mirrored_together(tmp_path: Path) -> None:
    backbone = segmenter("resnet", tmp_path)
    task = bound(backbone)
    encoded = task.encode(TRAIN.targets())
    common: dict[str, Any] = {
        "items": TRAIN, "encoded": encoded, "task": task, "preprocessing": backbone.preprocessing,
        "order": Order(12, 4, 0), "micro_batch": None,
    }  # fmt: skip
    plainly, mirrored = Loader(**common), Loader(**common, augmenter=Augmenter(("flip",), 0))
    every = np.arange(12)
    turned = 0
    for epoch in (0, 1):
        one, other = plainly.load(every, epoch), mirrored.load(every, epoch)
        for row in range(12):
            same = torch.equal(one.batch["x"][row], other.batch["x"][row])
            assert torch.equal(one.targets[row], other.targets[row]) == same
            if not same:
                turned += 1
                assert torch.equal(one.batch["x"][row].flip(-1), other.batch["x"][row])
                assert torch.equal(one.targets[row].flip(-1), other.targets[row])
    assert 6 <= turned <= 18


def test_windows_of_pictures_and_masks_are_the_same() -> None:
    """Masks of a picture that shows its own mask agree with it, whatever is cut out."""
    masks = [np.where(one.values == 255, 0, one.values).astype(np.uint8) for one in TRAIN.targets()]
    pictures = [Image.fromarray(np.repeat(one[..., None] * 100, 3, axis=2)) for one in masks]
    items = MemoryItems(pictures, [Mask(one) for one in masks])
    task = TASK.at(40, ())
    augmenter = Augmenter(("flip", "crop"), 3)
    movers = [partial(augmenter.move, epoch=1, index=row) for row in range(12)]
    found = task.collate_moved(task.encode(items.targets()), movers).numpy()
    seen = set()
    for row, changed in enumerate(augmenter.variant(1)(pictures, range(12))):
        shown = np.asarray(changed.resize((40, 40), Image.Resampling.NEAREST))[..., 0] / 100
        assert np.mean(np.abs(shown - found[row]) < 0.5) > 0.9
        seen.add(movers[row]((pictures[row].width, pictures[row].height)))
    assert len(seen) == 12


def test_only_what_moves_masks_changes_pictures_with_masks() -> None:
    assert names("flip+crop", kind="none", places=True) == ("flip", "crop")
    with pytest.raises(NoSuchAugmentation, match="randaugment"):
        names("flip+randaugment", kind="none", places=True)
