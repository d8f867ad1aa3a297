"""Word and character error rates, and what the errors are. Shapes: N utterances."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.extras import require
from crosstune.core.sound import EXTRA
from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec

Texts = NDArray[np.str_]
KINDS = ("substitutions", "deletions", "insertions")


def edits(answers: Texts, truth: Texts, *, words: bool) -> NDArray[np.float64]:
    """Count substitutions, deletions, insertions and the reference's units by utterance, ``(N, 4)``.

    Args:
        answers: what was recognised.
        truth: what was said; none may be empty, or no rate is defined.
        words: units are words, parted by spaces; otherwise characters, spaces included.

    Raises:
        MissingExtra: jiwer is not installed.
        ValueError: an empty reference.

    Cost: about 20,000 utterances of ten words a second.
    Checked by: ``tests/tasks/test_recognition_metrics.py``, against plain dynamic programming.
    """
    jiwer = require("jiwer", extra=EXTRA, purpose="word error rates")
    if not all(truth.tolist()):
        raise ValueError("an empty reference has no error rate")
    counts = np.empty((len(truth), 4))
    compare = jiwer.process_words if words else jiwer.process_characters
    for row, (said, heard) in enumerate(zip(truth.tolist(), answers.tolist(), strict=True)):
        found = compare(said, heard)
        units = found.hits + found.substitutions + found.deletions
        counts[row] = found.substitutions, found.deletions, found.insertions, units
    return counts


def recognition_metrics() -> Mapping[str, MetricSpec]:
    """Give ``wer`` first, then ``cer``, and the shares of words substituted, deleted and inserted.

    All are errors over units of the reference, summed over utterances first: a long utterance counts for its
    length. Above 1 is possible, because of insertions.
    """
    found = {
        "wer": _spec("wer", words=True, kinds=slice(0, 3)),
        "cer": _spec("cer", words=False, kinds=slice(0, 3)),
    }
    for place, name in enumerate(KINDS):
        found[name] = _spec(name, words=True, kinds=slice(place, place + 1))
    return found


def _spec(name: str, *, words: bool, kinds: slice) -> MetricSpec:
    return MetricSpec(
        name=name, higher_is_better=False, prepare=partial(_prepared, words=words, kinds=kinds), reduce=_rate,
        parts=_errors_and_units, from_sums=sums.ratio,
    )  # fmt: skip


def _prepared(
    outputs: NDArray[Any], targets: NDArray[Any], *, words: bool, kinds: slice
) -> tuple[NDArray[Any], ...]:
    counts = edits(outputs, targets, words=words)
    return counts[:, kinds].sum(axis=1), counts[:, 3]


def _errors_and_units(errors: NDArray[Any], units: NDArray[Any]) -> NDArray[np.float64]:
    return np.stack([errors, units], axis=1)


def _rate(errors: NDArray[Any], units: NDArray[Any]) -> float:
    return float(errors.sum() / units.sum())
