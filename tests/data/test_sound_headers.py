"""What first and last bytes say: the format, and whether the end is missing."""

import io

import pytest

from crosstune.data.sound_headers import cut_off, format_of
from tests.data.sounding import babble, sound_bytes


def said(content: bytes) -> str:
    return cut_off(io.BytesIO(content), format_of(content) or "", len(content))


@pytest.mark.parametrize("kind", ["WAV", "OGG", "FLAC", "MP3"])
def test_whole_files_lack_nothing(kind: str) -> None:
    content = sound_bytes(babble(1, seconds=0.3), kind=kind)
    assert format_of(content[:16]) == kind
    assert said(content) == ""


def test_a_cut_wav_file_says_how_much_is_missing() -> None:
    content = sound_bytes(babble(1, seconds=0.5), subtype="PCM_16")
    assert said(content[:-6_000]) == "6,000 of 16,000 bytes of samples are missing"
    assert said(content[:30]) == "it has no samples"


def test_a_size_that_its_writer_could_not_know_is_no_defect() -> None:
    content = bytearray(sound_bytes(babble(1, seconds=0.5), subtype="PCM_16"))
    place = content.index(b"data") + 4
    content[place : place + 4] = b"\xff" * 4
    assert said(bytes(content)) == ""


def test_chunks_before_the_samples_are_stepped_over() -> None:
    content = sound_bytes(babble(1, seconds=0.5), subtype="PCM_16")
    place = content.index(b"data")
    longer = content[:place] + b"LIST\x05\0\0\0abcde\0" + content[place:]
    assert said(longer) == ""
    assert said(longer[:-2]).startswith("2 of")


def test_an_ogg_file_ends_with_a_whole_page() -> None:
    content = sound_bytes(babble(1, seconds=0.5), kind="OGG")
    assert said(content[:-1]) == "its last page breaks off"
    assert said(content + b"TAG" + bytes(125)) == ""  # what taggers append


def test_a_file_of_endless_chunks_is_left_soon() -> None:
    assert said(b"RIFF\0\0\0\0WAVE" + b"junk\0\0\0\0" * 100_000) == ""
