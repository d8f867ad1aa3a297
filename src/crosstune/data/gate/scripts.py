"""Which script a text is written in, by the Unicode blocks of its letters.

Languages that share a script (English and German) cannot be told apart this way.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.data.gate.finding import WARNING, Finding

NAMES = ("none", "Latin", "Greek", "Cyrillic", "Armenian", "Hebrew", "Arabic", "Devanagari", "Bengali",
         "Tamil", "Thai", "Georgian", "Ethiopic", "Hangul", "Han or Kana", "another")  # fmt: skip
_BLOCKS = (
    (0x0041, 0x024F, 1), (0x0250, 0x02AF, 1), (0x1E00, 0x1EFF, 1), (0xFF21, 0xFF5A, 1),
    (0x0370, 0x03FF, 2), (0x1F00, 0x1FFF, 2), (0x0400, 0x052F, 3), (0x0530, 0x058F, 4),
    (0x0590, 0x05FF, 5), (0x0600, 0x077F, 6), (0x08A0, 0x08FF, 6), (0xFB50, 0xFDFF, 6), (0xFE70, 0xFEFF, 6),
    (0x0900, 0x097F, 7), (0x0980, 0x09FF, 8), (0x0B80, 0x0BFF, 9), (0x0E00, 0x0E7F, 10),
    (0x10A0, 0x10FF, 11), (0x1200, 0x139F, 12), (0x1100, 0x11FF, 13), (0xAC00, 0xD7AF, 13),
    (0x3040, 0x30FF, 14), (0x3400, 0x4DBF, 14), (0x4E00, 0x9FFF, 14), (0xF900, 0xFAFF, 14),
    (0x0700, 0x074F, 15), (0x0780, 0x07BF, 15), (0x0A00, 0x0B7F, 15), (0x0C00, 0x0DFF, 15),
    (0x0E80, 0x0FFF, 15), (0x1000, 0x109F, 15), (0x1780, 0x18AF, 15),
)  # fmt: skip
_SIGNS = (0x5B, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, *range(0x7B, 0xAA), *range(0xAB, 0xBA), *range(0xBB, 0xC0),
          0xD7, 0xF7)  # fmt: skip

COMMON = 0.9
"""Share of the texts that must be of one script before others stand out. ASSUMED."""

_LETTERS = 3
"""Fewest letters of a script that make a text one of it."""


def _table() -> NDArray[np.uint8]:
    table = np.zeros(0x10000, np.uint8)
    for first, last, script in _BLOCKS:
        table[first : last + 1] = script
    table[list(_SIGNS)] = 0
    return table


def scripts_of(texts: Sequence[str]) -> NDArray[np.uint8]:
    """Return for each text the number (in ``NAMES``) of the script that most of its letters have.

    Checked by: ``tests/data/gate/test_scripts.py``.
    """
    found = np.array(
        [1 if text.isascii() and any(map(str.isalpha, text[:200])) else 0 for text in texts], np.uint8
    )
    others = [row for row, text in enumerate(texts) if not text.isascii()]
    if not others:
        return found
    chosen = [texts[row][:2_000] for row in others]
    codes = np.frombuffer("".join(chosen).encode("utf-32-le", "surrogatepass"), np.uint32)
    # Beyond the first plane: Han from 0x20000 on; the rest are signs, or too rare to be told.
    kinds = np.where(codes < 0x10000, _table()[np.minimum(codes, 0xFFFF)], np.where(codes >= 0x20000, 14, 0))
    owner = np.repeat(np.arange(len(chosen)), [len(text) for text in chosen])
    counts = np.bincount(owner * len(NAMES) + kinds, minlength=len(chosen) * len(NAMES))
    counts = counts.reshape(-1, len(NAMES))
    counts[:, 0] = 0
    found[others] = np.where(counts.max(axis=1) >= _LETTERS, counts.argmax(axis=1), 0)
    return found


def script_findings(
    scripts: NDArray[np.integer], origins: Callable[[NDArray[np.int64]], Sequence[str]]
) -> list[Finding]:
    """Name the texts whose script is another than that of nearly all; ``origins`` names rows."""
    known = Counter(scripts[scripts > 0].tolist())
    if not known:
        return []
    common, count = known.most_common(1)[0]
    odd = np.flatnonzero((scripts > 0) & (scripts != common))
    if not len(odd) or count < COMMON * known.total():
        return []
    names = shown(f"{number:,} {NAMES[script]}" for script, number in known.most_common()[1:])
    items = tuple(origins(odd[:1_000]))
    return [
        Finding(
            severity=WARNING,
            code="other-script",
            sentence=f"{len(odd):,} texts are of another script than the other {count:,} ({NAMES[common]}): "
            f"{names}" + (f"; {shown(items, most=3)}" if items else ""),
            fix="look at them; languages of one script cannot be told apart here",
            items=items,
        )
    ]
