"""Log-mel spectrograms against plain sums and known tones."""

import numpy as np
import pytest

from crosstune.core.log_mel import log_mel, mel_filters


def _tone(hertz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


@pytest.mark.parametrize("hertz", [300.0, 1_000.0, 3_000.0])
def test_a_tone_is_loudest_in_the_band_whose_centre_is_nearest(hertz: float) -> None:
    found = log_mel(_tone(hertz, 16_000), 16_000, bands=64)
    top = 2595 * np.log10(1 + 8_000 / 700)
    centre = 2595 * np.log10(1 + hertz / 700) / top * 65 - 1
    assert abs(int(found.mean(axis=0).argmax()) - centre) <= 1.0


def test_each_frame_is_what_a_plain_fourier_sum_gives() -> None:
    random = np.random.default_rng(0)
    samples = random.normal(size=400).astype(np.float32)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(200) / 200)
    kernel = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(200)) / 256)
    for frame, start in enumerate(range(0, 201, 80)):
        power = np.abs(kernel @ (samples[start : start + 200] * window)) ** 2 / 50**2
        expected = np.log(np.maximum(power @ mel_filters(8_000, 256, 20), 1e-10))
        np.testing.assert_allclose(log_mel(samples, 8_000, bands=20)[frame], expected, rtol=1e-4, atol=1e-4)


def test_frames_lie_whole_within_the_samples_and_a_short_sound_has_one() -> None:
    assert log_mel(np.zeros(400, np.float32), 8_000).shape == (3, 64)
    assert log_mel(np.zeros(399, np.float32), 8_000).shape == (3, 64)
    assert log_mel(np.zeros(1, np.float32), 8_000).shape == (1, 64)


def test_silence_is_the_floor_and_no_band_is_empty() -> None:
    assert np.allclose(log_mel(np.zeros(800, np.float32), 8_000), np.log(1e-10))
    assert (mel_filters(8_000, 256, 128).sum(axis=0) > 0).all()


def test_twice_the_amplitude_is_four_times_the_power_everywhere() -> None:
    noise = np.random.default_rng(1).normal(size=1_600).astype(np.float32) * 0.1
    difference = log_mel(2 * noise, 16_000) - log_mel(noise, 16_000)
    np.testing.assert_allclose(difference, np.log(4.0), atol=1e-4)
