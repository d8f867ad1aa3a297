"""Log-mel spectrograms: what fingerprints, baselines and pictures of sound are made of.

Shapes: n samples, F frames, M mel bands.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

FLOOR = 1e-10
"""Power below which the logarithm no longer falls; -100 dB beside a full-scale sine."""

Floats = NDArray[np.float32]


def log_mel(
    samples: Floats, rate: int, *, bands: int = 64, window_s: float = 0.025, hop_s: float = 0.010
) -> Floats:
    """Give the natural logarithm of the power in each mel band, ``(F, M)``.

    Frames lie whole within the samples, F = 1 + (n - window) // hop; shorter sounds are padded with zeros to
    one frame. Hann windows; triangular bands of equal height on the HTK scale, 2595 log10(1 + f / 700), from
    0 to half the rate. 25 and 10 ms are PRIOR: what speech recognisers use.

    Args:
        samples: ``(n,)``.
        rate: samples a second.
        bands: M.
        window_s: length of a frame, in seconds.
        hop_s: from the start of a frame to that of the next.

    Cost: one FFT for each frame; about 1 ms for a second of sound.
    Checked by: ``tests/core/test_log_mel.py``.
    """
    width, hop = max(2, round(window_s * rate)), max(1, round(hop_s * rate))
    if len(samples) < width:
        samples = np.pad(samples, (0, width - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, width)[::hop]
    size = 1 << (width - 1).bit_length()
    spectrum = np.fft.rfft(frames * _hann(width), n=size, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    # In shares of what a full-scale sine has in its loudest line, so that the floor means the same always.
    power /= (width / 4) ** 2
    mel = power @ mel_filters(rate, size, bands)
    return np.log(np.maximum(mel, FLOOR)).astype(np.float32)


@cache
def _hann(width: int) -> NDArray[np.float32]:
    phase = 2 * np.pi * np.arange(width) / width
    return (0.5 - 0.5 * np.cos(phase)).astype(np.float32)


@cache
def mel_filters(rate: int, size: int, bands: int) -> NDArray[np.float64]:
    """Give the weight of each line of an FFT of ``size`` in each band, ``(size // 2 + 1, bands)``.

    A band that is narrower than the distance of two lines takes the line nearest to its centre, so that no
    band is empty.
    """
    edges = _hertz(np.linspace(0.0, _mel(rate / 2), bands + 2))
    lines = np.arange(size // 2 + 1) * rate / size
    rising = (lines[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - lines[:, None]) / (edges[2:] - edges[1:-1])
    weights: NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    for band in np.flatnonzero(weights.sum(axis=0) == 0.0):
        weights[np.abs(lines - edges[band + 1]).argmin(), band] = 1.0
    return weights


def _mel(hertz: float) -> float:
    return float(2595.0 * np.log10(1.0 + hertz / 700.0))


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hertz: NDArray[np.float64] = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    return hertz
