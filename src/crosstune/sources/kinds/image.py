"""Models that read pictures: ViT, ConvNeXt, ResNet and their kin."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from crosstune.sources.assemble import image_lines
from crosstune.sources.base import OpenOptions
from crosstune.sources.kinds.base import HEAD_DROPOUTS, Opened
from crosstune.sources.processors import Gguf, open_processor


class ImageKind:
    """Pictures, through an image processor."""

    modality = "image"
    auto_class = "AutoModelForImageClassification"
    dropouts = HEAD_DROPOUTS

    def types(self) -> Collection[str]:
        """List the model types."""
        from transformers.models.auto import modeling_auto

        names: Collection[str] = modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES
        return names

    def prepare(self, config: Any) -> None:  # noqa: ANN401 - untyped
        """Leave the config as it is."""

    def open(self, folder: Path, model: Any, name: str, options: OpenOptions, gguf: Gguf | None) -> Opened:  # noqa: ANN401, ARG002
        """Open the image processor at the size that is asked for."""
        tool, preprocessing = open_processor(folder, name, options)
        return Opened(tool=tool, preprocessing=preprocessing)

    def lines(self, task: str) -> str:
        """Give the pipeline for pictures."""
        return image_lines(task)
