"""What the first and last bytes of a sound file say: its format, and whether its end is missing.

libsndfile reads a WAV or Ogg file that breaks off without a word, as if it ended there.
"""

import io
from typing import BinaryIO, Literal

_UNKNOWN = 0x7FFFF000
"""Sizes from here on are written by programs that could not know the size: they wrote to a pipe."""

_MOST_CHUNKS = 1_000
_PAGE = 27 + 255 + 255 * 255
"""Bytes of the largest Ogg page."""


def format_of(head: bytes) -> str | None:
    """Return ``WAV``, ``FLAC``, ``OGG`` or ``MP3`` by the first 12 bytes or more, or ``None``."""
    if head[:4] in {b"RIFF", b"RIFX", b"RF64"} and head[8:12] == b"WAVE":
        return "WAV"
    if head[:4] == b"fLaC":
        return "FLAC"
    if head[:4] == b"OggS":
        return "OGG"
    return "MP3" if head[:3] == b"ID3" or _is_mpeg_frame(head[:4]) else None


def _is_mpeg_frame(head: bytes) -> bool:
    """Eleven ones, a version that exists, layer III, a bit rate and a sample rate that exist."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bit_rate, rate = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in {0, 15} and rate != 3


def cut_off(handle: BinaryIO, kind: str, size: int) -> str:
    """Say in words what is missing at the end of a file of ``size`` bytes; empty where nothing is.

    FLAC and MP3 are not looked at: of those the decoder gives fewer samples than the header says.
    Checked by: ``tests/data/test_sound_headers.py``.
    """
    if kind == "WAV":
        return _missing_samples(handle, size)
    return _missing_page(handle, size) if kind == "OGG" else ""


def _missing_samples(handle: BinaryIO, size: int) -> str:
    handle.seek(0)
    order: Literal["big", "little"] = "big" if handle.read(4) == b"RIFX" else "little"
    place = 12
    for _ in range(_MOST_CHUNKS):
        handle.seek(place)
        head = handle.read(8)
        if len(head) < 8:
            return "it has no samples"
        length = int.from_bytes(head[4:], order)
        place += 8
        if head[:4] == b"data":
            short = place + length - size
            wrong = short > 0 and length < _UNKNOWN
            return f"{short:,} of {length:,} bytes of samples are missing" if wrong else ""
        place += length + length % 2
    return ""


def _missing_page(handle: BinaryIO, size: int) -> str:
    """Every page says how long it is; the last one must end where the file ends, or before."""
    handle.seek(max(0, size - _PAGE))
    tail = handle.read(_PAGE)
    start = tail.rfind(b"OggS")
    if start < 0:
        return "it has no last page"
    page = io.BytesIO(tail[start:])
    head = page.read(27)
    sizes = page.read(head[26]) if len(head) == 27 else b""
    whole = len(head) == 27 and len(sizes) == head[26] and len(page.read()) >= sum(sizes)
    return "" if whole else "its last page breaks off"
