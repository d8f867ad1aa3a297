"""Folders of transformers models that read whole pictures, brought to one square: for masks and boxes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crosstune.sources.assemble import Identity, example
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.processors import open_processor
from crosstune.sources.segmenter import PlacePreprocessing
from crosstune.sources.transformers_folders import save_parts


def whole_processor(folder: Path, name: str, options: OpenOptions) -> tuple[Any, PlacePreprocessing]:
    """Open the image processor, and let it bring whole pictures to one square.

    Raises:
        UnsupportedModel: there is none, or ``resize`` was given.
    """
    if options.resize is not None:
        raise UnsupportedModel(
            "whole pictures are resized for masks and boxes, and nothing is cropped",
            found=f"resize {options.resize}",
            expected="no value for `resize`",
            fix="leave out `resize`; `image_size` is the side that pictures are read at",
        )
    tool, inner = open_processor(folder, name, options)
    pixels = inner([example("image")])["pixel_values"]
    side = options.image_size or int(min(pixels.shape[-2:]))
    tool.do_resize, tool.size = True, {"height": side, "width": side}
    for switch in ("do_center_crop", "do_pad", "keep_aspect_ratio"):
        if getattr(tool, switch, None):
            setattr(tool, switch, False)
    return tool, PlacePreprocessing(inner, side)


@dataclass(frozen=True)
class WholePictureSaver:
    """Writes such a model with ``save_pretrained``: weights, image processor, classes."""

    model: Any
    tool: Any
    preprocessing: PlacePreprocessing
    identity: Identity
    options: OpenOptions
    format: str
    """Of the record that the folder gets."""

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write everything that transformers needs, and ``crosstune.json``, into ``path``."""
        save_parts(path, self.model, self.tool, names=hub_config["id2label"])
        options = replace(self.options, image_size=self.preprocessing.side)
        self.identity.record(self.format, options, self.preprocessing).write(path)
