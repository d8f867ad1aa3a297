"""What tasks about places of pictures learn at: known once the model is open."""

from dataclasses import replace

from crosstune.core.plan import Basis, Decision
from crosstune.sources.segmenter import PlacePreprocessing
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.structured import InPictures, WithMasks

SETTING, PLACES = "mask_side", "places"
"""What the plan calls it, for masks and for boxes."""


def with_side(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Learn at the side of the model's input and at its places; every other task stays as it is."""
    task, preprocessing = prepared.task, opened.backbone.preprocessing
    if not isinstance(task, InPictures) or not isinstance(preprocessing, PlacePreprocessing):
        return prepared
    side, levels = preprocessing.side, opened.backbone.levels
    if isinstance(task, WithMasks):
        why = "the size at which the model reads pictures, whole; figures and answers are of their own sizes"
        run.decided(Decision(SETTING, side, Basis.MEASURED, why))
    elif levels:
        shown = " + ".join(f"{one} x {one}" for one in levels)
        why = f"every place of the maps of the opened model answers, for a picture of {side} x {side} pixels"
        run.decided(Decision(PLACES, shown, Basis.MEASURED, why))
    return replace(prepared, task=task.at(side, levels))
