"""Tasks whose answer is not one vector for each example: texts, boxes, masks.

What a head gives is turned into *answers* batch by batch, because the outputs themselves would not fit into
memory; an answer is one entry of an array with first axis N. Metrics, intervals and comparisons take answers
where those of vector tasks take outputs. There is no closed-form head, and ``linear_kind`` is ``none``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.picture_move import Mover
from crosstune.tasks.base import Row
from crosstune.tasks.box_rows import BoxRows
from crosstune.tasks.place_rows import PlaceRows
from crosstune.tasks.shown_boxes import Threshold

NO_HEAD = "none"
"""The ``linear_kind`` of these tasks."""


@runtime_checkable
class Structured(Protocol):
    """What these tasks have besides :class:`crosstune.tasks.base.Task`."""

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Make one tensor, first axis B, of the encoded targets of a batch."""
        ...

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Turn the head's outputs of a batch, first axis B, into B answers."""
        ...

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say what is plainly wrong with the answers to N examples, with the name of its page in brackets."""
        ...

    def badness(self, answers: NDArray[Any], encoded: NDArray[Any]) -> NDArray[Any]:
        """Say how wrong each of N answers is, ``(N,)``: 0 is right."""
        ...

    def disagreement(self, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
        """Say how far two sets of answers to the same examples lie apart: 0 is equal."""
        ...


@runtime_checkable
class InText(Protocol):
    """What a task has besides whose answers are about places in a text."""

    def in_text(self, outputs: NDArray[Any], raw: Sequence[Any]) -> list[Row]:
        """Say where in each text what is: added to the rows that ``decode`` gives."""
        ...

    def shown(self, outputs: NDArray[Any], raw: Sequence[Any]) -> list[str]:
        """Say each answer in words, for a person."""
        ...


@runtime_checkable
class InPictures(Protocol):
    """What a task has besides whose answers are about places, and of the size of the pictures."""

    def at(self, side: int, levels: tuple[int, ...]) -> Self:
        """Learn at what the opened model is: it reads ``side`` x ``side`` pixels.

        Where every place of its maps answers, these have ``levels`` places in a row.
        """
        ...

    def answers_at(self, outputs: Tensor, sizes: Tensor) -> NDArray[Any]:
        """Give B answers of heights and widths ``sizes``, ``(B, 2)``, to the outputs of a batch."""
        ...

    def collate_moved(self, encoded: NDArray[Any], movers: Sequence[Mover]) -> Tensor:
        """Collate targets whose pictures were mirrored or cut; each mover says how, given the size."""
        ...

    def truths(self, encoded: NDArray[Any]) -> list[list[str]]:
        """Name the classes in each of N pictures."""
        ...


@runtime_checkable
class WithMasks(Protocol):
    """What a task has besides whose answers are masks."""

    def masks(self, answers: NDArray[Any]) -> list[NDArray[np.uint8]]:
        """Give the class number of every pixel, ``(H, W)`` each; 255 is ignored."""
        ...


@runtime_checkable
class WithBoxes(Protocol):
    """What a task has besides whose answers are boxes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Name the classes, by number."""
        ...

    def boxes(self, answers: NDArray[Any], least: float | None = None) -> list[BoxRows]:
        """Give the boxes of N answers, or encoded targets, whose value is not below ``least``.

        Without it: those that are sure enough to be shown.
        """
        ...


@runtime_checkable
class WithPlaces(Protocol):
    """What a task has besides for which models are compared by what they make of places of pictures."""

    def labelled_places(self, encoded: NDArray[Any], *, rows: int, seed: int) -> PlaceRows:
        """Give classes of places of the first of N pictures, until there are ``rows``."""
        ...


@runtime_checkable
class WithThreshold(Protocol):
    """What a task has besides that shows only answers that are sure enough."""

    @property
    def threshold(self) -> float:
        """Give the least score that is shown."""
        ...

    def choose_threshold(self, answers: NDArray[Any], encoded: NDArray[Any]) -> Threshold | None:
        """Give the best threshold for N answers; ``None`` where none is better than another."""
        ...

    def with_threshold(self, score: float) -> Self:
        """Give the task with another threshold."""
        ...


@runtime_checkable
class TeacherForced(Protocol):
    """What a task has besides whose model reads, in training, what it should have written so far."""

    def decoder_inputs(self, targets: Tensor) -> Mapping[str, Tensor]:
        """Make of collated targets what the model reads besides the example, by argument name."""
        ...


@runtime_checkable
class Scored(TeacherForced, Protocol):
    """What a task has besides whose answers also say how probable the model finds the references."""

    def scored(self, answers: NDArray[Any], outputs: Tensor, targets: Tensor) -> NDArray[Any]:
        """Add to B answers what the outputs of the model that was told their targets say about these."""
        ...
