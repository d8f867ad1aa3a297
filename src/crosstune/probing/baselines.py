"""What a model must beat: no model at all, and a linear model on pixels, word counts or a mean spectrum.

Shapes: N training examples, M test examples, K outputs.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer

from crosstune.core.items import Items
from crosstune.core.log_mel import log_mel
from crosstune.core.seeding import generator
from crosstune.core.sound import Sound
from crosstune.probing.calibration import fit_scale
from crosstune.probing.kernel import kernel_ridge
from crosstune.probing.logistic import linear, share_of_classes
from crosstune.probing.matrix import Matrix
from crosstune.probing.ridge import ridge_loo
from crosstune.tasks.base import Task

SIDE = 32
"""Of the grey pictures, in pixels."""

MOST_CHARACTERS = 1000
"""Of each text; the rest is cut off, so that the cost is bounded."""

MOST_TERMS = 20_000
"""Of each of the two vocabularies, the most frequent ones."""

MOST_SECONDS = 5.0
"""From the start of each sound; the rest is cut off, so that the cost is bounded."""

RATE = 16_000
"""Samples a second at which spectra are compared, whatever the recording's own rate."""

BANDS = 64
"""Of the spectrum, from 0 to half the rate."""

WORD = r"\w+|[^\w\s]"
"""A word or a single mark: one letter counts too, so that no text is without any."""

BATCH = 256

Describe = Callable[[Items, NDArray[np.int64]], NDArray[np.float32]]
"""(items, rows) to features ``(n, D)``."""

Answers = Callable[[Items], NDArray[np.float64]]
"""Test items to the outputs ``(M, K)``."""

Fit = Callable[[str, Items, NDArray[np.float64], NDArray[np.int64]], Answers]
"""(``Task.linear_kind()``, training items, their targets ``(N, K)``, rows that are seen) to what answers."""


@dataclass(frozen=True)
class Linear:
    """The linear baseline of one modality."""

    name: str
    most_rows: int
    """Training examples that it sees at most, drawn at random."""
    fit: Fit


def fit_baselines(
    task: Task, train_items: Items, train_encoded: NDArray[Any], *, seed: int = 0
) -> dict[str, Answers]:
    """Fit each baseline once, for any number of test sets; see :func:`baselines`."""
    targets = task.linear_targets(train_encoded)
    kind = task.linear_kind()
    name = {"classes": "majority class", "multi-label": "label frequencies", "values": "mean"}[kind]
    share = share_of_classes(kind, targets)
    found: dict[str, Answers] = {name: lambda items: np.tile(share, (len(items), 1))}
    raw = LINEAR.get(task.modality)
    if raw is not None:
        rows = _sample(len(train_items), raw.most_rows, seed)
        found[raw.name] = raw.fit(kind, train_items, targets, rows)
    return found


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
    - ``mean spectrum + linear``: ridge on the mean and the standard deviation over time of 64 log-mel bands
      at 16 kHz, for sounds. At most 4,000 training sounds, and the first 5 seconds of each.

    The linear ones choose their penalty by leave-one-out and are calibrated on leave-one-out outputs.
    Cost: decoding the examples, and a few seconds; for sounds about 2 ms a second of sound.
    """
    fitted = fit_baselines(task, train_items, train_encoded, seed=seed)
    return {name: answer(test_items) for name, answer in fitted.items()}


def _sample(count: int, most: int, seed: int) -> NDArray[np.int64]:
    if count <= most:
        return np.arange(count)
    return np.sort(generator(seed, "baseline").choice(count, most, replace=False))


def _read(items: Items, rows: NDArray[np.int64]) -> Iterator[Any]:
    for start in range(0, len(rows), BATCH):
        yield from items.batch([int(row) for row in rows[start : start + BATCH]])


def _ridge(describe: Describe) -> Fit:
    """Make a baseline of a function from examples to their features, by ridge."""

    def fit(kind: str, train: Items, targets: NDArray[np.float64], rows: NDArray[np.int64]) -> Answers:
        found = ridge_loo(Matrix(((describe(train, rows),),)), targets[rows])
        scale, shifts = fit_scale(kind, found.left_out, targets[rows][found.rows])

        def answer(test: Items) -> NDArray[np.float64]:
            held_out = Matrix(((describe(test, np.arange(len(test))),),))
            return scale * linear(held_out, found.weight, found.bias) + shifts

        return answer

    return fit


def _grey(items: Items, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give ``(n, 1024)`` grey values in [0, 1]."""
    values = np.empty((len(rows), SIDE * SIDE), dtype=np.float32)
    for index, picture in enumerate(_read(items, rows)):
        small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
        values[index] = np.asarray(small, dtype=np.float32).ravel() / 255
    return values


def _spectra(items: Items, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Give ``(n, 2 * BANDS)``: the mean of each log-mel band over time, then its standard deviation."""
    values = np.empty((len(rows), 2 * BANDS), dtype=np.float32)
    for index, sound in enumerate(_read(items, rows)):
        start = Sound(sound.samples[: round(MOST_SECONDS * sound.rate)], sound.rate)
        bands = log_mel(start.at(RATE), RATE, bands=BANDS)
        values[index] = np.concatenate([bands.mean(axis=0), bands.std(axis=0)])
    return values


def _words(kind: str, train: Items, targets: NDArray[np.float64], rows: NDArray[np.int64]) -> Answers:
    vectorizers = (
        TfidfVectorizer(ngram_range=(1, 2), max_features=MOST_TERMS, sublinear_tf=True, token_pattern=WORD),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=MOST_TERMS, sublinear_tf=True),
    )
    texts = _texts(train, rows)
    seen = scipy.sparse.hstack([one.fit_transform(texts) for one in vectorizers], format="csr")
    fit = kernel_ridge(seen, targets[rows])
    scale, shifts = fit_scale(kind, fit.left_out, targets[rows])

    def answer(test: Items) -> NDArray[np.float64]:
        others = _texts(test, np.arange(len(test)))
        unseen = scipy.sparse.hstack([one.transform(others) for one in vectorizers], format="csr")
        return scale * fit(unseen) + shifts

    return answer


def _texts(items: Items, rows: NDArray[np.int64]) -> list[str]:
    """Give the texts; a pair becomes one text."""
    read = (text if isinstance(text, str) else " ".join(text) for text in _read(items, rows))
    return [text[:MOST_CHARACTERS] for text in read]


LINEAR: Mapping[str, Linear] = {
    "image": Linear("pixels + linear", 5000, _ridge(_grey)),
    "text": Linear("TF-IDF + linear", 4000, _words),
    "audio": Linear("mean spectrum + linear", 4000, _ridge(_spectra)),
}
"""By the modality of the task; another modality has none."""
