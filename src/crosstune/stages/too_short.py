"""Utterances of which too little is heard for their transcripts: CTC gives each symbol a frame."""

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
from crosstune.stages.pieces import LONG, UNHEARD
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.set_aside import set_aside_by_reason

CODE = "transcript-too-long"
FEW = "are too short for their transcripts and are"
LOOK = (
    "look whether they were cut, or have the transcript of another recording; a model with more "
    "frames a second reads faster speech"
)
CUT = (
    "cut these recordings into shorter parts, each with its own transcript (columns `start` and `end`), or "
    "let the model hear more: --set max_seconds=60"
)
WORDS = {CODE: (FEW, LOOK), UNHEARD: (LONG, CUT)}
"""For each code: what the utterances are, and what to do."""

AT_ONCE = 64
SPARE = 4
"""Frames by which the quick estimate may be wrong; nearer cases are counted."""


def without_too_short(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Set rows of training and validation aside whose transcript does not fit into what is heard of them.

    With too few frames their probability would be zero and the loss infinite; of a sound that is cut, the
    text says more than is heard. Rows of the test split stay: an answer is due for them, however wrong. Cost:
    every sound of both splits is decoded once.
    """
    spelling = opened.backbone.spelling
    if spelling is None:
        return prepared
    bad = []
    for split in ("train", "validation"):
        found = unlearnable(opened.backbone, spelling, prepared.items[split], prepared.encoded[split])
        origins = prepared.items[split].origins() if found else []
        bad += [
            BadItem(split=split, index=row, origin=origins[row], code=code, reason=reason)
            for row, (code, reason) in found.items()
        ]
    return set_aside_by_reason(run, prepared, bad, WORDS)


def unlearnable(
    backbone: Backbone, spelling: Spelling, items: SplitItems, encoded: NDArray[Any]
) -> dict[int, tuple[str, str]]:
    """Find the rows that are cut, or have too few frames: by row, a code and a reason.

    Checked by: ``tests/stages/test_too_short.py``.
    """
    rate = (frames_of(backbone, Sound(np.zeros(80_000, np.float32), 8_000)) + SPARE) / 10.0
    limit = backbone.preprocessing.describe().get("max_seconds") or float("inf")
    found = {}
    for start in range(0, len(items), AT_ONCE):
        rows = range(start, min(start + AT_ONCE, len(items)))
        sounds: Sequence[Sound] = items.batch(rows)
        for row, sound in zip(rows, sounds, strict=True):
            needed = spelling.frames(str(encoded[row]))
            if sound.seconds > limit:
                found[row] = UNHEARD, f"{sound.seconds:.1f} s long, {limit:g} s are heard"
            elif needed > rate * sound.seconds - 2 * SPARE and needed > (
                present := frames_of(backbone, sound)
            ):
                found[row] = CODE, f"{needed} frames are needed, {present} are there"
    return found


def frames_of(backbone: Backbone, sound: Sound) -> int:
    """Count the frames that the model makes of a sound."""
    batch = backbone.preprocessing([sound])
    mask = batch[backbone.mask] if backbone.mask else next(iter(batch.values()))
    entries = int(mask.sum()) if backbone.mask else int(mask.shape[1])
    return entries if backbone.frames is None else backbone.frames.count(entries)
