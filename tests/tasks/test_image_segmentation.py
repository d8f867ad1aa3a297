"""Masks as targets and answers: classes, sizes, mirroring, rows."""

import numpy as np
import pytest
import torch

from crosstune.core.labels import UnknownClass
from crosstune.core.picture_move import PictureMove
from crosstune.core.targets import IGNORED
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.tasks.mask_files import moved
from tests.support.segmentation import CLASSES, Mask, mask_items

ITEMS = mask_items(6)
TASK = ImageSegmentation.from_targets(ITEMS.targets())


def test_classes_come_from_the_masks_and_from_what_is_declared() -> None:
    assert TASK.classes == ("background", "cat", "dog")
    told = ImageSegmentation.from_targets(ITEMS.targets(), declared=("owl", "dog"))
    assert told.classes == ("owl", "dog", "background", "cat")
    with pytest.raises(ConstantTarget):
        ImageSegmentation.from_targets([Mask(np.zeros((2, 2), np.uint8))])
    with pytest.raises(BadTarget):
        ImageSegmentation.from_targets(["cat"])
    with pytest.raises(UnknownClass, match="dog"):
        ImageSegmentation(("background", "cat")).encode(ITEMS.targets())


def test_encoded_masks_keep_every_pixel() -> None:
    for mask, raw in zip(TASK.masks(TASK.encode(ITEMS.targets())), ITEMS.targets(), strict=True):
        assert np.array_equal(mask, raw.values)


def test_masks_are_collated_at_the_models_size_and_mirrored_with_their_pictures() -> None:
    task = TASK.at(32, ())
    found = task.collate(task.encode(ITEMS.targets()))
    assert found.shape == (6, 32, 32)
    assert set(found.unique().tolist()) == {IGNORED, 0, 1, 2}
    sizes: list[tuple[int, int]] = []

    def mirror(size: tuple[int, int]) -> PictureMove:
        sizes.append(size)
        return PictureMove(mirrored=True)

    turned = task.collate_moved(task.encode(ITEMS.targets()), [mirror, lambda _: PictureMove()] * 3)
    assert torch.equal(turned[1::2], found[1::2])
    assert sizes == [(one.width, one.height) for one in ITEMS.raw[::2]]
    again = ImageSegmentation(CLASSES).at(32, ())
    flipped = again.encode([Mask(one.values[:, ::-1].copy()) for one in ITEMS.targets()])
    assert torch.equal(turned[::2], again.collate(flipped)[::2])


def test_a_mask_is_cut_as_its_picture_is() -> None:
    numbers = np.arange(30, dtype=np.uint8).reshape(5, 6)
    cut = moved(numbers, PictureMove(mirrored=True, window=(1, 2, 3, 2)))
    assert cut.tolist() == [[16, 15, 14], [22, 21, 20]]
    assert moved(numbers, PictureMove()).tolist() == numbers.tolist()


def test_answers_have_the_size_of_the_picture() -> None:
    outputs = torch.randn(2, 3, 5, 5, generator=torch.Generator().manual_seed(0))
    assert [one.shape for one in TASK.masks(TASK.answers(outputs))] == [(5, 5)] * 2
    sizes = torch.tensor([[20.0, 31.0], [4.0, 3.0]])
    masks = TASK.masks(TASK.answers_at(outputs, sizes))
    assert [one.shape for one in masks] == [(20, 31), (4, 3)]
    wide = torch.nn.functional.interpolate(outputs[:1], size=(20, 31), mode="bilinear", align_corners=False)
    assert np.array_equal(masks[0], wide[0].argmax(0).numpy())


def test_rows_name_the_classes_by_their_share() -> None:
    encoded = TASK.encode([Mask(np.array([[1, 1, 1, 0]], np.uint8))])
    assert TASK.decode(encoded) == [{"classes": ["cat", "background"], "shares": [0.75, 0.25]}]
    assert TASK.truths(encoded) == [["cat", "background"]]


def test_one_class_for_every_pixel_is_an_alarm() -> None:
    truth = TASK.encode(ITEMS.targets())
    same = TASK.encode([Mask(np.zeros_like(one.values)) for one in ITEMS.targets()])
    said = TASK.alarm(same, truth)
    assert said is not None
    assert "[one-answer]" in said
    assert "`background`" in said
    assert TASK.alarm(truth, truth) is None


def test_badness_and_disagreement_are_shares_of_pixels() -> None:
    truth = TASK.encode([Mask(np.array([[0, 0, 1, 1]], np.uint8))])
    ours = TASK.encode([Mask(np.array([[0, 1, 1, 1]], np.uint8))])
    assert TASK.badness(ours, truth)[0] == pytest.approx(1 - (1 / 2 + 2 / 3) / 2)
    assert TASK.badness(truth, truth)[0] == 0.0
    assert TASK.disagreement(ours, truth) == 0.25
