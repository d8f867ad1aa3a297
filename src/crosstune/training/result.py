"""What training gives back, and the alarms that go with it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks.base import Task

History = list[dict[str, Any]]
ALARM_STEPS = 20
"""With fewer steps a loss that does not fall says nothing."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """A finished training."""

    history: History
    """A row for each evaluation: step, epoch, seconds, train_loss, lr, head_lr, and every metric."""
    best: float
    """The primary metric on validation of the weights that the model now holds; NaN if none was taken."""
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


def alarms(
    task: Task, losses: list[float], outputs: NDArray[np.float32] | None, encoded: NDArray[Any]
) -> list[str]:
    """Say in sentences what looks wrong about a finished training.

    Args:
        task: the task.
        losses: of every step.
        outputs: ``(N, K)`` on validation, of the best weights.
        encoded: their targets.
    """
    found: list[str] = []
    if outputs is not None and task.linear_kind() == "classes":
        predicted, true = np.unique(outputs.argmax(axis=1)), np.unique(encoded)
        if len(predicted) == 1 and len(true) > 1:
            found.append(
                f"one class is predicted for all of validation, which holds {len(true)}: "
                "the model has learnt nothing but the most frequent class"
            )
    quarter = len(losses) // 4
    if len(losses) >= ALARM_STEPS:
        start, end = float(np.mean(losses[:quarter])), float(np.mean(losses[-quarter:]))
        if end >= start * (1.0 - 1e-3):
            found.append(
                f"the training loss did not fall: {start:.4g} in the first quarter of the steps, "
                f"{end:.4g} in the last; the rate may be too small, too large, or the targets unrelated"
            )
    return found
