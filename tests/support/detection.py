"""Tiny random detectors, and pictures whose objects can be told by colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.seeding import generator
from crosstune.sources.base import Backbone, OpenOptions
from tests.support.tiny import Kind, MemoryItems, tiny_backbone

TASK = "object-detection"
CLASSES = ("cat", "dog")
COLOURS = {"cat": (220, 60, 40), "dog": (40, 80, 220)}


@dataclass(frozen=True)
class Objects:
    """Objects of a picture."""

    picture: tuple[int, int]
    places: NDArray[np.float64]
    names: tuple[str, ...]
    left_out: tuple[bool, ...]

    def size(self) -> tuple[float, float]:
        """Give width and height."""
        return self.picture

    def boxes(self) -> NDArray[np.float64]:
        """Give the boxes."""
        return self.places.reshape(-1, 4)

    def labels(self) -> Sequence[str]:
        """Give the classes."""
        return self.names

    def ignored(self) -> NDArray[np.bool_]:
        """Say what is ignored."""
        return np.array(self.left_out, dtype=np.bool_)


def box_items(count: int, seed: int = 0, *, size: int = 40) -> MemoryItems:
    """Make pictures of several sizes with none to three coloured rectangles; now and then one is ignored."""
    pictures, targets = [], []
    for number in range(count):
        draw = generator(seed, "boxes", number)
        height, width = (size + int(draw.integers(0, 13)) for _ in range(2))
        pixels = np.full((height, width, 3), 90.0)
        boxes, names = [], []
        for _ in range(number % 4):
            name = CLASSES[int(draw.integers(0, 2))]
            tall, wide = (int(draw.integers(10, side // 2)) for side in (height, width))
            top, left = int(draw.integers(0, height - tall)), int(draw.integers(0, width - wide))
            pixels[top : top + tall, left : left + wide] = COLOURS[name]
            boxes.append((left, top, left + wide, top + tall))
            names.append(name)
        pixels += draw.normal(0, 12, pixels.shape)
        pictures.append(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))
        ignored = tuple(place == 2 and number % 8 == 3 for place in range(len(names)))
        targets.append(Objects((width, height), np.array(boxes, np.float64), tuple(names), ignored))
    return MemoryItems(pictures, targets)


def options(classes: Sequence[str] = CLASSES, **more: Any) -> OpenOptions:
    """Ask for a detector."""
    return OpenOptions(task=TASK, outputs=len(classes), symbols=tuple(classes), **more)


def detector(made: Kind, folder: Path) -> Backbone:
    """Open a tiny picture model with our decoder for boxes."""
    return tiny_backbone(made, len(CLASSES), folder, task=TASK)
