"""Texts that are equal once normalised, and texts that are nearly equal."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from crosstune.data.gate import minhash
from crosstune.data.gate.inputs import Fetch, Found, Inputs
from crosstune.data.gate.rows import Rows, first_of
from crosstune.data.gate.texts import normalised

MOST_COMPARED = 50_000
"""Pairs of texts that are compared."""

_BLOCK = 250
"""Pairs that are compared at a time: five copies, of 4 KB a picture, are made."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def text_twins(inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:
    """Find texts that are equal once normalised, and texts that are nearly equal."""
    bands = Rows([found.printed(np.uint32, minhash.BANDS) for found in inputs.values()], rows)
    chars = np.concatenate([found.table()[:, 0] for found in inputs.values()])[rows]
    # Texts of equal content have equal keys in every band; different lengths cannot be alike.
    first = first_of(_joined(bands))
    twins = np.stack([first, np.arange(len(rows))], axis=1)[first != np.arange(len(rows))]
    heads = np.flatnonzero((first == np.arange(len(rows))) & (chars >= minhash.SHORT))
    pairs = heads[minhash.candidates(bands.only(heads))]
    shorter = np.minimum(chars[pairs[:, 0]], chars[pairs[:, 1]])
    pairs = pairs[shorter >= 0.6 * np.maximum(chars[pairs[:, 0]], chars[pairs[:, 1]])]
    skipped = max(0, len(pairs) - MOST_COMPARED)
    pairs = np.concatenate([twins, pairs[:MOST_COMPARED]])
    equal, near = np.zeros(len(pairs), np.bool_), np.zeros(len(pairs), np.bool_)
    for start in range(0, len(pairs), _BLOCK):
        block = pairs[start : start + _BLOCK]
        chosen = np.unique(block)
        folded = [normalised(row) for row in fetch(rows[chosen])]  # type: ignore[arg-type]
        for place, (left, right) in enumerate(np.searchsorted(chosen, block).tolist(), start):
            equal[place], near[place] = _compared(folded[left], folded[right])
    return rows[pairs[equal]], rows[pairs[near]], skipped


def _joined(bands: Rows) -> NDArray[np.uint64]:
    found = np.zeros(len(bands), np.uint64)
    for number in range(minhash.BANDS):
        found = (found ^ bands.column(number)) * _FACTOR
        found ^= found >> np.uint64(29)
    return found


def _compared(one: str, other: str) -> tuple[bool, bool]:
    if one == other:
        return True, False
    long = min(len(one), len(other)) >= minhash.SHORT
    return False, long and minhash.jaccard(one, other) >= minhash.LIKENESS
