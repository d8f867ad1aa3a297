"""A good set of pictures with masks, and the same with planted faults, which must be found."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.making import encoded, write
from tests.data.planted import Planted, scene

SIDE = 32
CLASSES = "0 background\n1 cat\n2 dog\n"


def values(seed: int) -> np.ndarray:
    """Make a mask: a block of each class, and a rim that is ignored."""
    draw = np.random.default_rng(seed)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    top, left = (int(place) for place in draw.integers(2, 14, 2))
    mask[top : top + 8, left : left + 12] = 1
    mask[22:30, left : left + 10] = 2
    mask[0] = 255
    return mask


def palette(mask: np.ndarray) -> Image.Image:
    image = Image.fromarray(mask)
    image.putpalette([*range(256)] * 3)
    return image


def mask_set(root: Path) -> Path:
    """Write ``images/SPLIT`` and ``masks/SPLIT``; single channels and palettes in turns."""
    for split, count, start in (("train", 40, 0), ("val", 15, 500)):
        for number in range(start, start + count):
            mask = values(number)
            kind = palette(mask) if number % 2 else Image.fromarray(mask)
            write(root / "images" / split / f"{number}.png", encoded(scene(number, SIDE)))
            write(root / "masks" / split / f"{number}_mask.png", encoded(kind))
    write(root / "masks" / "classes.txt", CLASSES)
    return root


def plant_masks(root: Path) -> Planted:
    """Plant nine faults of seven kinds."""
    mask_set(root)
    planted = Planted(root)
    strange, small, ignored = values(3), values(4)[:20], np.full((SIDE, SIDE), 255, np.uint8)
    strange[5, 5:9] = 7
    coloured = np.stack([values(6), values(7), values(8)], axis=2)
    whole = encoded(Image.fromarray(values(9)))
    for name, content, code in (
        ("train/3", encoded(Image.fromarray(strange)), "mask-value-without-class"),
        ("train/4", encoded(Image.fromarray(small)), "mask-size-differs"),
        ("train/5", encoded(Image.fromarray(ignored)), "only-ignored-pixels"),
        ("train/6", encoded(Image.fromarray(coloured)), "unreadable-mask"),
        ("train/7", whole[:60], "unreadable-mask"),
        ("val/501", encoded(Image.fromarray(values(501)).convert("RGB"), "JPEG"), "unreadable-mask"),
        ("val/502", b"", "empty-file"),
    ):
        write(root / "masks" / f"{name}_mask.png", content)
        planted.bad[f"images/{name}.png"] = code
    (root / "masks" / "train" / "8_mask.png").unlink()
    planted.bad["images/train/8.png"] = "missing-mask"
    write(root / "masks" / "train" / "nobody.png", encoded(Image.fromarray(values(1))))
    planted.items["masks-without-picture"] = {"masks/train/nobody.png"}
    return planted
