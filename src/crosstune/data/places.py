"""Targets that say where in a picture something is: boxes around objects, or a class for each pixel."""

from dataclasses import dataclass

from crosstune.data.gate.finding import Finding
from crosstune.data.masks.classes import MaskClasses

BOXES, MASKS = "boxes", "masks"
"""Kinds of such targets."""

DETECTION, SEGMENTATION = "object-detection", "image-segmentation"
TASK_OF = {BOXES: DETECTION, MASKS: SEGMENTATION}
"""The task that each kind is for."""

IN_PICTURES = frozenset(TASK_OF.values())
"""Tasks whose targets are places in pictures."""

XYXY, XYWH, CXCYWH = "xyxy", "xywh", "cxcywh"
CORNERS = {
    XYXY: "left, top, right, bottom",
    XYWH: "left, top, width, height",
    CXCYWH: "centre x, centre y, width, height",
}
"""What the four numbers of a box may mean."""


@dataclass(frozen=True)
class Form:
    """How the four numbers of a box are meant, as the layout or the user declares it."""

    corners: str = XYXY
    """One of ``CORNERS``."""
    normalised: bool = False
    """Whether they are shares of the picture's width and height instead of pixels."""

    @property
    def words(self) -> str:
        """Say it to people."""
        unit = "shares of width and height" if self.normalised else "pixels"
        return f"{self.corners} in {unit}"


@dataclass(frozen=True, kw_only=True)
class Places:
    """What a reader knows about such targets beyond the table itself."""

    kind: str
    """``boxes`` or ``masks``."""
    form: Form | None = None
    """Of boxes: as declared. The table has them in pixels, as left, top, right, bottom."""
    classes: MaskClasses | None = None
    """Of masks: what their values mean."""
    column: str | None = None
    """Of tables: the column of classes, which the user may have named as the target."""
    remarks: tuple[Finding, ...] = ()
    """What is wrong with the set as a whole and belongs to no row: a label of a picture that is not there."""
