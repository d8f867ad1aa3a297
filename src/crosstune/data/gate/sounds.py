"""Every sound, looked at once; and what is peculiar about some of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from datasets import Dataset
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.core.progress import Reporter
from crosstune.core.sound import Sound
from crosstune.data.gate.finding import MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.gate.fingerprint import WIDTH, fingerprint
from crosstune.data.gate.inputs import Inputs, Origins, Problem, known_problems
from crosstune.data.sounds import SoundFacts, SoundProblem, digest_samples, digest_sound, examined
from crosstune.data.store import values
from crosstune.data.targets import as_number
from crosstune.data.threads import each_in_order

MILLISECONDS, RATE, SIZE, PEAK, CLIPPED, FLAGS = range(6)
"""Measures of a row: length, samples a second, bytes of the file, peak and clipped share (both times a
million), flags."""

KEY = (6, 7)
"""Measures of a row: a hash of its samples, 64 bits in two numbers; 0 where nothing is compared."""

MEASURES = 8

WRONG_SUFFIX, OTHER_RATE = 1, 2
"""Flags: the name says another format than the content; a column says another rate than the file."""

RATE_COLUMNS = ("sampling_rate", "sample_rate", "samplerate")
"""Names of columns that declare the sample rate."""

CLIPPED_SHARE = 0.001
"""Share of samples at full scale from which a sound counts as clipped. ASSUMED: at 0.1 % a second of speech
has some four peaks cut off; loud music touches full scale in single samples, which are not counted."""

SILENT = 0.001
"""Peak below which a sound counts as silent: -60 dB of full scale, 33 of 32,768 steps. ASSUMED: whispered
speech peaks some 20 dB above; an open input without a microphone stays below."""

MANY_TIMES, DEVIATIONS, FEWEST = 5.0, 5.0, 20
"""A length stands out that is five times longer or shorter than the median, and by five robust deviations of
the logarithms, in sets of at least twenty. ASSUMED."""

_CHUNK = 16

_Look = tuple[str, tuple[int, ...] | None, tuple[str, ...], bytes, Problem | None]


def look_at_sounds(
    dataset: Dataset, name: str, reporter: Reporter, *, done: int = 0, prints: bool = False
) -> Inputs:
    """Read and fully decode every sound on a few threads; nothing decoded is kept but fingerprints.

    Args:
        dataset: one split.
        name: the column of sound cells.
        reporter: told about progress.
        done: rows of other splits that are finished, for the progress.
        prints: whether fingerprints are made, for finding sounds that are nearly equal.

    Raises:
        MissingExtra: what reads sounds is not installed.
    """
    cells = dataset.select_columns([name]).with_format("arrow")
    rates = _declared_rates(dataset, name)
    result = Inputs(MEASURES)

    def look(start: int) -> list[_Look]:
        # Threads are handed row numbers and fetch the bytes themselves, so that memory stays flat.
        chunk = cells[start : start + _CHUNK].column(name).to_pylist()
        said = rates[start : start + _CHUNK] if rates else [None] * len(chunk)
        return [_look_at_sound(cell, rate, prints) for cell, rate in zip(chunk, said, strict=True)]

    for rows in each_in_order(look, range(0, len(dataset), _CHUNK)):
        for digest, measures, treatments, printed, problem in rows:
            result.add(digest, measures, problem)
            result.prints += printed
            result.treatments.update(treatments)
        reporter.advance(done + len(result))
    known_problems(dataset, result)
    return result


def _declared_rates(dataset: Dataset, name: str) -> list[float | None]:
    column = next(
        (other for other in dataset.column_names if other.lower() in RATE_COLUMNS and other != name), None
    )
    return [] if column is None else [as_number(value) for value in values(dataset, column)]


def _look_at_sound(cell: dict[str, Any] | None, declared: float | None, prints: bool) -> _Look:
    digest, nothing = "", bytes(WIDTH if prints else 0)
    try:
        sound, facts = examined(cell)
        digest = digest_sound(cell, sound)
    except SoundProblem as problem:
        return digest, None, (), nothing, (problem.code, problem.reason)
    measures = _measured(sound, facts, declared, prints)
    return digest, measures, facts.treatments, fingerprint(sound) if prints else nothing, None


def _measured(sound: Sound, facts: SoundFacts, declared: float | None, prints: bool) -> tuple[int, ...]:
    flags = WRONG_SUFFIX * ("wrong-extension" in facts.treatments)
    flags += OTHER_RATE * (declared is not None and declared > 0 and declared != sound.rate)
    key = int(digest_samples(sound)[:16], 16) if prints else 0
    return (
        max(1, round(1000 * sound.seconds)), sound.rate, facts.size, round(1e6 * min(facts.peak, 1000)),
        round(1e6 * facts.clipped), flags, key & 0xFFFFFFFF, key >> 32,
    )  # fmt: skip


@dataclass(frozen=True)
class _Said:
    """A finding about some rows."""

    severity: str
    code: str
    sentence: str
    """With ``{count}`` and ``{items}``."""
    fix: str

    def of(self, rows: NDArray[np.int64], origins: Origins) -> list[Finding]:
        """Make the finding, unless no row is concerned."""
        if not len(rows):
            return []
        items = tuple(origins(rows[:MOST_ITEMS]))
        listed = shown(items[:3])
        sentence = self.sentence.format(count=f"{len(rows):,}", items=listed)
        return [Finding(severity=self.severity, code=self.code, sentence=sentence, fix=self.fix, items=items)]


_CLIPPED = _Said(
    WARNING,
    "clipped-sounds",
    f"{{count}} sounds have at least {CLIPPED_SHARE:.1%} of their samples at full scale, cut off: {{items}}",
    "record or export them at a lower level; leave them in if what is to be recognised is clipped too",
)
_SILENT = _Said(
    WARNING,
    "silent-sounds",
    "{count} sounds are silent: no sample reaches -60 dB of full scale: {items}",
    "remove them, or record them again; a label on silence teaches the wrong thing",
)
_SUFFIX = _Said(
    NOTE,
    "wrong-suffix",
    "{count} sounds are of another format than their names say: {items}",
    "nothing: they are read by their content; rename them so that other programs read them too",
)
_OTHER_RATE = _Said(
    WARNING,
    "wrong-rate",
    "{count} sounds have another sample rate than their row declares: {items}",
    "find out which is right: the rate in the file is used, and a wrong one shifts pitch and speed",
)


def sound_findings(table: NDArray[np.uint32], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
    """Say which sounds are clipped, silent, or not what their name or their row says.

    Args:
        table: ``(N, MEASURES)`` of all splits.
        usable: ``(N,)``, rows that count.
        origins: names rows.

    Checked by: ``tests/data/gate/test_sounds.py``.
    """
    silent = table[:, PEAK] < 1e6 * SILENT
    odd = {
        _CLIPPED: table[:, CLIPPED] >= 1e6 * CLIPPED_SHARE,
        _SILENT: silent,
        _OTHER_RATE: table[:, FLAGS] & OTHER_RATE > 0,
        _SUFFIX: table[:, FLAGS] & WRONG_SUFFIX > 0,
    }
    return [one for said, rows in odd.items() for one in said.of(np.flatnonzero(usable & rows), origins)]


def odd_sounds(table: NDArray[np.uint32], usable: NDArray[np.bool_], origins: Origins) -> list[Finding]:
    """Say which sounds differ from most in sample rate or in length; arguments as :func:`sound_findings`."""
    rows = np.flatnonzero(usable)
    if not len(rows):
        return []
    return [*_several_rates(table[rows, RATE], rows, origins), *_lengths(table[rows], rows, origins)]


def _several_rates(rates: NDArray[np.uint32], rows: NDArray[np.int64], origins: Origins) -> list[Finding]:
    present, counts = np.unique(rates, return_counts=True)
    if len(present) == 1:
        return []
    order = np.argsort(-counts, kind="stable")
    listed = shown(f"{counts[place]:,} of {present[place]:,} Hz" for place in order)
    said = _Said(
        NOTE,
        "several-rates",
        f"the sounds have {len(present)} sample rates ({listed}), such as {{items}}",
        "nothing: all are brought to the rate of the model; where a rate goes with a class, a model may "
        "learn the rate instead",
    )
    return said.of(rows[rates != present[order[0]]], origins)


def _lengths(table: NDArray[np.uint32], rows: NDArray[np.int64], origins: Origins) -> list[Finding]:
    if len(rows) < FEWEST:
        return []
    logs = np.log(table[:, MILLISECONDS].astype(np.float64))
    middle = float(np.median(logs))
    away = np.abs(logs - middle)
    far = away > max(np.log(MANY_TIMES), DEVIATIONS * 1.4826 * float(np.median(away)))
    said = _Said(
        NOTE,
        "outlying-lengths",
        f"{{count}} sounds are far longer or shorter than the rest (median {np.exp(middle) / 1000:.2f} s): "
        "{items}",
        "look at them: whole recordings among cut ones, or pieces left over from cutting?",
    )
    order = np.argsort(-away[far], kind="stable")
    return said.of(rows[far][order], origins)
