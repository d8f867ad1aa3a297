"""What every task gives the rest of the program.

A task is one file. It is fitted once on the training targets (label map, scaling), saved as JSON with
the model, and used for every split and for predict. Nothing here assumes one vector in and one label
out: *targets*, *outputs* and *predictions* are the task's own, and the rest of the program only batches,
indexes and passes them on.

Shapes: N examples, B batch, K outputs of a head.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.settings import Settings

Row = dict[str, Any]
"""One prediction as JSON: ``{"label": "cat", "score": 0.93}`` or ``{"value": 1.2}``."""


class LossSum(NamedTuple):
    """A loss before normalisation, so that micro-batches and processes add up exactly.

    The loop divides by the *global* number of valid items of the effective batch.
    """

    total: Tensor
    """Scalar: the sum over valid items."""
    weight: Tensor
    """Scalar: how many valid items (or how much weight) the sum covers."""


@dataclass(frozen=True, kw_only=True)
class MetricSpec:
    """A metric in two steps, so that a bootstrap repeats only the cheap second one."""

    name: str
    higher_is_better: bool
    prepare: Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], ...]]
    """(outputs, targets) to arrays of length N, once."""
    reduce: Callable[..., float]
    """Those arrays, possibly resampled along the first axis, to the figure."""
    parts: Callable[..., NDArray[np.float64]] | None = None
    """Those arrays to ``(N, m)``, where the figure follows from the sums of columns (``tasks/sums.py``): a
    thousand resamples are then one matrix product."""
    from_sums: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    """Sums ``(R, m)`` over R resamples to their figures ``(R,)``."""
    costly: bool = False
    """Whether ``prepare`` takes as long as a small model: it is then measured once a training has ended."""


class Task(Protocol):
    """A fitted task. Instances are immutable."""

    name: ClassVar[str]
    """The Hub's pipeline name, or ours where it has none."""
    modality: ClassVar[str]
    """``image``, ``text`` or ``audio``."""

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Fit on the training targets.

        Args:
            targets: raw values of the training split, none missing.
            declared: class names that the user or the data declares, in their order.
        """
        ...

    @property
    def outputs(self) -> int:
        """Width of the head, K."""
        ...

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of the losses that ``Settings.loss`` may take; the first is the default."""
        ...

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """The metrics by name; the first is the primary one."""
        ...

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Map raw targets to an array with one entry for each example; raises ``UnknownClass``."""
        ...

    def linear_targets(self, encoded: NDArray[Any]) -> NDArray[np.float64]:
        """Give the ``(N, K)`` targets of a closed-form head: one-hot, or scaled values."""
        ...

    def linear_kind(self) -> str:
        """``classes`` (softmax), ``multi-label`` (sigmoid) or ``values`` (none)."""
        ...

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Build the loss that ``settings`` names; ``encoded`` are the training targets.

        The result maps (head outputs ``(B, K)``, targets of the batch) to a :class:`LossSum`. Mixed
        targets of mixup and CutMix arrive as ``(B, K)`` float soft targets where the task has classes.
        Raises ``UnknownName`` for a loss that is not one of ``losses``.
        """
        ...

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Turn N head outputs into N prediction rows in the user's units."""
        ...

    def hub_config(self) -> dict[str, Any]:
        """Give what a transformers config stores: ``id2label``, ``label2id``, ``problem_type``."""
        ...

    def affine(self) -> tuple[float, float]:
        """Give (scale, shift) from head outputs to the user's units; (1, 0) for classes.

        Saving folds it into the last layer, so that any loader returns the user's units.
        """
        ...

    def folded(self) -> Self:
        """Give the task of a model with :meth:`affine` folded into its last layer.

        Its outputs are in the user's units, so the affine map of the result is (1, 0). For classes it is
        the task itself.
        """
        ...

    def to_json(self) -> dict[str, Any]:
        """Give plain values that :func:`crosstune.tasks.registry.task_from_json` reads."""
        ...

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        ...
