"""What a model must beat: no model at all, and a linear model on raw pixels or word counts.

Shapes: N training examples, M test examples, K outputs.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer

from crosstune.core.items import Items
from crosstune.core.seeding import generator
from crosstune.probing.calibration import fit_scale
from crosstune.probing.kernel import kernel_ridge
from crosstune.probing.logistic import linear, share_of_classes
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import ridge_loo
from crosstune.tasks.base import Task

MOST_ROWS = {"image": 5000, "text": 4000}
"""Training examples that the linear baselines see at most, drawn at random."""

SIDE = 32
"""Of the grey pictures, in pixels."""

MOST_CHARACTERS = 1000
"""Of each text; the rest is cut off, so that the cost is bounded."""

MOST_TERMS = 20_000
"""Of each of the two vocabularies, the most frequent ones."""

WORD = r"\w+|[^\w\s]"
"""A word or a single mark: one letter counts too, so that no text is without any."""

BATCH = 256


def baselines(
    task: Task,
    train_items: Items,
    train_encoded: NDArray[Any],
    test_items: Items,
    *,
    seed: int = 0,
) -> dict[str, NDArray[np.float64]]:
    """Give the outputs ``(M, K)`` of each baseline on the test examples, as a head would give them.

    - ``majority class`` (``label frequencies`` for several labels, ``mean`` for values): the same outputs
      for every example, from the training targets alone.
    - ``pixels + linear``: ridge on 32 x 32 grey pixels, for images. At most 5,000 training images.
    - ``TF-IDF + linear``: ridge on TF-IDF of words and word pairs and of 2 to 4 characters, for texts. At
      most 4,000 training texts, and 1,000 characters of each.

    The linear ones choose their penalty by leave-one-out and are calibrated on leave-one-out outputs.
    Cost: decoding the examples, and a few seconds.
    """
    targets = task.linear_targets(train_encoded)
    kind = task.linear_kind()
    name = {"classes": "majority class", "multi-label": "label frequencies", "values": "mean"}[kind]
    found = {name: np.tile(share_of_classes(kind, targets), (len(test_items), 1))}
    rows = _sample(len(train_items), MOST_ROWS.get(task.modality, 0), seed)
    if task.modality == "image":
        found["pixels + linear"] = _pixels(kind, train_items, targets, rows, test_items)
    if task.modality == "text":
        found["TF-IDF + linear"] = _words(kind, train_items, targets, rows, test_items)
    return found


def _sample(count: int, most: int, seed: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(generator(seed, "baseline").choice(count, most, replace=False))


def _read(items: Items, rows: NDArray[np.int64]) -> Iterator[Any]:
    for start in range(0, len(rows), BATCH):
        yield from items.batch([int(row) for row in rows[start : start + BATCH]])


def _pixels(
    kind: str, train: Items, targets: NDArray[np.float64], rows: NDArray[np.int64], test: Items
) -> NDArray[np.float64]:
    matrix = Matrix(((_grey(train, rows),),))
    fit = ridge_loo(matrix, targets[rows])
    scale, shifts = fit_scale(kind, fit.left_out, targets[rows][fit.rows])
    held_out = Matrix(((_grey(test, np.arange(len(test))),),))
    return scale * linear(held_out, fit.weight, fit.bias) + shifts


def _grey(items: Items, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give ``(n, 1024)`` grey values in [0, 1]."""
    values = np.empty((len(rows), SIDE * SIDE), dtype=np.float32)
    for index, picture in enumerate(_read(items, rows)):
        small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        values[index] = np.asarray(small, dtype=np.float32).ravel() / 255
    return values


def _words(
    kind: str, train: Items, targets: NDArray[np.float64], rows: NDArray[np.int64], test: Items
) -> NDArray[np.float64]:
    vectorizers = (
        TfidfVectorizer(ngram_range=(1, 2), max_features=MOST_TERMS, sublinear_tf=True, token_pattern=WORD),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=MOST_TERMS, sublinear_tf=True),
    )
    texts = _texts(train, rows)
    seen = scipy.sparse.hstack([one.fit_transform(texts) for one in vectorizers], format="csr")
    fit = kernel_ridge(seen, targets[rows])
    scale, shifts = fit_scale(kind, fit.left_out, targets[rows])
    others = _texts(test, np.arange(len(test)))
    unseen = scipy.sparse.hstack([one.transform(others) for one in vectorizers], format="csr")
    return scale * fit(unseen) + shifts


def _texts(items: Items, rows: NDArray[np.int64]) -> list[str]:
    """Give the texts; a pair becomes one text."""
    read = (text if isinstance(text, str) else " ".join(text) for text in _read(items, rows))
    return [text[:MOST_CHARACTERS] for text in read]
