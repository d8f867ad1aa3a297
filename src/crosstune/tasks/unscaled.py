"""Tasks whose outputs are logits: nothing is folded into the last layer when a model is saved."""

from typing import Self


class Unscaled:
    """``affine`` and ``folded`` of :class:`crosstune.tasks.base.Task` where outputs have no unit."""

    def affine(self) -> tuple[float, float]:
        """(1, 0): outputs stay logits."""
        return 1.0, 0.0

    def folded(self) -> Self:
        """Give the task itself."""
        return self
