"""Good sets of sounds, and the same with planted defects, which must be found."""

import csv
from pathlib import Path

import numpy as np
import soxr

from tests.data.planted import Planted, sentence
from tests.data.sounding import RATE, Samples, babble, sound_bytes, write_sound

SECONDS = 0.5
STARTS = {"train/no": 0, "train/yes": 100, "test/no": 200, "test/yes": 300}
"""Folder to the seed of its first sound."""


def sounds(root: Path) -> Path:
    """Write ``train`` and ``test`` with the classes ``no`` and ``yes``; every sound different."""
    for folder in STARTS:
        for number in range(18 if folder.startswith("train") else 8):
            write_sound(root / folder / f"{number:02d}.wav", good(folder, number))
    return root


def good(folder: str, number: int) -> Samples:
    return babble(STARTS[folder] + number, seconds=SECONDS + 0.02 * (number % 5))


def plant_sounds(root: Path) -> Planted:
    """Plant 25 defects in a set of sounds."""
    sounds(root)
    planted = Planted(root)
    flac = sound_bytes(babble(900), kind="FLAC")
    holes = babble(901)
    holes[50:60] = np.nan
    for name, content, code in (
        ("train/no/zero.wav", b"", "empty-file"),
        ("train/no/none.wav", sound_bytes(np.zeros(0, np.float32)), "empty-sound"),
        ("train/no/half.wav", sound_bytes(babble(902))[:9_000], "unreadable-sound"),
        ("train/yes/half.flac", flac[: len(flac) // 2], "unreadable-sound"),
        ("train/yes/half.ogg", sound_bytes(babble(903), kind="OGG")[:-500], "unreadable-sound"),
        ("train/yes/words.mp3", b"<html>404</html>", "unreadable-sound"),
        ("train/yes/holes.wav", sound_bytes(holes, subtype="FLOAT"), "bad-samples"),
        ("test/no/scale.wav", sound_bytes(babble(904) * 32768, subtype="FLOAT"), "bad-samples"),
        ("test/yes/long.flac", sound_bytes(np.zeros(1_900_000, np.float32), 1_000, "FLAC"), "sound-too-long"),
        ("test/perhaps/0.wav", sound_bytes(babble(905)), "unknown-class"),
    ):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
        planted.bad[name] = code
    _plant_odd(root, planted)
    _plant_copies(root, planted)
    return planted


def _plant_odd(root: Path, planted: Planted) -> None:
    def put(name: str, samples: Samples, rate: int = RATE, kind: str = "WAV") -> str:
        write_sound(root / name, samples, rate, kind)
        return name

    planted.items["clipped-sounds"] = {
        put("train/yes/clipped.wav", np.clip(babble(910, seconds=SECONDS, peak=6.0), -1, 1))
    }
    planted.items["silent-sounds"] = {
        put("train/no/silent.wav", babble(911, seconds=SECONDS, peak=0.0008)),
        put("test/no/nothing.wav", np.zeros(RATE // 2, np.float32)),
    }
    planted.items["wrong-suffix"] = {put("train/no/really.wav", babble(912, seconds=SECONDS), kind="FLAC")}
    planted.items["outlying-lengths"] = {
        put("train/yes/minutes.wav", babble(913, seconds=9.0)),
        put("test/yes/blip.wav", babble(914, seconds=0.05)),
    }
    planted.items["several-rates"] = {
        put("test/yes/telephone.wav", babble(915, seconds=SECONDS, rate=8_000), 8_000)
    }


def _plant_copies(root: Path, planted: Planted) -> None:
    def copy(folder: str, number: int, target: str, samples: Samples | None = None, rate: int = RATE,
             kind: str = "WAV") -> str:  # fmt: skip
        found = good(folder, number) if samples is None else samples
        write_sound(root / target, found, rate, kind)
        return f"{folder}/{number:02d}.wav = {target}"

    draw = np.random.default_rng(0)
    hissing = good("train/no", 12) + 0.003 * draw.standard_normal(len(good("train/no", 12))).astype(
        np.float32
    )
    shrunk = soxr.resample(good("train/yes", 13), RATE, 8_000)
    planted.items["duplicates-across-splits"] = {
        copy("train/no", 1, "test/no/copy.wav"),
        copy("train/yes", 2, "test/yes/samples.flac", kind="FLAC"),
    }
    planted.items["near-duplicates-across-splits"] = {
        copy("train/no", 10, "test/no/quieter.wav", 0.3 * good("train/no", 10)),
        copy("train/yes", 11, "test/yes/coded.mp3", kind="MP3"),
        copy("train/no", 12, "test/no/hissing.wav", hissing),
        copy("train/yes", 13, "test/yes/shrunk.wav", shrunk, rate=8_000),
        copy("train/no", 14, "test/no/coded.ogg", kind="OGG"),
    }
    planted.items["several-rates"].add("test/yes/shrunk.wav")
    planted.items["near-duplicates"] = {copy("train/yes", 15, "train/yes/again.mp3", kind="MP3")}
    both = copy("train/no", 16, "train/yes/both.wav")
    planted.items["duplicates"] = {both}
    left, right = both.split(" = ")
    planted.items["conflicting-targets"] = {f"{left} (no) = {right} (yes)"}


def speech(root: Path) -> Path:
    """Write ``train.csv`` and ``test.csv`` of sounds with what is said in them."""
    for split, start, count in (("train", 0, 20), ("test", 500, 8)):
        with (root / f"{split}.csv").open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["path", "text", "start", "end", "sample_rate"])
            for number in range(start, start + count):
                write_sound(root / "clips" / f"{number}.wav", babble(number, seconds=0.4))
                writer.writerow([f"clips/{number}.wav", sentence(number), "", "", RATE])
    return root


def plant_speech(root: Path) -> Planted:
    """Plant defects that only tables can have."""
    speech(root)
    planted = Planted(root)
    write_sound(root / "clips" / "talk.wav", babble(950, seconds=4.0))

    def add(split: str, row: str) -> str:
        file = root / f"{split}.csv"
        file.write_text(file.read_text() + row + "\r\n")
        return f"{split}.csv:{len(file.read_text().splitlines())}"

    for split, row, code in (
        ("train", "clips/3.wav,,,,16000", "empty-transcript"),
        ("train", "clips/4.wav, ... ,,,16000", "empty-transcript"),
        ("test", "clips/503.wav,   ,,,16000", "empty-transcript"),
        ("train", "clips/gone.wav,nobody is here,,,16000", "missing-file"),
        ("train", "clips/talk.wav,it ends too late,3.5,4.5,16000", "bad-part"),
        ("train", "clips/talk.wav,it runs backwards,2.5,1.5,16000", "bad-part"),
        ("test", "clips/talk.wav,minutes and seconds,0:01,0:02,16000", "bad-part"),
    ):
        planted.bad[add(split, row)] = code
    first = add("train", "clips/talk.wav,first part of a talk,0.0,0.5,16000")
    other = add("test", "clips/talk.wav,first part again,0.0,0.5,16000")
    planted.items["duplicates-across-splits"] = {f"{first} = {other}"}
    planted.items["undeclared-group"] = {str(root.absolute() / "clips" / "talk.wav")}
    planted.items["conflicting-targets"] = {f"{first} (first part of a talk) = {other} (first part again)"}
    write_sound(root / "clips" / "odd.wav", babble(951, seconds=0.4))
    planted.items["wrong-rate"] = {add("train", "clips/odd.wav,another rate than it says,,,44100")}
    for number, split, code, words in (
        (952, "train", "rare-characters", "press 7"),
        (953, "test", "unseen-characters", "press 9"),
    ):
        write_sound(root / "clips" / f"{number}.wav", babble(number, seconds=0.4))
        planted.items[code] = {f"{add(split, f'clips/{number}.wav,{words},,,16000')} ({words[-1]})"}
    return planted
