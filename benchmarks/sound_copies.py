"""How well fingerprints of sounds know copies, and how often they take others for copies.

    python benchmarks/sound_copies.py FOLDER

``FOLDER`` holds WAV, FLAC, Ogg or MP3 files of speech. Printed are, for several thresholds, the share of
copies that reach it, and the number of pairs of different files of like length that do, with their names from
the threshold of the check on: whether those are copies, ears must say. A minute for two hours of sound.
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from crosstune.core.seeding import generator
from crosstune.core.sound import Sound
from crosstune.data.gate.alike_sounds import LENGTH_MS, LENGTH_SHARE, LIKENESS
from crosstune.data.gate.fingerprint import fingerprint
from crosstune.data.layout import SOUND_SUFFIXES
from crosstune.data.sounds import SoundProblem, decode

THRESHOLDS = (0.85, 0.9, LIKENESS)
COPIED = 200
"""Sounds of which copies are made."""


def main() -> None:
    """Read, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    names, sounds = opened(folder)
    prints = np.stack([printed(sound) for sound in sounds])
    changing = np.flatnonzero(prints.any(axis=1))
    prints, names = prints[changing], [names[place] for place in changing]
    sounds = [sounds[place] for place in changing]
    print(
        f"{len(names):,} different sounds that change, {sum(one.seconds for one in sounds) / 3600:.1f} hours"
    )
    draw = generator(0, "sound copies")
    chosen = np.sort(draw.permutation(len(names))[:COPIED])
    print("\n| copies | " + " | ".join(f"at {level}" for level in THRESHOLDS) + " |\n|---|---|---|---|")
    for name, change in changes(draw).items():
        found = (np.stack([printed(change(sounds[place])) for place in chosen]) * prints[chosen]).sum(axis=1)
        print(f"| {name} | " + " | ".join(f"{(found >= level).mean():.3f}" for level in THRESHOLDS) + " |")
    pairs(names, np.array([1000 * one.seconds for one in sounds]), prints)


def opened(folder: Path) -> tuple[list[str], list[Sound]]:
    """Decode every file whose samples no other file has."""
    names, sounds, seen = [], [], set()
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES):
        try:
            sound = decode({"bytes": None, "path": str(path)})
        except SoundProblem as problem:
            print(f"{path.relative_to(folder)}: {problem}")
            continue
        if (content := sound.samples.tobytes()) not in seen:
            seen.add(content)
            names.append(str(path.relative_to(folder)))
            sounds.append(sound)
    return names, sounds


def printed(sound: Sound) -> np.ndarray:
    """Give a fingerprint of mean 0 and length 1; zero for a steady sound."""
    found = np.frombuffer(fingerprint(sound), np.int8).astype(np.float32)
    found = found - found.mean()
    length = float(np.linalg.norm(found))
    return found / length if length else found


def coded(sound: Sound, kind: str, subtype: str | None = None) -> Sound:
    """Encode and decode."""
    buffer = io.BytesIO()
    soundfile.write(buffer, sound.samples, sound.rate, format=kind, subtype=subtype)
    return decode({"bytes": buffer.getvalue(), "path": None})


def noisy(sound: Sound, decibels: float, draw: np.random.Generator) -> Sound:
    """Add white noise, ``decibels`` below the sound."""
    noise = draw.standard_normal(len(sound.samples)) * sound.samples.std() * 10 ** (-decibels / 20)
    return Sound((sound.samples + noise).astype(np.float32), sound.rate)


def changes(draw: np.random.Generator) -> dict[str, Callable[[Sound], Sound]]:
    """Name the ways in which a copy is made."""
    return {
        "a tenth of the gain": lambda one: Sound(one.samples * np.float32(0.1), one.rate),
        "noise at 30 dB": lambda one: noisy(one, 30, draw),
        "noise at 20 dB": lambda one: noisy(one, 20, draw),
        "MP3": lambda one: coded(one, "MP3"),
        "Ogg Vorbis": lambda one: coded(one, "OGG"),
        "8-bit telephone code": lambda one: coded(one, "WAV", "ULAW"),
        "16 kHz": lambda one: Sound(one.at(16_000), 16_000),
        "44.1 kHz": lambda one: Sound(one.at(44_100), 44_100),
        "clipped by 12 dB": lambda one: Sound(np.clip(4 * one.samples, -1, 1), one.rate),
        "50 ms of silence before": lambda one: Sound(np.pad(one.samples, (one.rate // 20, 0)), one.rate),
    }


def pairs(names: list[str], lengths: np.ndarray, prints: np.ndarray) -> None:
    """Count pairs of like length that reach each threshold, and list those that the check would name."""
    likeness = np.triu(prints @ prints.T, 1)
    longer = np.maximum(lengths[:, None], lengths)
    like = np.triu(np.abs(lengths[:, None] - lengths) <= LENGTH_MS + LENGTH_SHARE * longer, 1)
    print(f"\n{like.sum():,} pairs of like length, of {len(names) * (len(names) - 1) // 2:,}; as alike as")
    print("; ".join(f"{level}: {(likeness[like] >= level).sum():,}" for level in THRESHOLDS))
    for one, other in np.argwhere(like & (likeness >= LIKENESS)):
        print(f"  {likeness[one, other]:.3f}  {names[one]} = {names[other]}")


if __name__ == "__main__":
    main()
