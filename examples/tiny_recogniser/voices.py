"""Sentences to speech: flite and espeak-ng, then the channel of a telephone and some noise.

What an utterance sounds like depends on (seed, its number) alone, so that a broken run goes on where it was.
Shapes: n samples.
"""

import io
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

RATE = 8_000
"""Samples a second of everything that is written: that of a telephone."""

FLITE = ("slt", "rms", "awb", "kal16")
ESPEAK = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland")
VARIANTS = ("", "+m1", "+m3", "+m5", "+m7", "+f1", "+f2", "+f3", "+f4", "+f5", "+klatt", "+klatt4")
FLITE_SHARE = 0.75
"""Of the utterances; its voices were cut from recordings of people, espeak-ng's are formulas."""

SIZES = (0.88, 1.14)
"""Range by which frequencies of a voice of flite are multiplied, uniform: it has four voices, and speakers
differ by the length of their vocal tract (Jaitly & Hinton 2013, VTLP). Its speed is kept."""

NOISE_DB = (12.0, 45.0)
"""Range of the signal to noise ratio, uniform."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How one utterance is spoken."""

    voice: str
    command: tuple[str, ...]
    """Without the text; ``{out}`` stands for the file."""
    size: float = 1.0
    """By what all frequencies are multiplied afterwards, which makes it as much faster."""


def manner(random: np.random.Generator) -> Manner:
    """Draw a voice, its speed and its pitch."""
    if random.random() < FLITE_SHARE:
        voice, stretch, size = str(random.choice(FLITE)), random.uniform(0.9, 1.4), random.uniform(*SIZES)
        rest = ("--setf", f"duration_stretch={stretch * size:.2f}", "-o", "{out}", "-t")
        return Manner(voice=f"flite-{voice}", command=("flite", "-voice", voice, *rest), size=size)
    voice = f"{random.choice(ESPEAK)}{random.choice(VARIANTS)}"
    words, pitch = int(random.integers(110, 175)), int(random.integers(25, 75))
    rest = ("-s", str(words), "-p", str(pitch), "-w", "{out}", "--")
    return Manner(voice=f"espeak-{voice}", command=("espeak-ng", "-v", voice, *rest))


def speak(text: str, how: Manner) -> Floats:
    """Synthesise at ``RATE``; raises ``RuntimeError`` with what the program said where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.wav")
        command = [out if part == "{out}" else part for part in how.command] + [text]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not Path(out).exists():
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
        samples, rate = soundfile.read(out, dtype="float32")
    return np.asarray(soxr.resample(trimmed(samples), rate * how.size, RATE), dtype=np.float32)


def trimmed(samples: Floats, share: float = 0.01) -> Floats:
    """Cut the silence at both ends."""
    loud = np.flatnonzero(np.abs(samples) > share * np.abs(samples).max(initial=1e-9))
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


def telephone(clean: Floats, random: np.random.Generator) -> Floats:
    """Pad, filter, add noise, set the level, and quantise: each drawn anew."""
    around = [np.zeros(int(random.uniform(0.02, 0.4) * RATE), np.float32) for _ in range(2)]
    samples = np.concatenate([around[0], clean, around[1]])
    noise = coloured(len(samples), random.uniform(0.0, 1.5), random)
    ratio = 10 ** (random.uniform(*NOISE_DB) / 20)
    samples = samples + noise * (_level(clean) / (ratio * max(_level(noise), 1e-9)))
    if random.random() < 0.7:
        samples = band(samples, random.uniform(150, 350), random.uniform(3_000, 3_800))
    samples = samples * (10 ** (random.uniform(-12, -1) / 20) / max(np.abs(samples).max(initial=0.0), 1e-9))
    return companded(samples) if random.random() < 0.5 else samples.astype(np.float32)


def coloured(count: int, slope: float, random: np.random.Generator) -> Floats:
    """Make noise whose power falls with the frequency to the power of ``slope``: 0 white, 1 pink."""
    spectrum = np.fft.rfft(random.normal(size=count))
    lines = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 50.0)
    return np.fft.irfft(spectrum / lines ** (slope / 2), count).astype(np.float32)


def band(samples: Floats, low: float, high: float) -> Floats:
    """Let frequencies between ``low`` and ``high`` pass; others fall by 24 dB an octave."""
    lines = np.maximum(np.fft.rfftfreq(len(samples), 1 / RATE), 1.0)
    gain = 1 / np.sqrt((1 + (low / lines) ** 8) * (1 + (lines / high) ** 8))
    return np.fft.irfft(np.fft.rfft(samples) * gain, len(samples)).astype(np.float32)


def companded(samples: Floats) -> Floats:
    """Pass through the u-law of telephones (8 bits a sample)."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, subtype="ULAW", format="WAV")
    buffer.seek(0)
    return np.asarray(soundfile.read(buffer, dtype="float32")[0])


def _level(samples: Floats) -> float:
    return float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
