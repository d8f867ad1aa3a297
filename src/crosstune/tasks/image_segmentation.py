"""Give every pixel of a picture a class. Shapes: N examples, B batch, K classes, S x S pixels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from crosstune.core.class_mask import ClassMask
from crosstune.core.errors import UnknownName
from crosstune.core.labels import LabelMap, UnknownClass
from crosstune.core.picture_move import Mover
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.class_weights import class_weights
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.mask_boundaries import Boundaries
from crosstune.tasks.mask_files import (
    MOST_CLASSES,
    NOTHING,
    Numbers,
    as_array,
    as_file,
    at_side,
    from_file,
    moved,
)
from crosstune.tasks.mask_loss import CROSS_ENTROPY, DICE, LOVASZ, PixelLoss
from crosstune.tasks.mask_metrics import Counter, ious, mask_metrics
from crosstune.tasks.place_rows import PlaceRows, draw_pixels
from crosstune.tasks.unscaled import Headless

ONE_ANSWER = "one-answer"
"""Name of an alarm, and of its page."""

SIDE = 128
"""Pixels of a side at which masks are learnt, until the model is known."""


@dataclass(frozen=True)
class ImageSegmentation(Headless):
    """One class for each pixel (semantic segmentation); some pixels may be ignored.

    Encoded targets and answers are PNG files of class numbers, ``(N,)``, of the size of the picture.
    """

    classes: tuple[str, ...]
    """By class number."""
    side: int = SIDE
    """Masks are learnt at ``side`` x ``side`` pixels, the size of the model's input; figures are those of
    masks of the pictures' own sizes."""

    name: ClassVar[str] = "image-segmentation"
    modality: ClassVar[str] = "image"
    losses: ClassVar[tuple[str, ...]] = (
        CROSS_ENTROPY, f"{CROSS_ENTROPY}+{DICE}", f"{CROSS_ENTROPY}+{LOVASZ}", DICE, LOVASZ,
    )  # fmt: skip

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Take the classes from the training masks, and those that the data declares.

        Args:
            targets: masks (:class:`ClassMask`), none missing.
            declared: class names in their order.

        Raises:
            BadTarget: a target is no mask, or there are more than 255 classes.
            ConstantTarget: there is one class only.

        Cost: decodes every mask once.
        """
        masks = _masks(targets)
        names = {mask.name(int(value)) for mask in masks for value in np.unique(mask.pixels())}
        classes = LabelMap.from_values((name for name in names if name is not None), declared).names
        if len(classes) > MOST_CLASSES:
            raise BadTarget(
                {0: f"{len(classes)} classes"},
                task=cls.name,
                expected=f"at most {MOST_CLASSES} classes",
                fix="join classes, or write what the values mean into classes.txt",
            )
        if len(classes) < 2:
            raise ConstantTarget(f"one class in all masks: {', '.join(classes)}", expected="two or more")
        return cls(classes)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The classes: a head that was trained for just these, in any order, is kept."""
        return self.classes

    @property
    def outputs(self) -> int:
        """K."""
        return len(self.classes)

    @cached_property
    def _counter(self) -> Counter:
        return Counter(len(self.classes))

    @cached_property
    def _boundaries(self) -> Boundaries:
        return Boundaries()

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """Mean IoU first."""
        return mask_metrics(self.classes, self._counter, self._boundaries)

    def at(self, side: int, levels: tuple[int, ...]) -> Self:
        """Learn masks at ``side`` x ``side`` pixels."""
        del levels
        return replace(self, side=side)

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Write each mask as a file of class numbers, ``(N,)``.

        Raises:
            BadTarget: a target is no mask.
            UnknownClass: a mask has a class that training had not.

        Cost: decodes every mask once.
        """
        index = {name: place for place, name in enumerate(self.classes)}
        strange: set[str] = set()
        files = []
        for mask in _masks(raw):
            values = mask.pixels()
            present, inverse = np.unique(values, return_inverse=True)
            names = [mask.name(int(value)) for value in present]
            strange |= {name for name in names if name is not None} - index.keys()
            table = np.array([NOTHING if name is None else index.get(name, NOTHING) for name in names])
            files.append(as_file(table.astype(np.uint8)[inverse].reshape(values.shape)))
        if strange:
            raise UnknownClass(strange, names=self.classes)
        return as_array(files)

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Give masks at the size at which they are learnt, ``(B, S, S)`` int64, ``IGNORED`` where ignored."""
        return self._stacked(self.masks(encoded))

    def collate_moved(self, encoded: NDArray[Any], movers: Sequence[Mover]) -> Tensor:
        """Do the same with masks that are mirrored and cut as their pictures are."""
        masks = self.masks(encoded)
        moves = [mover((one.shape[1], one.shape[0])) for one, mover in zip(masks, movers, strict=True)]
        return self._stacked([moved(*pair) for pair in zip(masks, moves, strict=True)])

    def _stacked(self, masks: Sequence[Numbers]) -> Tensor:
        numbers = torch.from_numpy(np.stack([at_side(one, self.side) for one in masks]).astype(np.int64))
        return torch.where(numbers == NOTHING, IGNORED, numbers)

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Give the loss over pixels; raises ``UnknownName`` for another."""
        if settings.loss not in ("auto", *self.losses):
            raise UnknownName("loss for image segmentation", settings.loss, self.losses)
        counts = np.zeros(len(self.classes))
        if settings.class_weights == "auto":
            counts = sum((_pixels(one, len(self.classes)) for one in encoded.tolist()), counts)
        weights = class_weights(settings.class_weights, counts, self.classes)
        name = self.losses[0] if settings.loss == "auto" else settings.loss
        return PixelLoss(weights=torch.from_numpy(weights), parts=tuple(name.split("+")))

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Take the likeliest class of each pixel of ``(B, K, h, w)``: ``(B,)`` files of that size."""
        return as_array([_likeliest(one) for one in outputs])

    def answers_at(self, outputs: Tensor, sizes: Tensor) -> NDArray[Any]:
        """Enlarge the outputs to the size of each picture, and take the likeliest class of each pixel.

        As ``post_process_semantic_segmentation`` of transformers does it. One picture at a time, because
        outputs of K classes at full size are large.

        Args:
            outputs: ``(B, K, h, w)``.
            sizes: ``(B, 2)``, height and width.
        """
        files = []
        for one, size in zip(outputs, sizes.tolist(), strict=True):
            whole = (round(size[0]), round(size[1]))
            enlarged = functional.interpolate(
                one[None].float(), size=whole, mode="bilinear", align_corners=False
            )
            files.append(_likeliest(enlarged[0]))
        return as_array(files)

    def masks(self, answers: NDArray[Any]) -> list[Numbers]:
        """Give the class number of every pixel of each answer."""
        return [from_file(one) for one in answers.tolist()]

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``classes`` of each answer, the largest first, and ``shares`` of the pixels that they have."""
        rows: list[Row] = []
        for one in outputs.tolist():
            counts = _pixels(one, len(self.classes))
            order = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place] > 0]
            total = max(1.0, float(counts.sum()))
            rows.append(
                {
                    "classes": [self.classes[place] for place in order],
                    "shares": [round(float(counts[place]) / total, 6) for place in order],
                }
            )
        return rows

    def truths(self, encoded: NDArray[Any]) -> list[list[str]]:
        """Name the classes in each mask, the largest first."""
        return [row["classes"] for row in self.decode(encoded)]

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say so where every pixel is given the same class, and the masks have several."""
        counts = self._counter(answers, encoded).sum(axis=0)
        if np.count_nonzero(counts[1]) != 1 or np.count_nonzero(counts[2]) < 2:
            return None
        name = self.classes[int(counts[1].argmax())]
        return (
            f"[{ONE_ANSWER}] every pixel of validation is answered with `{name}`: the model has learnt only "
            "which class is the most frequent, as every such training does at first; train longer, or at a "
            "larger rate"
        )

    def badness(self, answers: NDArray[Any], encoded: NDArray[Any]) -> NDArray[Any]:
        """Give one minus the mean IoU of each picture over the classes in it or in its answer, ``(N,)``."""
        counts = self._counter(answers, encoded)
        own = ious(counts.reshape(len(counts), -1), len(self.classes))
        present = ~np.isnan(own)
        total = np.where(present, own, 0.0).sum(axis=1)
        return np.asarray(1.0 - total / np.maximum(1, present.sum(axis=1)))

    def disagreement(self, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
        """Give the share of the pixels that are answered differently, averaged over pictures."""
        pairs = zip(self.masks(ours), self.masks(theirs), strict=True)
        shares = [float(np.mean(one != other)) if one.shape == other.shape else 1.0 for one, other in pairs]
        return float(np.mean(shares)) if shares else 0.0

    def labelled_places(self, encoded: NDArray[Any], *, rows: int, seed: int) -> PlaceRows:
        """Give drawn pixels; see :func:`draw_pixels`."""
        return draw_pixels(map(from_file, encoded.tolist()), self.classes, rows=rows, seed=seed)

    def hub_config(self) -> dict[str, Any]:
        """Give the classes."""
        return LabelMap(self.classes).for_config() | {"problem_type": None}

    def to_json(self) -> dict[str, Any]:
        """Give the name, the classes and the size at which masks are learnt."""
        return {"task": self.name, "classes": list(self.classes), "side": self.side}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(tuple(str(name) for name in raw["classes"]), int(raw["side"]))


def _likeliest(outputs: Tensor) -> bytes:
    return as_file(outputs.argmax(dim=0).to(torch.uint8).cpu().numpy())


def _pixels(file: bytes, classes: int) -> NDArray[np.float64]:
    """Count the pixels of each class in a mask, ``(K,)``."""
    numbers = from_file(file)
    return np.bincount(numbers[numbers != NOTHING], minlength=classes).astype(np.float64)


def _masks(targets: Sequence[object]) -> list[ClassMask]:
    """Keep masks; raises ``BadTarget`` for anything else."""
    bad = {place: value for place, value in enumerate(targets) if not isinstance(value, ClassMask)}
    if bad:
        raise BadTarget(
            bad, task="image segmentation", expected="a mask for each picture",
            fix="see docs/guides/labels-in-pictures.md for the layouts",
        )  # fmt: skip
    return [value for value in targets if isinstance(value, ClassMask)]
