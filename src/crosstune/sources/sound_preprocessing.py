"""From sounds to what a transformers encoder of sounds reads, as ``transformers.pipeline`` makes it.

Shapes: B batch, S samples (or frames, where the model reads a spectrogram) of the longest of a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.core.sound import Sound
from crosstune.sources.base import Batch, Raw
from crosstune.sources.frames import inside
from crosstune.sources.preprocessing import plain

Floats = NDArray[np.float32]

UNIT = 320
"""Samples that count as one unit of cost: what wav2vec2 and its kin make one frame of."""

SHORTEST = 0.1
"""ASSUMED: seconds. A shorter sound is filled up with silence: no convolution has a wider first window, and
extractors that scale each sound by its own deviation over time need several frames of it."""


@dataclass(frozen=True)
class SoundPreprocessing:
    """Resample, cut, and let a feature extractor see each sound alone; then pad.

    What a sound becomes thus never depends on its neighbours, and is what the pipeline makes of it.
    """

    extractor: Any
    """A feature extractor of transformers."""
    window: bool
    """Whether the extractor gives every sound the same length (Whisper, AST), by cutting and filling up."""
    max_seconds: float | None
    """Longer sounds lose their end; ``None`` where the window says how much is heard."""
    least: int
    """Samples; shorter sounds are filled up with silence."""

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode sounds to float32 ``(B, S)`` or ``(B, S, bands)``, and a mask ``(B, S)`` where S varies."""
        encoded = [self.encode(one) for one in raw]
        if self.window:
            return {self.argument: torch.from_numpy(np.stack(encoded))}
        lengths = torch.tensor([len(one) for one in encoded])
        longest = int(lengths.max())
        shape = (len(encoded), longest, *encoded[0].shape[1:])
        padded = np.full(shape, self.extractor.padding_value, dtype=np.float32)
        for row, one in zip(padded, encoded, strict=True):
            row[: len(one)] = one
        mask = inside(lengths, longest).long()
        return {self.argument: torch.from_numpy(padded), "attention_mask": mask}

    @property
    def argument(self) -> str:
        """Name of the model's argument."""
        return str(self.extractor.model_input_names[0])

    @property
    def rate(self) -> int:
        """Samples a second that the model was made for."""
        return int(self.extractor.sampling_rate)

    def encode(self, sound: Sound) -> Floats:
        """Give what the extractor makes of one sound, without padding: first axis S."""
        samples = self.heard(sound)
        found = self.extractor(samples, sampling_rate=self.rate, return_tensors="np")
        values = np.asarray(found[self.argument][0], dtype=np.float32)
        if not self.window and "attention_mask" in found:
            values = values[: int(found["attention_mask"][0].sum())]
        return values

    def heard(self, sound: Sound) -> Floats:
        """Cut and resample one sound, and fill it up to the shortest that the model can read."""
        samples = sound.samples
        if self.max_seconds is not None:
            samples = samples[: round(self.max_seconds * sound.rate)]
        samples = Sound(samples, sound.rate).at(self.rate)
        return np.pad(samples, (0, max(0, self.least - len(samples))))

    @property
    def units_per_second(self) -> float:
        """Units of :meth:`lengths` in a second of sound; 0 where all cost the same."""
        return 0.0 if self.window else self.rate / UNIT

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Count the cost of each sound in units of 20 ms (at 16 kHz); 1 for each where all cost the same."""
        if self.window:
            return [1] * len(raw)
        most = self.max_seconds or float("inf")
        return [1 + int(min(one.seconds, most) * self.rate) // UNIT for one in raw]

    def describe(self) -> dict[str, Any]:
        """Give the extractor's own settings and its class, and what is done before it."""
        return {
            "kind": "sound",
            "class": type(self.extractor).__name__,
            "settings": plain(self.extractor.to_dict()),
            "max_seconds": self.max_seconds,
            "least": self.least,
            "resampled by": "soxr HQ",
        }


def has_window(extractor: Any) -> bool:  # noqa: ANN401 - untyped
    """Say whether an extractor gives sounds of different lengths one length, by trying two."""
    rate = extractor.sampling_rate
    name = extractor.model_input_names[0]
    shapes = {
        extractor(np.zeros(rate // part, np.float32), sampling_rate=rate, return_tensors="np")[name].shape
        for part in (2, 4)
    }
    return len(shapes) == 1
