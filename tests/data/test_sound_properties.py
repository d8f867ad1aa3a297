"""Simple properties of sounds against what they were made with."""

import numpy as np
import pytest

from crosstune.core.sound import Sound
from crosstune.data.sound_properties import NAMES, sound_properties

RATE = 8_000
RANDOM = np.random.default_rng(0)


def _noise(seconds: float = 1.0) -> np.ndarray:
    return (0.1 * RANDOM.standard_normal(int(seconds * RATE))).astype(np.float32)


def test_length_loudness_and_bandwidth_are_what_was_made() -> None:
    tone = np.sin(2 * np.pi * 1_000 * np.arange(2 * RATE) / RATE).astype(np.float32)
    found = sound_properties([Sound(tone, RATE), Sound(0.1 * tone, RATE), Sound(_noise(), RATE)])
    assert set(found) == set(NAMES)
    assert found["seconds"].tolist() == [2.0, 2.0, 1.0]
    assert found["loudness"][0] - found["loudness"][1] == pytest.approx(20.0, abs=0.1)
    assert found["bandwidth"][0] == pytest.approx(1_000, abs=2)
    assert found["bandwidth"][2] == pytest.approx(0.99 * RATE / 2, rel=0.02)


def test_noise_is_high_where_nothing_is_ever_silent() -> None:
    speech = _noise() * (np.arange(RATE) // 1_000 % 2)
    found = sound_properties([Sound(_noise(), RATE), Sound(speech.astype(np.float32), RATE)])
    assert found["noise"][0] > -6
    assert found["noise"][1] < -30


def test_silence_has_a_level() -> None:
    found = sound_properties([Sound(np.zeros(RATE, np.float32), RATE)])
    assert all(np.isfinite(values).all() for values in found.values())
