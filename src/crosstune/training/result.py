"""What training gives back."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

History = list[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A finished training."""

    history: History
    """A row for each evaluation: step, epoch, seconds, train_loss, lr, head_lr, and every metric."""
    best: float
    """What weights are chosen by (the primary metric, or one by domain), on validation, of the weights
    that the model now holds; NaN if none was taken."""
    best_step: int
    """After how many updates; the latest one of a soup; -1 if nothing was evaluated."""
    steps: int
    """Updates that were made."""
    epochs: float
    seconds: float
    stopped: str
    """Why it ended: ``epochs``, ``budget`` or ``patience``."""
    warnings: tuple[str, ...]
    seconds_per_example: float
    """Of an update, loading included; NaN without one."""
    precision: str
    """``fp32`` or ``bf16``, as used."""
    memory_format: str
    """``contiguous`` or ``channels-last``, as used."""
    cached: bool
    """Whether the frozen prefix was computed once and stored."""
    outputs: NDArray[Any] | None = None
    """``(M, K)`` on the validation rows at the last evaluation of this process; ``None`` without one."""
