"""Augmentation draws from (seed, epoch, example) only, and fits the data."""

import numpy as np
import pytest
import torch
from PIL import Image

from crosstune.core.errors import UnknownName
from crosstune.training.augment import Augmenter, names
from crosstune.training.errors import NoSuchAugmentation
from crosstune.training.picture_changes import MAGNITUDE, SIGNED, UNSIGNED
from tests.support.tiny import random_images

ALL = Augmenter(("flip", "crop", "randaugment"), seed=3)


def pixels(picture: Image.Image) -> bytes:
    return picture.tobytes()


def test_a_picture_changes_the_same_way_in_any_batch() -> None:
    pictures = random_images(6)
    state = torch.random.get_rng_state()
    whole = ALL.variant(1)(pictures, range(6))
    backwards = ALL.variant(1)(pictures[::-1], range(5, -1, -1))
    assert [pixels(one) for one in whole] == [pixels(one) for one in backwards[::-1]]
    assert pixels(ALL(pictures[4], 1, 4)) == pixels(whole[4])
    assert torch.equal(state, torch.random.get_rng_state())


def test_epochs_examples_and_seeds_differ() -> None:
    (picture,) = random_images(1)
    changed = {
        pixels(Augmenter(ALL.operations, seed)(picture, epoch, index))
        for seed in (0, 1)
        for epoch in (0, 1)
        for index in (0, 1)
    }
    assert len(changed) == 8


def test_a_flip_is_a_mirror_image_half_of_the_time() -> None:
    (picture,) = random_images(1)
    mirrored = pixels(Image.fromarray(np.asarray(picture)[:, ::-1]))
    results = [pixels(Augmenter(("flip",), 0)(picture, 0, index)) for index in range(200)]
    assert set(results) == {pixels(picture), mirrored}
    assert 70 < results.count(mirrored) < 130


def test_a_shift_moves_by_a_pixel_or_two_and_repeats_the_edge() -> None:
    pixels_before = np.zeros((28, 28, 3), dtype=np.uint8)
    pixels_before[10:14, 8:20] = 200
    pixels_before[0] = 90
    seen = set()
    for index in range(300):
        moved = np.asarray(Augmenter(("shift",), 0)(Image.fromarray(pixels_before), 0, index))
        rows, columns = np.nonzero(moved[..., 0] == 200)
        seen.add((int(rows.min()) - 10, int(columns.min()) - 8))
        assert moved.shape == pixels_before.shape
        assert (rows.max() - rows.min(), columns.max() - columns.min()) == (3, 11)
        assert (moved[0] == (90 if rows.min() >= 10 else 0)).all()
    assert seen == {(down, right) for down in range(-2, 3) for right in range(-2, 3)}


@pytest.mark.parametrize("name", sorted(SIGNED | UNSIGNED))
def test_every_operation_keeps_size_and_mode(name: str) -> None:
    (picture,) = random_images(1)
    for amount in (MAGNITUDE, -MAGNITUDE) if name in SIGNED else (MAGNITUDE, 1.0):
        changed = (SIGNED | UNSIGNED)[name](picture, amount)
        assert (changed.size, changed.mode) == (picture.size, "RGB")


def test_other_colours_move_nothing_and_channels_are_exchanged_half_of_the_time() -> None:
    before = np.zeros((16, 16, 3), dtype=np.uint8)
    before[4:12, 4:12] = (200, 120, 40)
    augmenter, orders = Augmenter(("photometric",), 0), list[tuple[int, ...]]()
    for index in range(300):
        after = np.asarray(augmenter(Image.fromarray(before), 0, index)).astype(int)
        assert after.shape == before.shape
        assert len(np.unique(after[4:12, 4:12].reshape(-1, 3), axis=0)) == 1  # still one colour
        outside = after.copy()
        outside[4:12, 4:12] = after[0, 0]
        assert len(np.unique(outside.reshape(-1, 3), axis=0)) == 1
        orders.append(tuple(np.argsort(-after[8, 8], kind="stable").tolist()))
    assert len(set(orders)) == 6
    assert 150 <= orders.count((0, 1, 2)) <= 220  # half of them, and a sixth of the other half


def test_a_crop_is_a_square_of_the_shorter_side() -> None:
    picture = Image.fromarray(np.zeros((30, 50, 3), dtype=np.uint8))
    assert Augmenter(("crop",), 0)(picture, 0, 0).size == (30, 30)


def test_names_are_checked_against_data_and_task() -> None:
    assert names("none") == names("") == ()
    assert names("flip + mixup") == ("flip", "mixup")
    with pytest.raises(UnknownName, match="randaugment"):
        names("randagument")
    with pytest.raises(NoSuchAugmentation, match="for pictures"):
        names("flip", modality="text")
    with pytest.raises(NoSuchAugmentation, match="leave out mixup"):
        names("flip+mixup", kind="values")


def test_classes_are_pasted_where_there_are_masks_only() -> None:
    assert names("flip+classmix", kind="none", places=True, masks=True) == ("flip", "classmix")
    for settings in ({"kind": "none", "places": True}, {}, {"kind": "values"}):
        with pytest.raises(NoSuchAugmentation, match="leave out classmix"):
            names("flip+classmix", **settings)  # type: ignore[arg-type]
    with pytest.raises(NoSuchAugmentation, match="for pictures"):
        names("classmix", modality="audio")
