"""Sounds: rates and durations."""

import numpy as np
import pytest

from crosstune.core.sound import Sound


def test_a_tone_keeps_its_frequency_and_strength_at_another_rate() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(8_000) / 8_000).astype(np.float32)
    sound = Sound(tone, 8_000)
    changed = sound.at(16_000)
    assert sound.seconds == 1.0
    assert len(changed) == 16_000
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(changed[1_000:-1_000], expected[1_000:-1_000], atol=2e-3)


def test_frequencies_above_the_new_half_rate_are_gone() -> None:
    tone = np.sin(2 * np.pi * 7_000 * np.arange(16_000) / 16_000).astype(np.float32)
    assert np.abs(Sound(tone, 16_000).at(8_000)[500:-500]).max() < 1e-3


def test_the_own_rate_copies_nothing() -> None:
    samples = np.zeros(10, np.float32)
    assert Sound(samples, 8_000).at(8_000) is samples


@pytest.mark.parametrize(("count", "rate", "other"), [(1, 8_000, 16_000), (441, 44_100, 16_000)])
def test_short_sounds_keep_their_duration(count: int, rate: int, other: int) -> None:
    changed = Sound(np.ones(count, np.float32), rate).at(other)
    assert len(changed) == pytest.approx(count * other / rate, abs=1)
