"""Sounds of equal samples, and sounds that are nearly equal by their fingerprints."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from crosstune.data.gate import minhash
from crosstune.data.gate.dhash import correlation
from crosstune.data.gate.fingerprint import WIDTH, table_keys
from crosstune.data.gate.inputs import Fetch, Found, Inputs
from crosstune.data.gate.rows import Rows, blocks, first_of
from crosstune.data.gate.sounds import KEY, MILLISECONDS

LIKENESS = 0.94
"""Least correlation of two fingerprints.

MEASURED (``benchmarks/sound_copies.py``) on 2,763 telephone prompts in five languages, 214,391 pairs of
like length: 74 reach it, of which 64 are copies under several names, 5 the same word said again by the
same voice, and 5 letters that differ by a sound (b and d). At 0.9 there are 115. Copies that reach it:
all with other gain, with noise of 20 dB, as Ogg, in 8-bit telephone code, or resampled; 0.995 as MP3;
0.855 clipped by 12 dB; 0.41 with 50 ms of silence before them.
"""

LENGTH_SHARE, LENGTH_MS = 0.02, 60.0
"""How much the lengths of copies may differ: coders pad by up to two frames. ASSUMED."""

MOST_COMPARED = 2_000_000
"""Pairs of fingerprints that are compared: two seconds."""


def sound_twins(inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:  # noqa: ARG001
    """Find sounds of equal samples, and those whose lengths and fingerprints are nearly equal.

    Args:
        inputs: by split, looked at with ``prints``.
        rows: to be compared, numbered through all splits.
        fetch: not needed: the fingerprints are enough.

    Checked by: ``tests/data/gate/test_alike_sounds.py``.
    """
    table = Rows([found.table() for found in inputs.values()], rows)
    prints = Rows([found.printed(np.int8, WIDTH) for found in inputs.values()], rows)
    lengths = table.column(MILLISECONDS).astype(np.float64)
    low, high = (table.column(place).astype(np.uint64) for place in KEY)
    first = first_of(low | high << np.uint64(32))
    again = first != np.arange(len(rows))
    twins = np.stack([first, np.arange(len(rows))], axis=1)[again]
    heads = np.flatnonzero(~again & _changing(prints))
    # By length: neighbours within a bucket, with which alone a row is compared, are of like length.
    heads = heads[np.argsort(lengths[heads], kind="stable")]
    pairs = heads[minhash.candidates(table_keys(prints.only(heads)))]
    one, other = lengths[pairs[:, 0]], lengths[pairs[:, 1]]
    pairs = pairs[np.abs(one - other) <= LENGTH_MS + LENGTH_SHARE * np.maximum(one, other)]
    skipped = max(0, len(pairs) - MOST_COMPARED)
    pairs = pairs[:MOST_COMPARED]
    near = np.zeros(len(pairs), np.bool_)
    for cut in blocks(len(pairs)):
        left, right = (prints.take(pairs[cut, side]).astype(np.float32) for side in range(2))
        near[cut] = correlation(left, right) >= LIKENESS
    return rows[twins], rows[np.sort(pairs[near], axis=1)], skipped


def _changing(prints: Rows) -> NDArray[np.bool_]:
    """Say for each row whether its fingerprint says anything."""
    found = np.zeros(len(prints), np.bool_)
    for cut in blocks(len(prints)):
        found[cut] = prints.take(np.arange(cut.start, cut.stop)).any(axis=1)
    return found
