"""A fingerprint stays with a recording through gain, noise, coding, another rate; others are told apart."""

import io

import numpy as np
import pytest
import soundfile
import soxr

from crosstune.core.sound import Sound
from crosstune.data.gate.alike_sounds import LIKENESS
from crosstune.data.gate.dhash import correlation
from crosstune.data.gate.fingerprint import WIDTH, fingerprint, table_keys
from crosstune.data.gate.rows import Rows
from tests.data.sounding import RATE, Samples, babble, sound_bytes


def printed(samples: Samples, rate: int = RATE) -> np.ndarray:
    found = fingerprint(Sound(samples.astype(np.float32), rate))
    assert len(found) == WIDTH
    return np.frombuffer(found, np.int8).astype(np.float32)[None]


def likeness(one: Samples, other: Samples, rate: int = RATE) -> float:
    return float(correlation(printed(one), printed(other, rate))[0])


def coded(samples: Samples, kind: str) -> Samples:
    return np.asarray(soundfile.read(io.BytesIO(sound_bytes(samples, kind=kind)), dtype="float32")[0])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("seconds", [0.3, 1.0, 5.0])
def test_copies_stay_alike(seed: int, seconds: float) -> None:
    own = babble(seed, seconds=seconds)
    noise = np.random.default_rng(seed).standard_normal(len(own)).astype(np.float32)
    assert likeness(own, 0.02 * own) > 0.999
    assert likeness(own, -own) > 0.999
    assert likeness(own, own + 0.1 * own.std() * noise) > LIKENESS  # 20 dB
    assert likeness(own, coded(own, "MP3")) > LIKENESS
    assert likeness(own, coded(own, "OGG")) > LIKENESS
    for rate in (8_000, 44_100):
        assert likeness(own, soxr.resample(own, RATE, rate), rate) > LIKENESS
    late = np.concatenate([np.zeros(RATE // 100, np.float32), own])
    assert likeness(own, late) > 0.85


def test_others_are_unlike() -> None:
    prints = np.concatenate([printed(babble(seed)) for seed in range(60)])
    prints -= prints.mean(axis=1, keepdims=True)
    prints /= np.linalg.norm(prints, axis=1, keepdims=True)
    assert np.triu(prints @ prints.T, 1).max() < LIKENESS - 0.1


def test_steady_and_silent_sounds_say_nothing() -> None:
    hum = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)
    for samples in (np.zeros(RATE), hum, np.random.default_rng(0).standard_normal(RATE) * 0.1, np.ones(3)):
        assert not printed(samples).any()


def test_a_long_recording_is_looked_at_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    own = babble(7, seconds=3.0)
    whole = printed(own)
    monkeypatch.setattr("crosstune.data.gate.fingerprint._FRAMES", 37)
    assert np.abs(printed(own) - whole).max() <= 1


def test_keys_join_what_is_alike() -> None:
    rows = np.concatenate([printed(babble(seed)) for seed in range(40)])
    noise = np.random.default_rng(0).normal(0, 6, rows.shape)  # a correlation of 0.98
    table = np.concatenate([rows, rows + noise]).round().clip(-127, 127).astype(np.int8)
    keys = table_keys(Rows([table]))
    shared = (keys[:40] == keys[40:]).sum(axis=1)
    assert (shared > 0).all()
    others = (keys[:40, None] == keys[None, :40]).any(axis=2)
    assert others.mean() < 0.5
    assert table_keys(Rows([table[:0]])).shape == (0, keys.shape[1])
