"""Masks as targets: read late, named by what they show, and their classes for making splits."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crosstune.data.images import ImageProblem
from crosstune.data.masks.classes import MaskClasses
from crosstune.data.masks.target import MaskTarget, classes_in
from crosstune.data.read import read
from tests.data.making import encoded
from tests.data.planted_masks import mask_set, values

CLASSES = MaskClasses(names={0: "background", 1: "cat", 2: "dog"})


def cell(mask: np.ndarray) -> dict[str, object]:
    return {"bytes": encoded(Image.fromarray(mask)), "path": None}


def test_items_give_masks_that_are_read_when_they_are_asked(tmp_path: Path) -> None:
    data = read(mask_set(tmp_path / "masks"))
    items = data.items("train").subset([3, 1])
    targets = items.targets()
    assert [type(one) for one in targets] == [MaskTarget, MaskTarget]
    number = int(Path(items.origins()[0]).stem)
    assert np.array_equal(targets[0].pixels(), values(number))
    assert [targets[0].name(value) for value in (0, 1, 2, 255)] == ["background", "cat", "dog", None]


def test_equal_masks_are_one_target() -> None:
    one, other = values(1), values(2)
    assert str(MaskTarget(cell(one), CLASSES)) == str(MaskTarget(cell(one), CLASSES))
    assert str(MaskTarget(cell(one), CLASSES)) != str(MaskTarget(cell(other), CLASSES))


def test_the_classes_of_each_mask_are_listed() -> None:
    only = np.zeros((4, 4), np.uint8)
    assert classes_in([cell(only), None, cell(values(1))], CLASSES) == [
        ["background"], [], ["background", "cat", "dog"],
    ]  # fmt: skip
    with pytest.raises(ImageProblem):
        MaskTarget(None, CLASSES).pixels()
