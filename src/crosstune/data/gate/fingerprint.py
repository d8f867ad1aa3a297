"""What a recording sounds like, in 256 bytes: equal for copies of it, unlike for everything else.

The recording is brought to 8 kHz, so that a telephone copy keeps all that is looked at, and cut into 16 parts
of equal length. The fingerprint is the level of 16 mel bands in each part, in decibels, without the mean of
each band: only how the sound *changes* counts, not how loud it is or what the room and the microphone add.
"""

import numpy as np
from numpy.typing import NDArray

from crosstune.core.log_mel import log_mel
from crosstune.core.seeding import generator
from crosstune.core.sound import Sound
from crosstune.data.gate.minhash import BANDS as TABLES
from crosstune.data.gate.rows import Rows, blocks

RATE = 8_000
"""Samples a second that are looked at: what a telephone passes on."""

PARTS, BANDS = 16, 16
WIDTH = PARTS * BANDS
"""Bytes of a fingerprint."""

DEPTH_DB = 20.0
"""Decibels below the loudest part and band at which everything counts as silence: mild noise lies there.
MEASURED on telephone prompts at a correlation of 0.95: of copies with noise of 20 dB, 1.00 stay alike at
20 and 25, and 0.87 at 30; 71, 72 and 75 pairs of different files do."""

STEADY_DB = 1.5
"""Sounds whose levels deviate less than this say nothing: hums and beeps are all alike. ASSUMED."""

_HOP_S, _WINDOW_S = 0.010, 0.025
_FRAMES = 3_000
"""Frames that are transformed at a time: flat memory for long recordings."""
_UNIT = 32
"""What one standard deviation is in a fingerprint."""
_CENTRE_ROWS = 2_000


def fingerprint(sound: Sound) -> bytes:
    """Return ``WIDTH`` signed bytes; all zero for a steady sound, or a silent one.

    Cost: resampling and one spectrogram; 2 ms for a second of sound. Checked by:
    ``tests/data/gate/test_fingerprint.py``.
    """
    powers = _powers(sound.at(RATE))
    cells = _weights(len(powers)) @ powers
    floor = float(cells.max()) * 10 ** (-DEPTH_DB / 10)
    if floor <= 0 or not np.isfinite(floor):
        return bytes(WIDTH)
    levels = 10 * np.log10(cells + floor)
    levels -= levels.mean(axis=0)
    spread = float(levels.std())
    if spread < STEADY_DB:
        return bytes(WIDTH)
    return bytes(np.clip(np.rint(levels * (_UNIT / spread)), -127, 127).astype(np.int8).tobytes())


def _powers(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the power of each frame in each band, ``(F, BANDS)``, after lifting the high tones."""
    lifted = np.append(samples[:1], samples[1:] - np.float32(0.97) * samples[:-1])
    hop, width = round(_HOP_S * RATE), round(_WINDOW_S * RATE)
    found = [
        np.exp(log_mel(lifted[start : start + _FRAMES * hop + width - hop], RATE, bands=BANDS))
        for start in range(0, max(1, len(lifted) - width + 1), _FRAMES * hop)
    ]
    return np.concatenate(found)


def _weights(frames: int) -> NDArray[np.float32]:
    """Give how much each frame counts in each part, ``(PARTS, F)``.

    Triangles that overlap, so that a copy with a little silence before it is still alike.
    """
    half = max(frames / PARTS, 1.0)
    centres = (np.arange(PARTS) + 0.5) * frames / PARTS - 0.5
    weights = np.maximum(0.0, 1.0 - np.abs(np.arange(frames) - centres[:, None]) / half)
    found: NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def table_keys(prints: Rows) -> NDArray[np.uint32]:
    """Hash ``(N, WIDTH)`` fingerprints to ``(N, TABLES)``: the sides of random planes that they lie on.

    Two fingerprints of correlation r lie on one side of a plane with probability 1 - arccos(r) / pi, 0.92 at
    0.97; a key joins about log2(N) planes, so that a bucket has few rows. What all recordings have in common
    is taken off first.
    """
    count = len(prints)
    if not count:
        return np.empty((0, TABLES), np.uint32)
    bits = int(np.clip(round(np.log2(max(2, count))), 6, 16))
    sample = prints.take(np.unique(np.linspace(0, count - 1, min(count, _CENTRE_ROWS)).astype(np.int64)))
    # Of a few rows the mean is mostly themselves.
    centre = sample.astype(np.float32).mean(axis=0) * (len(sample) / (len(sample) + 100))
    planes = generator(0, "sound planes").standard_normal((WIDTH, TABLES * bits)).astype(np.float32)
    keys = np.empty((count, TABLES), np.uint32)
    powers = (1 << np.arange(bits)).astype(np.uint32)
    for cut in blocks(count):
        rows = prints.take(np.arange(cut.start, cut.stop)).astype(np.float32) - centre
        sides = (rows @ planes > 0).reshape(len(rows), TABLES, bits)
        keys[cut] = sides.astype(np.uint32) @ powers
    return keys
