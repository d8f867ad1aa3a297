"""From raw examples to the batch a model reads, exactly as the saved model will do it."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crosstune.sources.base import Batch, Raw

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessing:
    """Resize the shorter side, crop the centre, normalise: timm's and torchvision's evaluation transform.

    Equal to ``timm.data.create_transform(is_training=False)`` and to torchvision's presets bit for bit
    on RGB pictures. Checked by: ``tests/sources/test_preprocessing.py``.
    """

    argument: str
    """Name of the model's argument."""
    size: int
    """Side of the square that the model reads, in pixels."""
    resize: int
    """Length that the shorter side gets before the crop, at least ``size``."""
    interpolation: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    squash: bool = False
    """Whether both sides get the length ``resize``, whatever the picture's shape."""

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode pictures to float32 ``(B, 3, size, size)``."""
        pictures = [self.pixels(one) for one in raw]
        if not all(picture.ndim == 2 for picture in pictures):
            pictures = [p if p.ndim == 3 else np.repeat(p[:, :, None], 3, axis=2) for p in pictures]
        stacked = torch.from_numpy(np.stack(pictures))
        planes = stacked.unsqueeze(1) if stacked.ndim == 3 else stacked.permute(0, 3, 1, 2)
        return {self.argument: self.normalise(planes)}

    def normalise(self, planes: Tensor) -> Tensor:
        """Map uint8 ``(B, 1 or 3, H, W)`` to normalised float32 ``(B, 3, H, W)``."""
        mean = torch.tensor(self.mean, dtype=torch.float32).view(1, 3, 1, 1)
        std = torch.tensor(self.std, dtype=torch.float32).view(1, 3, 1, 1)
        scaled = planes.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        return scaled.sub(mean).div_(std)

    def pixels(self, picture: Image.Image) -> NDArray[np.uint8]:
        """Resize and crop to uint8 ``(size, size, 3)``, or ``(size, size)`` where all channels are equal."""
        if picture.mode != "RGB":
            picture = picture.convert("RGB")
        values = np.asarray(picture)
        if _is_grey(values):
            picture = picture.getchannel(0)
        target = self._resized(*picture.size)
        if target != picture.size:
            picture = picture.resize(target, RESAMPLING[self.interpolation])
        width, height = target
        left, top = round((width - self.size) / 2.0), round((height - self.size) / 2.0)
        if (width, height) != (self.size, self.size):
            picture = picture.crop((left, top, left + self.size, top + self.size))
        return np.asarray(picture)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if self.squash:
            return self.resize, self.resize
        if width <= height:
            return self.resize, int(self.resize * height / width)
        return int(self.resize * width / height), self.resize

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Give 1 for each picture: all cost the same."""
        return [1] * len(raw)

    def describe(self) -> dict[str, Any]:
        """Give the fields, and what kind of preprocessing it is."""
        return {"kind": "image", **asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "ImagePreprocessing":
        """Read what ``describe`` gave."""
        fields = {key: value for key, value in raw.items() if key != "kind"}
        return cls(**{**fields, "mean": tuple(raw["mean"]), "std": tuple(raw["std"])})


def _is_grey(values: NDArray[np.uint8]) -> bool:
    """Say whether the three channels are equal; a coarse sample first, because most pictures are not."""
    coarse = values[::16, ::16]
    if (coarse[:, :, :1] != coarse[:, :, 1:]).any():
        return False
    return bool((values[:, :, :1] == values[:, :, 1:]).all())


def crop_share(size: int, resize: int) -> float:
    """Return the ``crop_pct`` with which timm resizes to exactly ``resize`` before cropping ``size``.

    timm computes floor(size / crop_pct), which plain division misses for some pairs by rounding.
    """
    share = size / resize
    while math.floor(size / share) < resize:
        share = math.nextafter(share, 0.0)
    return share


@dataclass(frozen=True)
class ProcessorPreprocessing:
    """A transformers image processor, as ``transformers.pipeline`` will use it."""

    processor: Any

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode RGB pictures to ``pixel_values`` ``(B, 3, H, W)``."""
        return {"pixel_values": self.processor(images=list(raw), return_tensors="pt")["pixel_values"]}

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Give 1 for each picture: all cost the same."""
        return [1] * len(raw)

    def describe(self) -> dict[str, Any]:
        """Give the processor's own settings and its class, which names the backend."""
        settings = self.processor.to_dict()
        return {"kind": "processor", "class": type(self.processor).__name__, "settings": plain(settings)}


def plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """Turn settings into JSON values with sorted names; whatever JSON has no word for becomes its text."""
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _stateless(backend: Any) -> str:  # noqa: ANN401 - untyped
    """Write a tokenizer without how the last call padded and cut, which it remembers."""
    described = json.loads(backend.to_str())
    kept = {key: value for key, value in described.items() if key not in {"padding", "truncation"}}
    return json.dumps(kept, sort_keys=True)


@dataclass(frozen=True)
class TextPreprocessing:
    """A transformers tokenizer: cut at ``max_length`` tokens, padded to the longest of the batch."""

    tokenizer: Any
    max_length: int

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode texts, or pairs of texts, to token arrays ``(B, T)``."""
        encoded = self._encode(raw, padding=True, return_tensors="pt")
        return {name: tensor for name, tensor in encoded.items() if isinstance(tensor, Tensor)}

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Count the tokens of each example after cutting, special tokens included."""
        return [len(ids) for ids in self._encode(raw)["input_ids"]] if len(raw) else []

    def _encode(self, raw: Sequence[Raw], **how: Any) -> Any:  # noqa: ANN401 - passed on
        pairs = [one for one in raw if not isinstance(one, str)]
        texts = [[first for first, _ in raw], [second for _, second in raw]] if pairs else [list(raw)]
        return self.tokenizer(*texts, truncation=True, max_length=self.max_length, **how)

    def describe(self) -> dict[str, Any]:
        """Give the length limit and a hash of everything that fixes the tokens."""
        return {
            "kind": "text",
            "class": type(self.tokenizer).__name__,
            "max_length": self.max_length,
            "tokenizer": self._digest,
        }

    @cached_property
    def _digest(self) -> str:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        content = (
            _stateless(backend) if backend is not None else repr(sorted(self.tokenizer.get_vocab().items()))
        )
        settings = repr(
            (self.tokenizer.padding_side, self.tokenizer.truncation_side, self.tokenizer.model_input_names)
        )
        return hashlib.blake2b((content + settings).encode(), digest_size=16).hexdigest()
