"""Tiny sounds for the tests: babble that is as unlike from seed to seed as two words are, and its copies."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

Samples = NDArray[np.float32]
RATE = 16_000


def babble(seed: int, *, seconds: float = 1.0, rate: int = RATE, peak: float = 0.5) -> Samples:
    """Make a chain of hums and hisses of 60 to 160 ms, each with its own pitch and formants."""
    draw = np.random.default_rng(seed)
    parts, left = [], round(seconds * rate)
    while left > 0:
        size = min(left, int(draw.integers(round(0.06 * rate), round(0.16 * rate))))
        times = np.arange(size) / rate
        pitch = draw.uniform(90, 220)
        tones = np.arange(1, int(min(rate / 2, 7_500) / pitch)) * pitch
        formants = draw.uniform([250, 900, 2_000], [850, 2_400, 3_600])
        levels = sum(np.exp(-(((tones - one) / 180) ** 2)) for one in formants) + 0.003
        voice = (levels[:, None] * np.sin(2 * np.pi * tones[:, None] * times)).sum(axis=0)
        hiss = draw.standard_normal(size) * draw.choice([0.02, 2.0], p=[0.7, 0.3])
        parts.append((voice + hiss) * np.hanning(size) * draw.uniform(0.2, 1.0))
        left -= size
    joined = np.concatenate(parts)
    # On the steps of 16-bit files, so that they hold it exactly.
    steps = np.rint(joined * (32_768 * peak / np.abs(joined).max()))
    result: Samples = (steps / 32_768).astype(np.float32)
    return result


def sound_bytes(samples: Samples, rate: int = RATE, kind: str = "WAV", **options: Any) -> bytes:
    """Encode samples, ``(n,)`` or ``(n, channels)``."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, **options)
    return buffer.getvalue()


def write_sound(path: Path, samples: Samples, rate: int = RATE, kind: str = "WAV", **options: Any) -> Path:
    """Write a file of one format under any name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sound_bytes(samples, rate, kind, **options))
    return path


def sound_folders(root: Path, *, each: int = 6) -> Path:
    """Write ``root/yes`` and ``root/no``, every sound different."""
    for place, name in enumerate(("no", "yes")):
        for number in range(each):
            write_sound(root / name / f"{number}.wav", babble(100 * place + number, seconds=0.4))
    return root
