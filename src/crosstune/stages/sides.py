"""At which size masks are learnt: that at which the opened model reads pictures."""

from dataclasses import replace

from crosstune.core.plan import Basis, Decision
from crosstune.sources.segmenter import PlacePreprocessing
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.structured import InPictures

SETTING = "mask_side"
"""What the plan calls it."""


def with_side(run: Run, prepared: Prepared, opened: Opened) -> Prepared:
    """Learn masks at the side of the model's input; every other task stays as it is."""
    task, preprocessing = prepared.task, opened.backbone.preprocessing
    if not isinstance(task, InPictures) or not isinstance(preprocessing, PlacePreprocessing):
        return prepared
    side = preprocessing.side
    why = "the size at which the model reads pictures, whole; figures and answers are of their own sizes"
    run.decided(Decision(SETTING, side, Basis.MEASURED, why))
    return replace(prepared, task=task.at(side))
