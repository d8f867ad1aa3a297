"""Random changes of one sound, before anything is made of it: so they fit every model that reads sounds.

SpecAugment (Park 2019) masks a spectrogram; here its masks are made in the sound itself: silence in place of
a stretch of time, and a band of frequencies taken out by a Fourier transform.

Shapes: n samples.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from crosstune.core.sound import Sound

GAIN_DB = 6.0
"""Louder or quieter by at most so much. ASSUMED. Models that even loudness out do not hear it."""
SNR_DB = (10.0, 30.0)
"""Signal to noise: of white noise against the sound's own power. ASSUMED: audible to barely so."""
SHIFT = 0.1
"""Largest move in time, as a share of the length; silence comes in where the sound moved away. ASSUMED."""
SPEED = 0.1
"""Faster or slower by at most so much, pitch and all. PRIOR: 0.9 to 1.1 (Ko 2015)."""
MASKS = 2
"""Masks of time, and of frequency. PRIOR: SpecAugment's strongest policies."""
TIME_MASK = 0.1
"""Longest mask of time, as a share of the length. ASSUMED: SpecAugment allows 0.2 to 1."""
BAND_MASK = 15 / 80
"""Widest mask of frequency, as a share of the mel axis. PRIOR: SpecAugment's for telephone speech."""

Draw = np.random.Generator


def _speed(sound: Sound, draw: Draw) -> Sound:
    """Play it as if it had been recorded at another rate."""
    factor = draw.uniform(1 - SPEED, 1 + SPEED)
    return Sound(Sound(sound.samples, max(1, round(sound.rate * factor))).at(sound.rate), sound.rate)


def _time_shift(sound: Sound, draw: Draw) -> Sound:
    reach = int(SHIFT * len(sound.samples))
    by = int(draw.integers(-reach, reach + 1))
    moved = np.zeros_like(sound.samples)
    if by >= 0:
        moved[by:] = sound.samples[: len(moved) - by]
    else:
        moved[:by] = sound.samples[-by:]
    return Sound(moved, sound.rate)


def _gain(sound: Sound, draw: Draw) -> Sound:
    factor = 10 ** (draw.uniform(-GAIN_DB, GAIN_DB) / 20)
    return Sound((sound.samples * np.float32(factor)).astype(np.float32), sound.rate)


def _noise(sound: Sound, draw: Draw) -> Sound:
    power = float(np.mean(np.square(sound.samples, dtype=np.float64))) if len(sound.samples) else 0.0
    strength = np.sqrt(power / 10 ** (draw.uniform(*SNR_DB) / 10))
    noise = strength * draw.standard_normal(len(sound.samples), dtype=np.float32)
    return Sound((sound.samples + noise).astype(np.float32), sound.rate)


def _masks(sound: Sound, draw: Draw) -> Sound:
    count = len(sound.samples)
    masked = _without_bands(sound.samples, sound.rate, draw)
    for _ in range(MASKS):
        width = int(draw.integers(0, int(TIME_MASK * count) + 1))
        start = int(draw.integers(0, count - width + 1))
        masked[start : start + width] = 0.0
    return Sound(masked, sound.rate)


def _without_bands(samples: NDArray[np.float32], rate: int, draw: Draw) -> NDArray[np.float32]:
    """Take ``MASKS`` bands out of ``(n,)`` samples."""
    spectrum = np.fft.rfft(samples) if len(samples) else np.zeros(0, np.complex128)
    mel = np.log10(1 + np.linspace(0.0, rate / 2, len(spectrum)) / 700)
    share = mel / mel[-1] if len(mel) and mel[-1] else mel
    for _ in range(MASKS):
        width = draw.uniform(0, BAND_MASK)
        low = draw.uniform(0, 1 - width)
        spectrum[(share >= low) & (share < low + width)] = 0.0
    if not len(samples):
        return samples.copy()
    return np.fft.irfft(spectrum, n=len(samples)).astype(np.float32)


CHANGES: Mapping[str, Callable[[Sound, Draw], Sound]] = {
    "speed": _speed,
    "time-shift": _time_shift,
    "gain": _gain,
    "noise": _noise,
    "specaugment": _masks,
}
"""By the name in ``augment``, in the order in which they are made."""
