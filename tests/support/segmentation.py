"""Tiny random segmentation models, and pictures whose masks can be told by colour."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.seeding import generator
from crosstune.sources.base import Backbone, OpenOptions
from tests.support.tiny import Kind, MemoryItems, tiny_backbone

TASK = "image-segmentation"
CLASSES = ("background", "cat", "dog")
COLOURS = ((90, 90, 90), (220, 60, 40), (40, 80, 220))

Family = Literal["segformer", "upernet", "dpt"]
FAMILIES: tuple[Family, ...] = get_args(Family)
Made = Family | Kind | Literal["unet"]


@dataclass(frozen=True)
class Mask:
    """A mask of the values 0 to 2, and 255 for what is ignored."""

    values: NDArray[np.uint8]

    def pixels(self) -> NDArray[np.int64]:
        """Give the values."""
        return self.values.astype(np.int64)

    def name(self, value: int) -> str | None:
        """Name a value."""
        return None if value == 255 else CLASSES[value]


def mask_items(count: int, seed: int = 0, *, size: int = 40) -> MemoryItems:
    """Make pictures of several sizes with a rectangle of each class, and some ignored rows."""
    pictures, masks = [], []
    for number in range(count):
        draw = generator(seed, "masks", number)
        height, width = (size + int(draw.integers(0, 13)) for _ in range(2))
        mask = np.zeros((height, width), np.uint8)
        for kind in (1, 2):
            top, left = (int(draw.integers(0, side // 2)) for side in (height, width))
            mask[top : top + height // 3, left : left + width // 3] = kind
        pixels = np.array(COLOURS)[mask] + draw.normal(0, 12, (height, width, 3))
        mask[: int(draw.integers(0, height // 2))] = 255
        pictures.append(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))
        masks.append(Mask(mask))
    return MemoryItems(pictures, masks)


def options(classes: Sequence[str] = CLASSES, **more: Any) -> OpenOptions:
    """Ask for a segmentation model."""
    return OpenOptions(task=TASK, outputs=len(classes), symbols=tuple(classes), **more)


def segmenter(made: Made, folder: Path) -> Backbone:
    """Open a tiny segmentation model of transformers, or a tiny picture model with our decoder."""
    from crosstune.sources.registry import open_model

    if made == "unet":
        return open_model("timm:test_efficientnet", options(pretrained=False, image_size=64, decoder="unet"))
    if made not in FAMILIES:
        return tiny_backbone(made, len(CLASSES), folder, task=TASK)
    path = folder / made
    if not path.exists():
        tiny_segmenter_dir(path, made)
    return open_model(str(path), options())


def tiny_segmenter_dir(path: Path, family: Family, *, classes: Sequence[str] = (), seed: int = 0) -> Path:
    """Save a semantic segmentation model that reads 32 px (UPerNet 64 px), and its image processor."""
    import transformers

    labels: dict[str, Any] = (
        {"id2label": dict(enumerate(classes)), "label2id": {n: i for i, n in enumerate(classes)}}
        if classes
        else {"num_labels": 5}
    )
    side = 64 if family == "upernet" else 32
    if family == "segformer":
        config: Any = transformers.SegformerConfig(
            depths=[1, 1, 1, 1], hidden_sizes=[8, 8, 16, 16], num_attention_heads=[1, 1, 2, 2],
            decoder_hidden_size=16, drop_path_rate=0.0, **labels,
        )  # fmt: skip
    elif family == "upernet":
        body = transformers.ResNetConfig(
            embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[1, 1, 1, 1], layer_type="basic",
            out_features=["stage1", "stage2", "stage3", "stage4"],
        )  # fmt: skip
        config = transformers.UperNetConfig(
            backbone_config=body, hidden_size=16, auxiliary_channels=8, auxiliary_in_channels=24, **labels
        )
    else:
        config = transformers.DPTConfig(
            image_size=side, patch_size=8, hidden_size=16, num_hidden_layers=4, num_attention_heads=2,
            intermediate_size=32, backbone_out_indices=[0, 1, 2, 3], neck_hidden_sizes=[8, 8, 16, 16],
            fusion_hidden_size=16, readout_type="ignore", **labels,
        )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.AutoModelForSemanticSegmentation.from_config(config).save_pretrained(path)
    kind = transformers.DPTImageProcessor if family == "dpt" else transformers.SegformerImageProcessor
    kind(size={"height": side, "width": side}).save_pretrained(path)
    return path
