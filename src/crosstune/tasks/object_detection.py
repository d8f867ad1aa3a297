"""Find the objects of a picture: a box, a class and a score for each.

Shapes: N examples, B batch, K classes, n objects of a picture, P places, Q queries, L layers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.errors import DoesNotApply, UnknownName
from crosstune.core.labels import LabelMap
from crosstune.core.picture_move import Mover
from crosstune.core.placed_objects import PlacedObjects
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.box_answers import found_by_places
from crosstune.tasks.box_metrics import Judge, box_metrics, mismatch, unlikeness
from crosstune.tasks.box_rows import BoxRows, as_array, from_array, moved, unpacked
from crosstune.tasks.class_weights import class_weights
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.place_loss import PlaceLoss
from crosstune.tasks.place_rows import PlaceRows, draw_boxes
from crosstune.tasks.query_answers import found_by_queries
from crosstune.tasks.set_loss import SetLoss
from crosstune.tasks.shown_boxes import Threshold, best_threshold, shown_metrics
from crosstune.tasks.unscaled import Headless

NO_OBJECT = "no-object"
"""Name of an alarm, and of its page."""

SHOWN = 0.3
"""ASSUMED: score from which on a box is shown, until validation has chosen another."""

FILLED = -1.0
"""Last column of rows that fill up collated targets; of others 1, or 0 where the object is ignored."""

BCE, FOCAL, HUNGARIAN = "bce+giou", "focal+giou", "hungarian"


@dataclass(frozen=True)
class ObjectDetection(Headless):
    """A box around every object, its class, and how sure that is.

    Encoded targets and answers are :class:`BoxRows` as bytes, ``(N,)``, in pixels of the picture.
    """

    classes: tuple[str, ...]
    """By class number."""
    levels: tuple[int, ...] = ()
    """Places in a row of each map that answers, the finest first, where every place answers; empty for models
    that ask queries (the DETR family)."""
    threshold: float = SHOWN
    """Score from which on a box is given by ``predict`` and shown to people. Average precision is made of all
    boxes: it needs the improbable ones too."""

    name: ClassVar[str] = "object-detection"
    modality: ClassVar[str] = "image"

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Take the classes from the training objects, and those that the data declares.

        Args:
            targets: of each picture its objects (:class:`PlacedObjects`), none missing.
            declared: class names in their order.

        Raises:
            BadTarget: a target is something else.
            ConstantTarget: no picture shows any object.
        """
        names = {
            name
            for one in _objects(targets)
            for name, ignored in zip(one.labels(), one.ignored(), strict=True)
            if not ignored
        }
        if not names:
            raise ConstantTarget("no picture of training shows an object", expected="one object or more")
        return cls(LabelMap.from_values(names, declared).names)

    @property
    def losses(self) -> tuple[str, ...]:
        """Where every place answers, binary cross-entropy or the focal loss, with GIoU; else the set loss."""
        return (BCE, FOCAL) if self.levels else (HUNGARIAN,)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The classes: a head that was trained for just these, in any order, is kept."""
        return self.classes

    @property
    def outputs(self) -> int:
        """K."""
        return len(self.classes)

    @cached_property
    def _judge(self) -> Judge:
        return Judge(len(self.classes))

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Average precision, as COCO has it, first; then figures of the boxes that are shown."""
        return {**box_metrics(self.classes, self._judge), **shown_metrics(self._judge, self.threshold)}

    def at(self, side: int, levels: tuple[int, ...]) -> Self:
        """Learn by the places of maps of so many places a row; boxes are shares of the sides."""
        del side
        return replace(self, levels=levels)

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Write the objects of each picture with their class numbers, ``(N,)``.

        Raises:
            BadTarget: a target is something else.
            UnknownClass: an object has a class that training had not.

        Cost: reads the header of every picture.
        """
        index = LabelMap(self.classes)
        every = _objects(raw)
        counted = [
            np.asarray(list(map(self._known, one.labels())), bool) | ~one.ignored() for one in every
        ]  # an ignored object of an unknown class is of no class that is asked for
        index.encode(
            name
            for one, keep in zip(every, counted, strict=True)
            for name, kept in zip(one.labels(), keep, strict=True)
            if kept
        )
        rows = []
        for one, keep in zip(every, counted, strict=True):
            names = [name for name, kept in zip(one.labels(), keep, strict=True) if kept]
            numbers = np.array(index.encode(names), np.int64)
            values = (~one.ignored()[keep]).astype(np.float64)
            rows.append(BoxRows(one.size(), one.boxes()[keep], numbers, values))
        return as_array(rows)

    def _known(self, name: str) -> bool:
        return name in self.classes

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Give objects as shares of the sides of their pictures.

        Returns:
            ``(B, M, 6)`` float32: left, top, right, bottom in [0, 1], class number, and 1 (an object), 0 (to
            be ignored) or ``FILLED`` (a row that only fills up); M is that of the fullest picture.
        """
        return self._stacked(from_array(encoded))

    def collate_moved(self, encoded: NDArray[Any], movers: Sequence[Mover]) -> Tensor:
        """Do the same with boxes that are mirrored and cut as their pictures are."""
        rows = from_array(encoded)
        sizes = [(round(one.size[0]), round(one.size[1])) for one in rows]
        moves = [mover(size) for mover, size in zip(movers, sizes, strict=True)]
        return self._stacked([moved(*pair) for pair in zip(rows, moves, strict=True)])

    def _stacked(self, rows: Sequence[BoxRows]) -> Tensor:
        found = np.zeros((len(rows), max([1, *map(len, rows)]), 6), np.float32)
        found[..., 5] = FILLED
        for place, one in enumerate(rows):
            own = found[place, : len(one)]
            own[:, :4] = one.boxes / np.array([*one.size, *one.size])
            own[:, 4], own[:, 5] = one.classes, one.values
        return torch.from_numpy(found)

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Give the loss over objects.

        Raises:
            UnknownName: there is no such loss, or no such class weights.
            DoesNotApply: class weights for a model that asks queries: its loss has weights of its own.
        """
        if settings.loss not in ("auto", *self.losses):
            raise UnknownName("loss for object detection", settings.loss, self.losses)
        number = len(self.classes)
        learnt = [one.classes[one.values > 0] for one in from_array(encoded)]
        counts = np.bincount(np.concatenate([np.zeros(0, np.int64), *learnt]), minlength=number)
        weights = class_weights(settings.class_weights, counts.astype(np.float64), self.classes)
        if self.levels:
            return PlaceLoss(
                classes=number, levels=self.levels, focal=settings.loss == FOCAL,
                weights=torch.from_numpy(weights),
            )  # fmt: skip
        if not np.allclose(weights, 1.0):
            raise DoesNotApply(
                "the set loss of this model weighs objects against places without one, and not classes",
                found=f"class_weights={settings.class_weights}",
                expected="class_weights=none",
                fix="leave `class_weights` out, or choose a model whose every place answers",
            )
        return SetLoss(classes=number)

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Give the boxes of pictures of one by one pixel: shares of the sides."""
        return self.answers_at(outputs, torch.ones(len(outputs), 2))

    def answers_at(self, outputs: Tensor, sizes: Tensor) -> NDArray[Any]:
        """Choose boxes, at most 100 of a picture, and bring them to pixels.

        Args:
            outputs: ``(B, P, K + 4)`` of places, or ``(B, L, Q, K + 4)`` or ``(B, L, Q, K + 5)`` of queries.
            sizes: ``(B, 2)``, height and width.
        """
        found = found_by_places if outputs.ndim == 3 else found_by_queries
        return as_array(found(outputs.detach().float().cpu(), sizes.cpu(), len(self.classes)))

    def boxes(self, answers: NDArray[Any], least: float | None = None) -> list[BoxRows]:
        """Give the boxes of answers, or of encoded targets, that have at least a value."""
        least = self.threshold if least is None else least
        return [one.only(one.values >= least) for one in from_array(answers)]

    def choose_threshold(self, answers: NDArray[Any], encoded: NDArray[Any]) -> Threshold | None:
        """Give the score from which on the F1 of the shown boxes is largest, and that F1."""
        return best_threshold(self._judge, answers, encoded)

    def with_threshold(self, score: float) -> Self:
        """Show boxes from another score on."""
        return replace(self, threshold=score)

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``labels``, ``box_scores`` and ``boxes`` (left, top, right, bottom), the surest first."""
        return [
            {
                "labels": [self.classes[place] for place in one.classes.tolist()],
                "box_scores": [round(value, 6) for value in one.values.tolist()],
                "boxes": [[round(side, 2) for side in box] for box in one.boxes.tolist()],
            }
            for one in self.boxes(outputs)
        ]

    def truths(self, encoded: NDArray[Any]) -> list[list[str]]:
        """Name the classes of the objects of each picture."""
        return [[self.classes[place] for place in one.classes.tolist()] for one in self.boxes(encoded)]

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say so where no box is sure enough to be shown, and there are objects."""
        if any(map(len, self.boxes(answers))) or not any(map(len, self.boxes(encoded))):
            return None
        return (
            f"[{NO_OBJECT}] no box of validation has a score of {self.threshold:.2g}: the model has learnt "
            "only that most places show nothing, as every such training does at first; train longer, or at a "
            "larger rate"
        )

    def badness(self, answers: NDArray[Any], encoded: NDArray[Any]) -> NDArray[Any]:
        """Give of each picture the share of boxes without a partner (IoU 0.5, same class), ``(N,)``."""
        return np.array(
            [mismatch(*pair) for pair in zip(self.boxes(answers), from_array(encoded), strict=True)],
            np.float64,
        )

    def disagreement(self, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
        """Give how far two sets of answers lie apart, averaged over pictures: 0 is equal, 1 is disjoint."""
        pairs = zip(from_array(ours), from_array(theirs), strict=True)
        found = [unlikeness(*pair) for pair in pairs]
        return float(np.mean(found)) if found else 0.0

    def labelled_places(self, encoded: NDArray[Any], *, rows: int, seed: int) -> PlaceRows:
        """Give the boxes of objects and of background; see :func:`draw_boxes`."""
        return draw_boxes(map(unpacked, encoded.tolist()), self.classes, rows=rows, seed=seed)

    def hub_config(self) -> dict[str, Any]:
        """Give the classes."""
        return LabelMap(self.classes).for_config() | {"problem_type": None}

    def to_json(self) -> dict[str, Any]:
        """Give the name, the classes, the places that answer, and the threshold."""
        return {
            "task": self.name, "classes": list(self.classes), "levels": list(self.levels),
            "threshold": self.threshold,
        }  # fmt: skip

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave; raises ``ValueError`` for a threshold that is no score."""
        threshold = float(raw.get("threshold", SHOWN))  # folders written before there was one
        if not 0 < threshold <= 1:
            raise ValueError(f"a threshold of {threshold} for scores between 0 and 1")
        return cls(
            tuple(str(name) for name in raw["classes"]), tuple(int(one) for one in raw["levels"]), threshold
        )


def _objects(targets: Sequence[object]) -> list[PlacedObjects]:
    """Keep objects; raises ``BadTarget`` for anything else."""
    bad = {place: value for place, value in enumerate(targets) if not isinstance(value, PlacedObjects)}
    if bad:
        raise BadTarget(
            bad, task="object detection", expected="boxes for each picture",
            fix="see docs/guides/labels-in-pictures.md for the layouts",
        )  # fmt: skip
    return [value for value in targets if isinstance(value, PlacedObjects)]
