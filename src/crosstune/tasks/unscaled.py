"""Tasks whose outputs are logits: nothing is folded into the last layer when a model is saved."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks.structured import NO_HEAD


class Unscaled:
    """``affine`` and ``folded`` of :class:`crosstune.tasks.base.Task` where outputs have no unit."""

    def affine(self) -> tuple[float, float]:
        """(1, 0): outputs stay logits."""
        return 1.0, 0.0

    def folded(self) -> Self:
        """Give the task itself."""
        return self


class Headless(Unscaled):
    """What :class:`crosstune.tasks.base.Task` asks of a closed-form head, where there is none."""

    name: ClassVar[str]

    def linear_targets(self, encoded: NDArray[Any]) -> NDArray[np.float64]:
        """Raise ``TypeError``: there is no closed-form head."""
        del encoded
        raise TypeError(f"{self.name} has no closed-form head")

    def linear_kind(self) -> str:
        """``none``."""
        return NO_HEAD
