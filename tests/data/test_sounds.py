"""Decoding sounds: complete, capped, mono; parts; every defect has its code."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosstune.core.errors import MissingExtra
from crosstune.data import sounds
from crosstune.data.content import digest_bytes
from crosstune.data.sounds import SoundProblem, decode, digest_sound, examined, looks_like_sound
from tests.data.sounding import RATE, babble, sound_bytes, write_sound


def cell(content: bytes | None = None, path: Path | None = None, **part: float | None) -> dict[str, Any]:
    return {"bytes": content, "path": None if path is None else str(path), **part}


def code_of(given_cell: dict[str, Any] | None) -> tuple[str, str]:
    with pytest.raises(SoundProblem) as caught:
        decode(given_cell)
    return caught.value.code, caught.value.reason


def test_lossless_formats_give_the_same_samples_from_bytes_and_from_a_file(tmp_path: Path) -> None:
    expected = babble(1)
    for kind in ("WAV", "FLAC"):
        content = sound_bytes(expected, kind=kind, subtype="PCM_16")
        path = write_sound(tmp_path / f"a.{kind.lower()}", expected, kind=kind, subtype="PCM_16")
        for found in (decode(cell(content)), decode(cell(path=path))):
            assert (found.rate, found.samples.dtype) == (RATE, np.float32)
            assert np.array_equal(found.samples, expected)


@pytest.mark.parametrize(("kind", "least"), [("MP3", 0.98), ("OGG", 0.98)])
def test_lossy_formats_keep_length_and_shape(kind: str, least: float) -> None:
    samples = babble(2)
    found = decode(cell(sound_bytes(samples, kind=kind))).samples
    assert len(found) == len(samples)
    assert np.corrcoef(found, samples)[0, 1] > least


def test_channels_are_averaged_and_said() -> None:
    both = np.stack([babble(3), babble(4)], axis=1)
    sound, facts = examined(cell(sound_bytes(both, subtype="FLOAT")))
    assert np.allclose(sound.samples, both.mean(axis=1))
    assert (facts.channels, facts.treatments) == (2, ("mixed",))


def test_a_part_is_read_alone(tmp_path: Path) -> None:
    samples = babble(5, seconds=2.0)
    path = write_sound(tmp_path / "a.flac", samples, kind="FLAC")
    whole = decode(cell(path=path)).samples
    part = decode(cell(path=path, start=0.5, end=1.25)).samples
    assert np.array_equal(part, whole[RATE // 2 : RATE * 5 // 4])
    assert np.array_equal(decode(cell(path=path, start=1.5, end=None)).samples, whole[RATE * 3 // 2 :])
    assert np.array_equal(decode(cell(path=path, start=None, end=0.5)).samples, whole[: RATE // 2])
    assert len(decode(cell(path=path, start=1.0, end=2.04)).samples) == RATE  # rounded by its maker


@pytest.mark.parametrize(("start", "end"), [(-0.1, 0.5), (0.5, 0.5), (0.6, 0.5), (0.0, 1.2), (1.0, 1.04)])
def test_a_part_must_lie_in_its_file(start: float, end: float) -> None:
    code, reason = code_of(cell(sound_bytes(babble(6)), start=start, end=end))
    assert code == "bad-part"
    assert "of a file of 1.00 s" in reason


def test_what_cannot_be_read_has_a_code(tmp_path: Path) -> None:
    assert code_of(None)[0] == "missing-file"
    assert code_of(cell())[0] == "missing-file"
    assert code_of(cell(path=tmp_path / "gone.wav")) == ("missing-file", "there is no such file")
    assert code_of({"bytes": None, "path": "https://a.example/b.wav"})[0] == "missing-file"
    assert code_of(cell(path=tmp_path))[0] == "missing-file"
    assert code_of(cell(b""))[0] == "empty-file"
    assert code_of(cell(b"this is no sound")) == ("unreadable-sound", "not one of WAV, FLAC, OGG, MP3")
    assert code_of(cell(sound_bytes(np.zeros(0, np.float32)))) == ("empty-sound", "no samples")
    assert code_of(cell(sound_bytes(babble(7), kind="AIFF")))[0] == "unreadable-sound"


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_file_that_breaks_off_is_unreadable(kind: str, share: float, tmp_path: Path) -> None:
    content = sound_bytes(babble(8, seconds=2.0), kind=kind)
    cut = content[: round(share * len(content))]
    assert code_of(cell(cut))[0] == "unreadable-sound"
    path = tmp_path / "cut"
    path.write_bytes(cut)
    assert code_of(cell(path=path))[0] == "unreadable-sound"


def test_an_mp3_file_may_end_within_a_frame() -> None:
    content = sound_bytes(babble(8, seconds=2.0), kind="MP3")
    found = decode(cell(content[:-100])).samples
    assert 2 * RATE - sounds.MP3_SLACK <= len(found) <= 2 * RATE


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_samples_must_be_numbers(odd: float) -> None:
    samples = babble(9)
    samples[1_000:1_003] = odd
    code, reason = code_of(cell(sound_bytes(samples, subtype="FLOAT")))
    assert (code, reason) == ("bad-samples", "3 samples are NaN or infinite")


def test_samples_on_another_scale_are_refused() -> None:
    code, reason = code_of(cell(sound_bytes(babble(10) * 32768, subtype="FLOAT")))
    assert code == "bad-samples"
    assert "should be in -1 to 1" in reason


def test_the_header_is_asked_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    content = sound_bytes(np.zeros(40 * 60 * 1_000, np.float32), 1_000, "FLAC")
    assert len(content) < 30_000  # forty minutes
    monkeypatch.setattr(sounds, "_mono", None)
    assert code_of(cell(content)) == ("sound-too-long", "40 minutes; the cap is 30")
    monkeypatch.setattr(sounds, "MOST_SAMPLES", 1_000)
    assert code_of(cell(sound_bytes(babble(11)))) == ("sound-too-long", "16,000 samples; the cap is 1,000")


def test_a_part_of_a_file_over_the_cap_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "LONGEST", 1)
    content = sound_bytes(babble(12, seconds=2.0))
    assert code_of(cell(content))[0] == "sound-too-long"
    assert decode(cell(content, start=0.5, end=1.0)).seconds == 0.5


def test_a_rate_that_no_recorder_has_is_refused() -> None:
    assert code_of(cell(sound_bytes(babble(13), 999)))[0] == "unreadable-sound"


def test_clipping_counts_runs_at_full_scale_only() -> None:
    def clipped(samples: np.ndarray, **options: Any) -> float:
        return examined(cell(sound_bytes(samples.astype(np.float32), **options)))[1].clipped

    time = np.arange(RATE) / RATE
    loud = np.sin(2 * np.pi * 440 * time)
    assert clipped(loud) == 0.0
    assert clipped(np.clip(1.5 * loud, -1, 1)) > 0.3
    assert clipped(1.5 * loud, subtype="FLOAT") > 0.3
    quiet = np.zeros((RATE, 2))
    quiet[:, 1] = np.clip(1.5 * loud, -1, 1)
    assert clipped(quiet) > 0.3  # one channel of two
    assert clipped(np.clip(1.5 * loud, -1, 1), subtype="ULAW") > 0.3
    assert clipped(babble(14, peak=0.97)) == 0.0


def test_a_suffix_that_lies_is_said(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "a.wav", babble(15), kind="FLAC")
    assert examined(cell(path=path))[1].treatments == ("wrong-extension",)
    assert examined(cell(path=write_sound(tmp_path / "b.wav", babble(15))))[1].treatments == ()


def test_a_whole_file_is_hashed_by_its_bytes_and_a_part_by_its_samples(tmp_path: Path) -> None:
    content = sound_bytes(babble(16))
    path = write_sound(tmp_path / "a.wav", babble(16))
    assert digest_sound(cell(content)) == digest_sound(cell(path=path)) == digest_bytes(content)
    flac = sound_bytes(babble(16), kind="FLAC")
    parts = [digest_sound(cell(one, start=0.1, end=0.6)) for one in (content, flac)]
    assert parts[0] == parts[1] != digest_bytes(content)
    assert digest_sound(cell(content, start=0.1, end=0.7)) != parts[0]


def test_a_sound_is_told_by_its_first_bytes() -> None:
    for kind in ("WAV", "FLAC", "OGG", "MP3"):
        assert looks_like_sound(sound_bytes(babble(17), kind=kind)), kind
    others = (b"", b"\xff\xd8\xff\xe0JFIF", b"\x89PNG", b"RIFF\0\0\0\0AVI ", b"\xff\xfe<\0t\0", b"\xff" * 8)
    for other in others:
        assert not looks_like_sound(other)


def test_without_the_extra_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosstune.core.extras.installed", lambda _: False)
    with pytest.raises(MissingExtra, match=r"crosstune\[sound\]"):
        decode(cell(sound_bytes(babble(18))))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_bytes_are_sounds_or_problems_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["WAV", "FLAC", "OGG"]))
    content = bytearray(sound_bytes(babble(19, seconds=0.1), kind=kind))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = decode(cell(bytes(content[: data.draw(st.integers(1, len(content)))])))
    except SoundProblem:
        return
    else:
        assert np.isfinite(found.samples).all()
        assert found.samples.ndim == 1
        assert len(found.samples)
