"""Small learnable data sets on disk: texts whose words give the class away, pictures whose colour does."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from crosstune.core.seeding import generator
from tests.support.tiny import BAD, GOOD, PLAIN


def write_texts(path: Path, rows: int, seed: int = 0, *, rated: bool = False) -> Path:
    """Write a CSV of ``text`` and ``label`` (good, bad) or ``rating`` (number of good minus bad words)."""
    draw = generator(seed, "texts")
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["text", "rating" if rated else "label"])
        for row in range(rows):
            good = row % 2 == 0
            told = list(draw.choice(GOOD if good else BAD, int(draw.integers(1, 4))))
            words = [*told, *draw.choice(PLAIN, int(draw.integers(2, 7)))]
            draw.shuffle(words)
            target = (len(told) if good else -len(told)) + 0.25 * float(draw.normal())
            writer.writerow([" ".join(words), f"{target:.3f}" if rated else ("good" if good else "bad")])
    return path


def write_pictures(root: Path, each: int, seed: int = 0, *, side: int = 40) -> Path:
    """Write class folders ``red``, ``green``, ``blue`` with ``each`` noisy PNG pictures of that colour."""
    draw = generator(seed, "pictures")
    for channel, name in enumerate(("red", "green", "blue")):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(each):
            pixels = draw.integers(0, 120, (side, side, 3), dtype=np.uint8)
            pixels[..., channel] += 100
            Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    return root
