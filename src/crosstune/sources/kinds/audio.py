"""Models that read sounds: wav2vec2, HuBERT, WavLM, the encoder of Whisper, AST and their kin.

What they draw at random on their own is switched off: masks (SpecAugment inside the model) come from one
generator for the whole batch, and LayerDrop would skip layers that a cut has already computed. Masks are an
augmentation here, drawn for each example (``training/augment.py``). Dropout stays.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch

from crosstune.core.errors import BadValue
from crosstune.core.extras import require
from crosstune.core.sound import EXTRA
from crosstune.sources.assemble import audio_lines
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.frames import Frames
from crosstune.sources.group_norms import leave_padding_out
from crosstune.sources.kinds.base import Opened
from crosstune.sources.processors import Gguf, open_extractor
from crosstune.sources.sound_preprocessing import SHORTEST, SoundPreprocessing, has_window

LONGEST = 15.0
"""Seconds that are heard of a sound, unless asked otherwise. PRIOR: wav2vec 2.0 was pretrained on crops of
250,000 samples, 15.6 s (Baevski 2020)."""

RANDOM = ("layerdrop", "encoder_layerdrop", "mask_time_prob", "mask_feature_prob")
"""What configs call the shares of layers and frames that a model leaves out at random."""

LEAK = frozenset({"data2vec-audio", "sew", "sew-d", "wav2vec2-conformer"})
"""Model types whose convolutions between layers run over padding, in transformers as it is: what a sound
gives depends on how much it is padded. Nothing here can mend that; batches hold sounds of like length."""
LEAKS = (
    "what this model says of a sound depends a little on the longest sound of its batch, since its "
    "convolutions run over padding; batches hold sounds of like length"
)


class AudioKind:
    """Sounds, through a feature extractor."""

    modality = "audio"
    auto_class = "AutoModelForAudioClassification"
    dropouts = ()
    """Those that configs name are inside the layers, or before the head of a recogniser."""

    def types(self) -> Collection[str]:
        """List the model types."""
        from transformers.models.auto import modeling_auto

        names: Collection[str] = modeling_auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES
        return names

    def prepare(self, config: Any) -> None:  # noqa: ANN401 - untyped
        """Switch off what the model draws for whole batches; without masks it has no vector for them."""
        for name in RANDOM:
            if getattr(config, name, 0.0):
                setattr(config, name, 0.0)

    def open(self, folder: Path, model: Any, name: str, options: OpenOptions, gguf: Gguf | None) -> Opened:  # noqa: ANN401, ARG002
        """Open the feature extractor; padding and fixed parameters of the model are seen to.

        Raises:
            UnsupportedModel: there is no feature extractor, or ``max_seconds`` for a fixed window.
            BadValue: ``max_seconds`` is not above 0.
            MissingExtra: ``soxr`` is not installed.
        """
        require("soxr", extra=EXTRA, purpose=f"the model `{name}`, which reads sounds")
        tool = open_extractor(folder, name)
        window = has_window(tool)
        frames = None if window else _frames(model.config)
        least = max(round(SHORTEST * tool.sampling_rate), frames.samples(1) if frames else 0)
        preprocessing = SoundPreprocessing(
            extractor=tool, window=window, max_seconds=_seconds(name, options, window=window), least=least
        )
        leave_padding_out(model, frames)
        _keep_fixed(model)
        return Opened(
            tool=tool,
            preprocessing=preprocessing,
            mask=None if window else "attention_mask",
            frames=frames,
            notes=(LEAKS,) if model.config.model_type in LEAK else (),
        )

    def lines(self, task: str) -> str:
        """Give the pipeline for sounds."""
        return audio_lines(task)


def _seconds(name: str, options: OpenOptions, *, window: bool) -> float | None:
    asked = options.max_seconds
    if asked is not None and not 0 < asked < float("inf"):
        raise BadValue(
            "`max_seconds` is no length of a sound",
            found=f"max_seconds {asked}",
            expected="a number of seconds above 0",
            fix="leave out `max_seconds`, or give such a number",
        )
    if window and asked is not None:
        raise UnsupportedModel(
            f"the model `{name}` hears a window of fixed length",
            found=f"a value for `max_seconds`: {asked}",
            expected="no value: a model of this kind fills shorter sounds up and cuts longer ones itself",
            fix="leave out `max_seconds`, or choose a model such as wav2vec2",
        )
    return None if window else asked or LONGEST


def _frames(config: Any) -> Frames | None:  # noqa: ANN401 - untyped
    """Read the convolutions of wav2vec2 and its kin; others make one frame of each entry they read."""
    kernels, strides = getattr(config, "conv_kernel", None), getattr(config, "conv_stride", None)
    if isinstance(kernels, list | tuple) and isinstance(strides, list | tuple):
        return Frames(tuple(kernels), tuple(strides))
    return None


def _keep_fixed(model: Any) -> None:  # noqa: ANN401 - untyped
    """Take the gradient from parameters that the architecture keeps fixed; loading gives it to all.

    Whisper's sinusoidal positions are the example.
    """
    with torch.device("meta"):
        fresh = type(model)(model.config)
    fixed = {name for name, parameter in fresh.named_parameters() if not parameter.requires_grad}
    for name, parameter in model.named_parameters():
        if name in fixed:
            parameter.requires_grad_(False)
