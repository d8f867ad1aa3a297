"""Utterances that are too short for their transcripts: CTC gives each symbol a frame, and repeats a blank."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.sound import Sound
from crosstune.core.spelling import Spelling
from crosstune.data.gate.report import BadItem
from crosstune.data.items import SplitItems
from crosstune.sources.base import Backbone
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.set_aside import aside, set_aside

CODE = "transcript-too-long"
WHAT = "are too short for their transcripts and are"
FIX = (
    "look whether they were cut, or have the transcript of another recording; a model with more "
    "frames a second reads faster speech"
)
AT_ONCE = 64
SPARE = 4
"""Frames by which the quick estimate may be wrong; nearer cases are counted."""


def without_too_short(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Set rows of training and validation aside whose transcript does not fit into their frames.

    Their probability would be zero and the loss infinite. Rows of the test split stay: an answer is due for
    them, however wrong. Cost: every sound of both splits is decoded once.
    """
    spelling = opened.backbone.spelling
    if spelling is None:
        return prepared
    bad = []
    for split in ("train", "validation"):
        found = too_short(opened.backbone, spelling, prepared.items[split], prepared.encoded[split])
        origins = prepared.items[split].origins() if found else []
        bad += [
            BadItem(split=split, index=row, origin=origins[row], code=CODE,
                    reason=f"{needed} frames are needed, {present} are there")
            for row, (needed, present) in found.items()
        ]  # fmt: skip
    return set_aside(run, prepared, bad, [aside(CODE, bad, what=WHAT, fix=FIX)] if bad else [])


def too_short(
    backbone: Backbone, spelling: Spelling, items: SplitItems, encoded: NDArray[Any]
) -> dict[int, tuple[int, int]]:
    """Find the rows with too few frames: by row, how many are needed and how many there are.

    Checked by: ``tests/stages/test_too_short.py``.
    """
    rate = (frames_of(backbone, Sound(np.zeros(80_000, np.float32), 8_000)) + SPARE) / 10.0
    found = {}
    for start in range(0, len(items), AT_ONCE):
        rows = range(start, min(start + AT_ONCE, len(items)))
        sounds: Sequence[Sound] = items.batch(rows)
        for row, sound in zip(rows, sounds, strict=True):
            needed = spelling.frames(str(encoded[row]))
            if needed <= rate * sound.seconds - 2 * SPARE:
                continue
            present = frames_of(backbone, sound)
            if needed > present:
                found[row] = needed, present
    return found


def frames_of(backbone: Backbone, sound: Sound) -> int:
    """Count the frames that the model makes of a sound."""
    batch = backbone.preprocessing([sound])
    mask = batch[backbone.mask] if backbone.mask else next(iter(batch.values()))
    entries = int(mask.sum()) if backbone.mask else int(mask.shape[1])
    return entries if backbone.frames is None else backbone.frames.count(entries)
