"""What models that give every pixel a class have in common: their preprocessing, and their last layer.

Shapes: B batch, C channels, K classes, h x w places, S side of the model's input.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from crosstune.core.targets import SIZES
from crosstune.sources.base import Batch, Raw
from crosstune.sources.preprocessing import ImagePreprocessing, ProcessorPreprocessing

TASK, BOXES = "image-segmentation", "object-detection"


class PlaceLinear(nn.Linear):
    """A linear layer on every place of a map: a convolution of one pixel, and stored as one.

    In memory it is the ``nn.Linear`` that every native head is; in files its weight is ``(K, C, 1, 1)``, so
    that other libraries read it into their ``nn.Conv2d``.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name that torch has
        """Map ``(B, C, h, w)`` to ``(B, K, h, w)``."""
        return functional.conv2d(input, self.weight[:, :, None, None], self.bias)

    @classmethod
    def of(cls, convolution: nn.Conv2d) -> "PlaceLinear":
        """Make one with the weights of a convolution of one pixel."""
        made = cls(convolution.in_channels, convolution.out_channels, bias=convolution.bias is not None)
        with torch.no_grad():
            made.weight.copy_(convolution.weight.flatten(1))
            if convolution.bias is not None:
                made.bias.copy_(convolution.bias)
        return made

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:  # noqa: ANN401
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}weight"] = destination[f"{prefix}weight"][:, :, None, None]

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *rest: Any, **more: Any) -> None:  # noqa: ANN401
        stored = state_dict.get(f"{prefix}weight")
        if stored is not None and stored.ndim == 4:
            state_dict[f"{prefix}weight"] = stored.flatten(1)
        super()._load_from_state_dict(state_dict, prefix, *rest, **more)


class Segmenter(nn.Module):
    """A semantic segmentation model of transformers, of which the logits are read."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - untyped
        """Hold the model."""
        super().__init__()
        self.inner = inner

    def forward(self, sizes: Tensor | None = None, **batch: Tensor) -> Tensor:
        """Return ``(B, K, h, w)``; ``sizes`` is not for the model."""
        del sizes
        logits: Tensor = self.inner(**batch).logits
        return logits


@dataclass(frozen=True)
class PlacePreprocessing:
    """Pictures as a model reads them, whole, and the sizes that they had.

    Both sides are brought to S pixels, whatever the shape of the picture: so a place of the output is the
    same place of the picture for every size, and nothing is cropped away that has to be answered.
    """

    inner: ImagePreprocessing | ProcessorPreprocessing
    side: int
    """S."""

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode pictures to ``(B, 3, S, S)``, with height and width of each ``(B, 2)``."""
        sizes = torch.tensor([[one.height, one.width] for one in raw], dtype=torch.float32)
        return {**self.inner(raw), SIZES: sizes}

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Give 1 for each picture: all cost the same."""
        return [1] * len(raw)

    def describe(self) -> dict[str, Any]:
        """Give what the inner preprocessing says, and the side."""
        found = {"kind": "places", "side": self.side, "inner": self.inner.describe()}
        return found | ({"size": self.side} if isinstance(self.inner, ImagePreprocessing) else {})

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "PlacePreprocessing":
        """Read what ``describe`` gave of an :class:`ImagePreprocessing`."""
        return cls(ImagePreprocessing.from_json(raw["inner"]), int(raw["side"]))
