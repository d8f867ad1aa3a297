"""Masks are learnt: gradients of micro-batches, strategies, resuming bit for bit, mirrored pictures."""

import copy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.training.augment import Augmenter, names
from crosstune.training.errors import NoSuchAugmentation
from crosstune.training.loader import Loader
from crosstune.training.order import Order
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.segmentation import Made, Mask, mask_items, segmenter
from tests.support.tiny import MemoryItems
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights
from tests.training.test_update import micro_batches, updater

TRAIN, VALIDATION = mask_items(12), mask_items(6, seed=1)
TASK = ImageSegmentation.from_targets(TRAIN.targets())


def bound(backbone: Backbone) -> ImageSegmentation:
    return TASK.at(backbone.preprocessing.side, backbone.levels)  # type: ignore[attr-defined]


@pytest.mark.parametrize("made", ["vit", "segformer", "unet"])
@pytest.mark.parametrize("loss", ["auto", "cross-entropy+dice", "lovasz"])
def test_8_x_1_equals_4_x_2_over_pixels(made: Made, loss: str, tmp_path: Path) -> None:
    backbone = segmenter(made, tmp_path)
    backbone.model.eval()  # no dropout, no statistics of a batch
    task, items = bound(backbone), mask_items(8)
    settings = plain(optimizer="sgd", lr=1.0, momentum=0.0, clip_norm=0.0, class_weights="auto", loss=loss)
    found = []
    for sizes in ([8], [2, 2, 2, 2], [5, 3]):
        one = replace(backbone, model=copy.deepcopy(backbone.model).double())
        batches = [
            replace(part, batch={name: tensor.double() for name, tensor in part.batch.items()})
            for part in micro_batches(one, task, items, sizes)
        ]
        value = updater(one, task, items, settings)(batches, step=0, epoch=0)
        found.append((value, {n: p.grad for n, p in one.model.named_parameters() if p.grad is not None}))
    assert any(gradient.abs().sum() > 0 for gradient in found[0][1].values())
    for value, gradients in found[1:]:
        assert value == pytest.approx(found[0][0], rel=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], rtol=1e-6, atol=1e-9)


def trained(
    made: Made, folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, **values: Any
) -> tuple[Backbone, TrainResult]:
    backbone = segmenter(made, folder)
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 4, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    result = train(
        backbone, bound(backbone), TRAIN, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


@pytest.mark.parametrize("made", ["segformer", "upernet", "efficientnet", "unet"])
def test_it_goes_on_bit_for_bit(made: Made, tmp_path: Path) -> None:
    whole, one = trained(made, tmp_path, tmp_path / "whole", augment="flip")
    with pytest.raises(Interrupted):
        trained(made, tmp_path, tmp_path / "broken", reporter=Ends(4), augment="flip")
    again, two = trained(made, tmp_path, tmp_path / "broken", resume=True, augment="flip")
    assert one.steps == two.steps == 6
    assert [row["mean-iou"] for row in one.history] == [row["mean-iou"] for row in two.history]
    found = weights(whole)
    assert distance(found, weights(segmenter(made, tmp_path))) > 0
    for name, tensor in weights(again).items():
        assert torch.equal(tensor, found[name]), name


@pytest.mark.parametrize("made", ["segformer", "resnet"])
@pytest.mark.parametrize("strategy", ["head", "last"])
def test_the_decoder_moves_with_the_head_and_the_body_stays(
    made: Made, strategy: str, tmp_path: Path
) -> None:
    start = segmenter(made, tmp_path)
    before, blocks = weights(start), start.blocks
    backbone, result = trained(made, tmp_path, tmp_path / "run", strategy=strategy, last_blocks=1, epochs=1)
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
    _, result = trained("resnet", tmp_path, tmp_path / "run", epochs=25, lr=5e-3, checkpoint_every=1e9)
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
