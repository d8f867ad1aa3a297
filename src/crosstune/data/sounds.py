"""Decoding one sound, or a part of one: capped, complete, mono.

WAV, FLAC, Ogg (Vorbis, Opus) and MP3, by soundfile (libsndfile); no outside program is started. Channels are
averaged; the sample rate stays as it is, since every model wants another one.
"""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from crosstune.core.extras import require
from crosstune.core.sound import EXTRA, Sound
from crosstune.data.content import digest_bytes
from crosstune.data.layout import SOUND_SUFFIXES, suffix_of
from crosstune.data.problems import BAD_PART
from crosstune.data.sound_headers import cut_off, format_of

LONGEST = 30 * 60
"""Seconds that are read as one example. A small FLAC or Ogg file can claim days of silence. Models read half
a minute at a time; half an hour leaves room for whole meetings, and is 350 MB at 48 kHz."""

MOST_SAMPLES = 100_000_000
"""Samples of one channel that are read as one example: 400 MB, half an hour at up to 55 kHz."""

RATES = (1_000, 768_000)
"""Lowest and highest rate that is believed, in samples a second."""

LOUDEST = 16.0
"""Samples beyond this (24 dB above full scale) are not within -1 to 1 at all: another scale, or noise."""

SLACK_S = 0.05
"""Seconds by which a part may end behind its file: manifests are rounded, and coders pad. It ends with it."""

MP3_SLACK = 1152
"""Samples that may be missing at the end of an MP3 file: one frame. Its length is only an estimate where
its first frame does not say it, and many files end within a frame."""

FULL_SCALE, RUN = 0.98, 4
"""Level from which samples are at full scale (8-bit telephone codes end at 0.98), and how many equal ones in
a row make it clipping. ASSUMED: a full-scale sine of 100 Hz at 48 kHz has two."""

_SUFFIXES = {
    "WAV": {".wav", ".wave"}, "FLAC": {".flac"}, "OGG": {".ogg", ".oga", ".opus"}, "MP3": {".mp3"},
}  # fmt: skip
_BLOCK = 1 << 20
"""Samples, over all channels, that are decoded at a time."""

Cell = Mapping[str, Any]
"""A sound in a table: ``{"bytes": bytes | None, "path": str | None}``, for a part of it also ``start`` and
``end``, in seconds."""

Samples = NDArray[np.float32]


class SoundProblem(ValueError):
    """One sound cannot be used; ``code`` and ``reason`` go into ``bad_items.csv``."""

    def __init__(self, code: str, reason: str) -> None:
        """Keep the parts."""
        self.code, self.reason = code, reason
        super().__init__(f"[{code}] {reason}")


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """What a full decode of one sound, or of its part, showed."""

    channels: int
    size: int
    """Bytes of the file."""
    peak: float
    """Largest absolute sample after averaging the channels."""
    clipped: float
    """Share of the samples at full scale in runs, or beyond it, in the channel that has most, in [0, 1]."""
    treatments: tuple[str, ...]
    """``mixed`` (several channels averaged), ``wrong-extension``."""


def looks_like_sound(content: bytes) -> bool:
    """Say whether bytes begin as one of the formats that are read."""
    return format_of(content[:16]) is not None


def decode(cell: Cell | None) -> Sound:
    """Decode a sound, or the part that the cell names, to mono.

    Raises:
        SoundProblem: missing, empty, unreadable, cut off, too long, or a part that is not in the file.
        MissingExtra: ``soundfile`` is not installed.
    """
    with _opened(cell) as (file, _):
        start, count = _span(cell or {}, file)
        return Sound(_mono(file, start, count)[0], file.samplerate)


def examined(cell: Cell | None) -> tuple[Sound, SoundFacts]:
    """Decode a sound fully and say what it is; errors as ``decode``."""
    with _opened(cell) as (file, size):
        start, count = _span(cell or {}, file)
        samples, clipped = _mono(file, start, count, look=True)
        treatments = ("mixed",) if file.channels > 1 else ()
        kind = _family(file.format)
        facts = SoundFacts(
            channels=file.channels,
            size=size,
            peak=max(-float(samples.min()), float(samples.max())),
            clipped=clipped,
            treatments=(*treatments, *_wrong_suffix(kind, cell["path"] if cell else None)),
        )
        return Sound(samples, file.samplerate), facts


def digest_sound(cell: Cell | None, sound: Sound | None = None) -> str:
    """Hash a file by its bytes; a part by its samples, so that a long recording is not read for each part.

    Args:
        cell: the sound.
        sound: what it decodes to, where that is known.

    Raises ``SoundProblem`` where there is nothing to hash.
    """
    if is_part(cell):
        return digest_samples(sound or decode(cell))
    if cell is not None and cell["bytes"] is not None:
        return digest_bytes(cell["bytes"])
    total = hashlib.blake2b(digest_size=16)  # as `digest_bytes`, piece by piece
    with _handle(cell) as handle:
        while block := handle.read(1 << 20):
            total.update(block)
    return total.hexdigest()


def digest_samples(sound: Sound) -> str:
    """Hash rate and samples: equal for a WAV file and the FLAC file that was made of it."""
    return digest_bytes(f"{sound.rate} ".encode() + sound.samples.tobytes())


def is_part(cell: Cell | None) -> bool:
    """Say whether a cell names a part of its file."""
    return cell is not None and (cell.get("start") is not None or cell.get("end") is not None)


@contextmanager
def _handle(cell: Cell | None) -> Iterator[BinaryIO]:
    if cell is None or (cell["bytes"] is None and not cell["path"]):
        raise SoundProblem("missing-file", "the cell is empty")
    if cell["bytes"] is not None:
        yield io.BytesIO(cell["bytes"])
        return
    path = str(cell["path"])
    if "://" in path:
        raise SoundProblem("missing-file", "this is an address; sounds are read from files only")
    try:
        handle = io.FileIO(path)
    except FileNotFoundError:
        raise SoundProblem("missing-file", "there is no such file") from None
    except (OSError, ValueError) as error:
        raise SoundProblem("missing-file", f"the file cannot be opened: {_words(error)}") from None
    with handle:
        yield handle


@contextmanager
def _opened(cell: Cell | None) -> Iterator[tuple[Any, int]]:
    """Open a sound after a look at its first bytes; gives the ``SoundFile`` and the bytes of the file."""
    soundfile = require("soundfile", extra=EXTRA, purpose="reading sounds")
    with _handle(cell) as handle:
        size = handle.seek(0, io.SEEK_END)
        if not size:
            raise SoundProblem("empty-file", "zero bytes")
        handle.seek(0)
        kind = format_of(handle.read(16))
        if kind is None:
            raise SoundProblem("unreadable-sound", f"not one of {', '.join(_SUFFIXES)}")
        if missing := cut_off(handle, kind, size):
            raise SoundProblem("unreadable-sound", f"the file is cut off: {missing}")
        handle.seek(0)
        # By its name where it has one: libsndfile then reads without coming back to Python for each block.
        source = handle if cell is None or cell["bytes"] is not None else str(cell["path"])
        try:
            file = soundfile.SoundFile(source)
        except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
            raise SoundProblem("unreadable-sound", _words(error)) from None
        with file:
            if _family(file.format) not in _SUFFIXES:
                raise SoundProblem("unreadable-sound", f"{file.format} is not one of {', '.join(_SUFFIXES)}")
            yield file, size


def _family(kind: str) -> str:
    return "WAV" if kind in {"WAV", "WAVEX", "RF64"} else kind


def _span(cell: Cell, file: Any) -> tuple[int, int]:  # noqa: ANN401 - a SoundFile
    """Return first frame and number of frames to read; the header is believed only within the caps."""
    rate, frames = file.samplerate, file.frames
    if not RATES[0] <= rate <= RATES[1]:
        raise SoundProblem("unreadable-sound", f"the header claims {rate:,} samples a second")
    first, last = 0, frames
    if is_part(cell):
        first, last = _part(cell, frames / rate, rate)
        last = min(last, frames)
    count = last - first
    if count <= 0:
        raise SoundProblem("empty-sound", "no samples")
    if count > LONGEST * rate:
        raise SoundProblem("sound-too-long", f"{count / rate / 60:,.0f} minutes; the cap is {LONGEST // 60}")
    if count > MOST_SAMPLES:
        raise SoundProblem("sound-too-long", f"{count:,} samples; the cap is {MOST_SAMPLES:,}")
    return first, count


def _part(cell: Cell, seconds: float, rate: int) -> tuple[int, int]:
    start = 0.0 if cell.get("start") is None else float(cell["start"])
    end = seconds if cell.get("end") is None else float(cell["end"])
    if not 0 <= start < end <= seconds + SLACK_S or start >= seconds:
        raise SoundProblem(BAD_PART, f"{start:g} to {end:g} s of a file of {seconds:.2f} s")
    return round(start * rate), round(end * rate)


def _mono(file: Any, first: int, count: int, *, look: bool = False) -> tuple[Samples, float]:  # noqa: ANN401
    """Read frames, average the channels; with ``look`` also give the share that is clipped."""
    channels = file.channels
    samples = np.empty(count, np.float32)
    clipped = np.zeros(channels, np.int64)
    done = 0
    try:
        if first:
            file.seek(first)
        while done < count:
            block = file.read(min(max(1, _BLOCK // channels), count - done), dtype="float32", always_2d=True)
            if not len(block):
                break
            if look:
                clipped += _clipped(block)
            samples[done : done + len(block)] = block[:, 0] if channels == 1 else block.mean(axis=1)
            done += len(block)
    except (RuntimeError, OSError, ValueError) as error:  # soundfile's own errors are RuntimeErrors
        raise SoundProblem(
            "unreadable-sound", f"after {done / file.samplerate:.2f} s: {_words(error)}"
        ) from None
    if 0 < count - done <= (MP3_SLACK if file.format == "MP3" else 0):
        samples, count = samples[:done], done
    if done < count:
        told = f"{done / file.samplerate:.2f} of {count / file.samplerate:.2f} s"
        raise SoundProblem("unreadable-sound", f"the file is cut off: only {told} can be read")
    _check_samples(samples)
    return samples, float(clipped.max()) / count


def _check_samples(samples: Samples) -> None:
    least, most = float(samples.min()), float(samples.max())
    if not (np.isfinite(least) and np.isfinite(most)):
        odd = int((~np.isfinite(samples)).sum())
        raise SoundProblem("bad-samples", f"{odd:,} samples are NaN or infinite")
    if max(-least, most) > LOUDEST:
        raise SoundProblem(
            "bad-samples", f"samples up to {max(-least, most):,.0f}; they should be in -1 to 1"
        )


def _clipped(block: Samples) -> NDArray[np.int64]:
    """Count, in each channel of ``(n, c)``, samples beyond full scale, or at it in a run of equal ones."""
    if float(np.abs(block).max()) < FULL_SCALE:
        return np.zeros(block.shape[1], np.int64)
    marked = np.abs(block) > 1.0
    if len(block) >= RUN:
        starts = len(block) - RUN + 1
        run = np.abs(block[:starts]) >= FULL_SCALE
        for step in range(1, RUN):
            run &= block[step : step + starts] == block[:starts]
        for step in range(RUN):
            marked[step : step + starts] |= run
    found: NDArray[np.int64] = marked.sum(axis=0, dtype=np.int64)
    return found


def _wrong_suffix(kind: str, path: str | None) -> tuple[str, ...]:
    suffix = suffix_of(path) if path else ""
    return ("wrong-extension",) if suffix in SOUND_SUFFIXES - _SUFFIXES[kind] else ()


def _words(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.rpartition(": ")[2] if text.startswith("Error opening") else text  # it repeats the path
    return text if len(text) <= 160 else text[:157] + "..."
