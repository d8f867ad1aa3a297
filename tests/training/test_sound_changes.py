"""Augmentation of sounds: each change does what its table says, drawn from (seed, epoch, example) only."""

import numpy as np
import pytest

from crosstune.core.settings import AUGMENTATIONS, MIXING
from crosstune.core.sound import Sound
from crosstune.training.augment import ON_EXAMPLES, Augmenter, names
from crosstune.training.errors import NoSuchAugmentation
from crosstune.training.sound_changes import CHANGES, GAIN_DB, SHIFT, SNR_DB, SPEED, TIME_MASK
from tests.support.tiny import random_sounds

RATE = 8000
NOISE = Sound(np.random.default_rng(0).normal(size=RATE).astype(np.float32), RATE)


def changed(name: str, sound: Sound, count: int = 60) -> list[Sound]:
    return [Augmenter((name,), 0)(sound, 0, index) for index in range(count)]


@pytest.mark.parametrize("name", CHANGES)
def test_a_sound_changes_the_same_way_in_any_batch_and_is_not_written_into(name: str) -> None:
    sounds = [*random_sounds(3), Sound(np.zeros(0, np.float32), RATE), Sound(np.ones(1, np.float32), RATE)]
    before = [one.samples.copy() for one in sounds]
    augmenter = Augmenter((name,), 5)
    forwards = augmenter.variant(1)(sounds, range(5))
    backwards = augmenter.variant(1)(sounds[::-1], range(4, -1, -1))
    for one, other, sound, kept in zip(forwards, backwards[::-1], sounds, before, strict=True):
        assert np.array_equal(one.samples, other.samples)
        assert np.array_equal(sound.samples, kept)
        assert (one.samples.dtype, one.rate) == (np.float32, sound.rate)
    assert len({one.samples.tobytes() for one in changed(name, sounds[0], 4)}) == 4
    assert augmenter(sounds[0], 0, 0).samples.tobytes() != augmenter(sounds[0], 1, 0).samples.tobytes()


def test_gain_is_within_its_decibels() -> None:
    found = [20 * np.log10(one.samples[0] / NOISE.samples[0]) for one in changed("gain", NOISE)]
    assert -GAIN_DB <= min(found) < -3 < 3 < max(found) <= GAIN_DB


def test_noise_has_the_stated_ratio() -> None:
    found = [
        10 * np.log10(np.mean(NOISE.samples**2) / np.mean((one.samples - NOISE.samples) ** 2))
        for one in changed("noise", NOISE)
    ]
    assert SNR_DB[0] - 0.3 < min(found) < 15 < 25 < max(found) < SNR_DB[1] + 0.3
    silence = Sound(np.zeros(100, np.float32), RATE)
    assert not changed("noise", silence, 1)[0].samples.any()


def test_a_shift_moves_by_a_tenth_at_most_and_brings_silence_in() -> None:
    pulse = np.zeros(1000, np.float32)
    pulse[500] = 1.0
    places = [int(one.samples.argmax()) for one in changed("time-shift", Sound(pulse, RATE))]
    assert 500 - SHIFT * 1000 <= min(places) < 450 < 550 < max(places) <= 500 + SHIFT * 1000
    moved = changed("time-shift", NOISE, 1)[0].samples
    assert (moved[:1] == 0) | (moved[-1:] == 0)


def test_speed_changes_length_and_pitch_together() -> None:
    time = np.arange(RATE) / RATE
    tone = Sound(np.sin(2 * np.pi * 500 * time).astype(np.float32), RATE)
    for one in changed("speed", tone, 20):
        factor = RATE / len(one.samples)
        assert 1 - SPEED - 0.001 <= factor <= 1 + SPEED + 0.001
        spectrum = np.abs(np.fft.rfft(one.samples * np.hanning(len(one.samples))))
        heard = spectrum.argmax() * RATE / len(one.samples)
        assert heard == pytest.approx(500 * factor, abs=2.0)


def test_specaugment_silences_stretches_and_takes_bands_out() -> None:
    zeros, quiet = [], []
    whole = np.abs(np.fft.rfft(NOISE.samples))
    for one in changed("specaugment", NOISE, 40):
        zeros.append(int((one.samples == 0).sum()))
        assert len(one.samples) == len(NOISE.samples)
        smooth = np.convolve(np.abs(np.fft.rfft(one.samples)) / whole.mean(), np.ones(60) / 60, "valid")
        quiet.append(float((smooth < 0.5).mean()))
    assert 0 < max(zeros) <= 2 * TIME_MASK * RATE
    assert max(quiet) > 0.1
    assert max(quiet) < 0.9


def test_names_belong_to_their_data() -> None:
    every = {name for table in ON_EXAMPLES.values() for name in table} | set(MIXING)
    assert every == set(AUGMENTATIONS)
    assert names("gain+specaugment", modality="audio") == ("gain", "specaugment")
    with pytest.raises(NoSuchAugmentation, match=r"flip: for pictures.*`audio`") as caught:
        names("flip+gain", modality="audio")
    assert "leave out flip" in str(caught.value)
    with pytest.raises(NoSuchAugmentation, match=r"gain: for sounds.*`image`"):
        names("gain", modality="image")
    with pytest.raises(NoSuchAugmentation, match="augment=none"):
        names("gain", modality="text")
    with pytest.raises(NoSuchAugmentation, match="mixup"):
        names("mixup", modality="audio")
