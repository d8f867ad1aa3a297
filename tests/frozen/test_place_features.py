"""Features of places against averages of the maps by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from crosstune.core.errors import OutOfMemory
from crosstune.core.targets import SIZES
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.frozen.place_features import place_features
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.pyramid import MapReader
from tests.support.detection import detector
from tests.support.segmentation import Made, mask_items, segmenter

ITEMS = mask_items(5)
MADE: tuple[Made, ...] = ("efficientnet", "vit", "unet")


def maps(backbone: Any) -> list[torch.Tensor]:
    batch = backbone.preprocessing(ITEMS.raw)
    with torch.no_grad():
        found: list[torch.Tensor] = backbone.model.eval().maps(
            {name: one for name, one in batch.items() if name != SIZES}
        )
    return found


@pytest.mark.parametrize("made", MADE)
def test_a_pixel_has_what_enlarging_the_map_gives(made: Made, tmp_path: Path) -> None:
    backbone = segmenter(made, tmp_path)
    side = backbone.preprocessing.side  # type: ignore[attr-defined]
    draw = np.random.default_rng(0)
    pictures = np.sort(draw.integers(0, 5, 30))
    spots = draw.integers(0, side, (30, 2))
    boxes = np.concatenate([spots, spots + 1], axis=1) / side
    found = place_features(backbone, ITEMS, boxes, pictures)
    every = maps(backbone)
    assert len(found.blocks) == len(every) == len(set(found.names))
    assert found.head_input is not None
    np.testing.assert_array_equal(found.head_input, found.blocks[-1])
    for block, one in zip(found.blocks, every, strict=True):
        large = functional.interpolate(one, size=(side, side), mode="bilinear", align_corners=False)
        expected = large[pictures, :, spots[:, 1], spots[:, 0]].numpy()
        np.testing.assert_allclose(block, expected, rtol=1e-3, atol=1e-4)


def test_a_box_of_whole_places_has_their_mean(tmp_path: Path) -> None:
    backbone = detector("efficientnet", tmp_path)
    places = maps(backbone)[0].shape[-1]
    assert places >= 4
    boxes = np.array([[1, 0, 3, 4], [0, 0, places, places], [2, 2, 3, 3]]) / places
    found = place_features(backbone, ITEMS, boxes, np.array([1, 3, 3])).blocks[0]
    one = maps(backbone)[0].numpy()
    expected = [one[1, :, 0:4, 1:3].mean((1, 2)), one[3].mean((1, 2)), one[3, :, 2, 2]]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-3, atol=1e-5)


def test_the_size_of_batches_and_memory_that_runs_out_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = segmenter("efficientnet", tmp_path)
    boxes, pictures = np.tile([[0.2, 0.3, 0.6, 0.9]], (6, 1)), np.array([0, 0, 2, 3, 4, 4])
    ours = place_features(backbone, ITEMS, boxes, pictures).all_blocks()
    single = place_features(backbone, ITEMS, boxes, pictures, batch_size=1).all_blocks()
    np.testing.assert_allclose(ours, single, rtol=1e-4, atol=1e-5)
    read = MapReader.maps
    most = 2

    def scarce(self: MapReader, batch: Any) -> Any:
        if len(next(iter(batch.values()))) > most:
            raise MemoryError("no room")
        return read(self, batch)

    monkeypatch.setattr(MapReader, "maps", scarce)
    again = place_features(backbone, ITEMS, boxes, pictures).all_blocks()
    np.testing.assert_allclose(ours, again, rtol=1e-4, atol=1e-5)
    most = 0
    with pytest.raises(OutOfMemory):
        place_features(backbone, ITEMS, boxes, pictures)


def test_the_model_keeps_its_modes_and_weights(tmp_path: Path) -> None:
    backbone = segmenter("efficientnet", tmp_path)
    backbone.model.train()
    before = {name: one.clone() for name, one in backbone.model.state_dict().items()}
    place_features(backbone, ITEMS, np.array([[0.0, 0, 1, 1]]), np.array([0]))
    assert backbone.model.training
    assert all(torch.equal(one, before[name]) for name, one in backbone.model.state_dict().items())


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    boxes, pictures = np.array([[0.0, 0, 1, 1]] * 2), np.array([1, 4])
    with pytest.raises(UnsupportedModel, match="cannot be compared by its maps"):
        place_features(segmenter("segformer", tmp_path), ITEMS, boxes, pictures)
    backbone = segmenter("efficientnet", tmp_path)
    with torch.no_grad():
        next(backbone.model.parameters()).fill_(float("nan"))
    with pytest.raises(NonFiniteFeatures, match="memory:1, memory:4"):
        place_features(backbone, ITEMS, boxes, pictures)
