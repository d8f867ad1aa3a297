"""One decoded sound, as the stages and the models see it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.core.extras import require

EXTRA = "sound"
"""The extra that brings what reads, resamples and judges sound."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """Mono samples at the rate at which they were recorded."""

    samples: NDArray[np.float32]
    """``(n,)``, usually within -1 to 1; several channels are averaged."""
    rate: int
    """Samples a second."""

    @property
    def seconds(self) -> float:
        """Give the duration."""
        return len(self.samples) / self.rate

    def at(self, rate: int) -> NDArray[np.float32]:
        """Give the samples at another rate, ``(round(n * rate / self.rate),)`` up to one sample.

        Band-limited by soxr at its high quality; the samples themselves where the rate is theirs.

        Raises:
            MissingExtra: ``soxr`` is not installed.
        """
        if rate == self.rate:
            return self.samples
        soxr = require("soxr", extra=EXTRA, purpose="changing the sample rate of sounds")
        changed: NDArray[np.float32] = soxr.resample(self.samples, self.rate, rate, quality="HQ")
        return changed
