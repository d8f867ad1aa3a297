"""Simple properties of texts, by which a person could tell two sets apart."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NAMES = ("characters", "words", "letters in a word", "upper case", "digits", "punctuation")


def text_properties(texts: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Measure every text.

    Args:
        texts: N of them; the two of a pair are joined by their caller.

    Returns:
        By name, ``(N,)`` each: ``characters`` and ``words`` (counts), ``letters in a word`` (mean),
        ``upper case`` (share of the letters), ``digits`` and ``punctuation`` (shares of the characters that
        are no white space). Where there is nothing to take a share of, it is 0.

    Cost: 0.1 ms for a text of 500 characters. Checked by: ``tests/data/test_text_properties.py``.
    """
    rows = np.array([_measured(text) for text in texts], np.float64).reshape(-1, len(NAMES))
    return dict(zip(NAMES, rows.T, strict=True))


def _measured(text: str) -> tuple[float, ...]:
    words = text.split()
    solid = "".join(words)
    letters = sum(map(str.isalpha, solid))
    upper = sum(map(str.isupper, solid))
    digits = sum(map(str.isdigit, solid))
    rest = len(solid) - sum(map(str.isalnum, solid))
    return (
        float(len(text)), float(len(words)), letters / max(1, len(words)), upper / max(1, letters),
        digits / max(1, len(solid)), rest / max(1, len(solid)),
    )  # fmt: skip
