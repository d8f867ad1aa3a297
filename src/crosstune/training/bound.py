"""How much one forward pass may hold, padding included: micro-batches of bounded length."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import DoesNotApply
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone, Preprocessing


@dataclass(frozen=True)
class Bound:
    """At most ``most`` units of length in one forward pass; one example alone may exceed it."""

    lengths: NDArray[np.int64]
    """``(N,)``, of the split."""
    most: int
    """Examples times the longest of them."""

    def cut(self, rows: NDArray[np.int64], size: int | None = None) -> list[NDArray[np.int64]]:
        """Cut rows into pieces of like length, each of at most ``size`` examples; every row comes once.

        Checked by: ``tests/training/test_bound.py``.
        """
        ordered = rows[np.argsort(self.lengths[rows], kind="stable")]
        pieces, start = [], 0
        for end in range(1, len(ordered) + 1):
            count = end - start
            full = end == len(ordered) or count == size
            if full or (count + 1) * self.lengths[ordered[end]] > self.most:
                pieces.append(ordered[start:end])
                start = end
        return pieces


def make_bound(
    settings: Settings, preprocessing: Preprocessing, lengths: NDArray[np.int64] | None
) -> Bound | None:
    """Give the bound of ``batch_seconds`` or ``batch_tokens``; ``None`` where neither is set.

    Args:
        settings: which :func:`require_lengths` has accepted.
        preprocessing: says how many units a second has.
        lengths: ``(N,)`` as the preprocessing counts them.
    """
    if lengths is not None and settings.batch_seconds is not None:
        # A sound counts as one unit more than it fills, so that none has length 0.
        return Bound(np.maximum(lengths - 1, 1), int(settings.batch_seconds * _rate(preprocessing)))
    if lengths is not None and settings.batch_tokens is not None:
        return Bound(lengths, settings.batch_tokens)
    return None


def require_lengths(settings: Settings, backbone: Backbone) -> None:
    """Hold the settings that sort or bound by length to a model whose examples differ in length.

    Raises:
        DoesNotApply: all examples cost the same, or are counted in other units.
    """
    sounds = backbone.modality == "audio" and backbone.lengths_vary and _rate(backbone.preprocessing) > 0
    texts = backbone.modality == "text" and backbone.lengths_vary
    for name, applies, what in (
        ("batch_seconds", sounds, "sounds of different lengths"),
        ("batch_tokens", texts, "texts"),
        ("sorta_grad", sounds or texts, "texts, or sounds of different lengths"),
    ):
        if (value := getattr(settings, name)) and not applies:
            raise DoesNotApply(
                f"`{name}` goes by the length of examples, and here it has none to go by",
                found=f"{name}={value} with {backbone.name}, which reads "
                + (f"{backbone.modality} of different lengths" if sounds or texts else "inputs of one size"),
                expected=f"a model that reads {what}",
                fix=f"leave `{name}` out; `micro_batch` bounds the examples of a forward pass",
            )


def _rate(preprocessing: Preprocessing) -> float:
    """Give the units of length in a second of sound; 0 where there are none."""
    return float(getattr(preprocessing, "units_per_second", 0.0))
