"""Sounds."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset
from numpy.typing import NDArray

from crosstune.core.progress import Reporter
from crosstune.core.sound import Sound
from crosstune.data.cells import Made, file_cells, file_column
from crosstune.data.gate.alike_sounds import sound_twins
from crosstune.data.gate.finding import NOTE, Finding
from crosstune.data.gate.inputs import Fetch, Found, Inputs, Origins
from crosstune.data.gate.sounds import (
    MILLISECONDS,
    PEAK,
    RATE,
    SIZE,
    look_at_sounds,
    odd_sounds,
    sound_findings,
)
from crosstune.data.kinds.files import most_are_files
from crosstune.data.layout import SOUND_SUFFIXES, suffix_of
from crosstune.data.sound_parts import with_parts
from crosstune.data.sounds import decode, digest_sound, looks_like_sound
from crosstune.data.store import column
from crosstune.data.threads import each_in_order


class Sounds:
    """Sounds, decoded to mono; measures of a row: see ``gate/sounds.py``."""

    name = "audio"
    plural = "sounds"
    column = "audio"
    suffixes = SOUND_SUFFIXES
    in_files = True
    columns: tuple[str, ...] = (
        "audio", "sound", "wav", "path", "file", "file_name", "filename", "filepath", "audio_path",
        "audio_file", "audio_filepath", "wav_path", "recording", "clip", "speech", "utterance",
    )  # fmt: skip

    def claims(self, kind: pa.DataType, sample: Sequence[Any]) -> bool:
        """Cells or bytes of which some are a sound; paths most of which end as sounds."""
        if pa.types.is_struct(kind):
            return {"bytes", "path"} <= {field.name for field in kind} and any(map(_is_sound, sample))
        if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            return any(looks_like_sound(value) for value in sample)
        return most_are_files(kind, sample, self.suffixes)

    def cells(self, dataset: Dataset, name: str, folder: Path | None, taken: Collection[str]) -> Made:
        """Make ``{"bytes", "path"}`` cells, with ``start`` and ``end`` where the table has such columns."""
        cells = file_column(column(dataset, name), folder, plural="sounds", formats="WAV, FLAC")
        return with_parts(dataset, name, cells, taken)

    def from_files(self, paths: Sequence[str]) -> Made:
        """Name the files; they are opened when they are needed."""
        return file_cells(paths)

    def decoded(self, rows: Sequence[Any]) -> list[Sound]:
        """Decode on a few threads; raises ``SoundProblem``."""
        return list(each_in_order(decode, rows)) if len(rows) > 1 else [decode(cell) for cell in rows]

    def digest(self, row: Any) -> str:  # noqa: ANN401
        """Hash the bytes of the file, or the samples of a part."""
        return digest_sound(row)

    def look(
        self, dataset: Dataset, names: Sequence[str], reporter: Reporter, *, done: int, prints: bool
    ) -> Inputs:
        """Decode every sound fully."""
        return look_at_sounds(dataset, names[0], reporter, done=done, prints=prints)

    def facts(self, table: NDArray[np.uint32]) -> dict[str, float]:
        """Summarise the lengths, in seconds, and give the most common sample rate."""
        seconds = table[:, MILLISECONDS] / 1000
        rates, counts = np.unique(table[:, RATE], return_counts=True)
        return {
            "audio_seconds_median": float(np.median(seconds)),
            "audio_seconds_q90": float(np.quantile(seconds, 0.9)),
            "audio_seconds_max": float(seconds.max()),
            "audio_rate": float(rates[counts.argmax()]),
        }

    def properties(self, table: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Give size, length, rate and loudness."""
        return {
            "the size of the file": table[:, SIZE],
            "the length of the sound": table[:, MILLISECONDS],
            "the sample rate": table[:, RATE],
            "the peak level of the sound": table[:, PEAK],
        }

    def findings(self, looks: Sequence[Inputs], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
        """Name clipped and silent sounds, wrong suffixes and rates; count those with several channels."""
        treatments: Counter[str] = sum((look.treatments for look in looks), Counter())
        mixed = treatments["mixed"]
        table = np.concatenate([look.table() for look in looks])
        found = sound_findings(table, usable, origins)
        if mixed:
            sentence = f"{mixed:,} sounds have several channels, which are averaged"
            fix = "nothing, unless the channels are different recordings: then keep one of them"
            found.append(Finding(severity=NOTE, code="sound-treatment", sentence=sentence, fix=fix))
        return found

    def odd(self, looks: Sequence[Inputs], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
        """Name sounds of another rate or length than most."""
        return odd_sounds(np.concatenate([look.table() for look in looks]), usable, origins)

    def twins(self, inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:
        """Compare samples and fingerprints."""
        return sound_twins(inputs, rows, fetch)


def _is_sound(cell: Mapping[str, Any]) -> bool:
    if cell["bytes"]:
        return looks_like_sound(cell["bytes"])
    path = cell["path"]
    return isinstance(path, str) and suffix_of(path) in SOUND_SUFFIXES
