"""Which sounds are copies: by samples, by fingerprint and length."""

import numpy as np
import pytest

from crosstune.core.sound import Sound
from crosstune.data.gate import alike_sounds
from crosstune.data.gate.alike_sounds import sound_twins
from crosstune.data.gate.fingerprint import fingerprint
from crosstune.data.gate.inputs import Inputs
from crosstune.data.gate.sounds import MEASURES
from tests.data.sounding import RATE, Samples, babble


def looked(*sounds: Samples, keys: tuple[int, ...] = ()) -> Inputs:
    found = Inputs(MEASURES)
    for place, samples in enumerate(sounds):
        key = keys[place] if keys else int(abs(float(samples.sum())) * 1e6) + place
        length = round(1000 * len(samples) / RATE)
        found.add("", (length, RATE, 0, 0, 0, 0, key, 0), None)
        found.prints += fingerprint(Sound(samples, RATE))
    return found


def pairs(inputs: dict[str, Inputs]) -> tuple[list[list[int]], list[list[int]]]:
    count = sum(map(len, inputs.values()))
    twins, near, skipped = sound_twins(inputs, np.arange(count), lambda _: [])
    assert skipped == 0
    return twins.tolist(), near.tolist()


def test_copies_are_found_across_splits_and_within() -> None:
    own = [babble(seed) for seed in range(30)]
    quiet = [0.5 * own[3] + 0.001, 0.2 * own[7]]
    twins, near = pairs(
        {"train": looked(*own, keys=tuple(range(30))), "test": looked(own[5], *quiet, keys=(5, 98, 99))}
    )
    assert twins == [[5, 30]]
    assert sorted(near) == [[3, 31], [7, 32]]


def test_recordings_of_other_lengths_are_no_copies() -> None:
    own = babble(1, seconds=2.0)
    slower = np.interp(np.arange(0, len(own), 0.9), np.arange(len(own)), own).astype(np.float32)
    assert pairs({"all": looked(own, slower)}) == ([], [])
    assert pairs({"all": looked(own, own[: len(own) - 200])})[1] == [[0, 1]]


def test_steady_sounds_are_compared_by_their_samples_only() -> None:
    hums = [np.sin(np.arange(RATE) * pitch).astype(np.float32) for pitch in (0.1, 0.2, 0.1)]
    assert pairs({"all": looked(*hums, keys=(1, 2, 1))}) == ([[0, 2]], [])


def test_pairs_beyond_the_cap_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    own = babble(2)
    monkeypatch.setattr(alike_sounds, "MOST_COMPARED", 1)
    copies = looked(own, 0.9 * own, 0.8 * own, keys=(1, 2, 3))
    _, near, skipped = sound_twins({"all": copies}, np.arange(3), lambda _: [])
    assert (len(near), skipped) == (1, 2)


def test_nothing_to_compare() -> None:
    assert pairs({"all": looked(babble(1))}) == ([], [])
    assert pairs({"all": looked()}) == ([], [])
