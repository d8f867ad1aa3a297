"""Questions about the run's own texts that its task does not ask: their length, whether they ask something.

The texts are not unrelated, only the questions are, and a length can go with the task's own answer. These
sets are named for what they are.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from crosstune.data.unrelated.base import UnrelatedSet

FEWEST = 30
"""ASSUMED: texts below which a probe on them is chance."""

LEAST_SHARE = 0.1
"""Of the texts, in the rarer class of a yes-or-no question; below it hardly anything can be read off."""


def own_text_sets(raw: Sequence[Any]) -> list[UnrelatedSet]:
    """Make the sets from texts, or pairs of texts, of the run itself.

    Returns:
        Thirds by the number of words, where lengths differ; and whether there is a question mark, where at
        least a tenth of the texts have one and a tenth have none. Nothing of fewer than 30 texts.

    Checked by: ``tests/data/unrelated/test_own.py``.
    """
    texts = tuple(raw)
    if len(texts) < FEWEST:
        return []
    whole = [" ".join(one) if isinstance(one, tuple) else one for one in texts]
    lengths = np.array([len(one.split()) for one in whole])
    found = []
    edges = np.quantile(lengths, [1 / 3, 2 / 3])
    thirds = (lengths[:, None] > edges).sum(axis=1).astype(np.int64)
    if len(set(thirds.tolist())) == 3:
        found.append(_set("the run's own texts: length", "short, middle or long", texts, thirds))
    asks = np.array(["?" in one for one in whole], np.int64)
    if LEAST_SHARE <= asks.mean() <= 1 - LEAST_SHARE:
        found.append(_set("the run's own texts: question mark", "whether there is one", texts, asks))
    return found


def _set(name: str, question: str, texts: tuple[Any, ...], classes: Any) -> UnrelatedSet:  # noqa: ANN401
    return UnrelatedSet(name=name, question=question, raw=texts, classes=classes, own=True)
