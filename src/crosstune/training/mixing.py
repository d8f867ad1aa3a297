"""Mixup, CutMix and ClassMix: pictures of one batch mixed with each other, drawn from (seed, step)."""

import math

import numpy as np
import torch
from torch import Tensor

from crosstune.core.seeding import generator
from crosstune.sources.base import Batch

MIXUP_ALPHA = 0.2
"""Of the Beta distribution of the share (Zhang 2018, ImageNet)."""
CUTMIX_ALPHA = 1.0
"""Yun 2019."""


CLASSMIX = "classmix"
"""The name of what mixes pictures with masks."""


def mix(
    batch: Batch, targets: Tensor, *, operations: tuple[str, ...], seed: int, step: int, rank: int = 0
) -> tuple[Batch, Tensor]:
    """Mix every picture with another one of the batch; where both ways are named, a coin decides.

    Mixup: ``x' = share * x + (1 - share) * x[other]``. CutMix: a rectangle that covers ``1 - share`` of
    the area comes from the other picture; the share is then counted from its pixels. ClassMix: see
    :func:`paste_classes`.

    Args:
        batch: holds exactly one ``(B, C, H, W)`` tensor.
        targets: ``(B, K)``, one-hot; for ClassMix masks ``(B, H, W)``.
        operations: ``mixup``, ``cutmix`` or both; or ``classmix``.
        seed: of the run.
        step: counted from 0.
        rank: of the process; each mixes its own share of the effective batch.

    Returns:
        The batch with mixed pictures, and targets ``share * t + (1 - share) * t[other]``.
    """
    draw = generator(seed, "mix", step, rank)
    if operations == (CLASSMIX,):
        return paste_classes(batch, targets, draw)
    name = operations[int(draw.integers(len(operations)))]
    alpha = MIXUP_ALPHA if name == "mixup" else CUTMIX_ALPHA
    share = float(draw.beta(alpha, alpha))
    other = torch.from_numpy(draw.permutation(len(targets)))
    key = next(key for key, tensor in batch.items() if tensor.ndim == 4)
    pictures = batch[key]
    if name == "mixup":
        mixed = pictures * share + pictures[other] * (1.0 - share)
    else:
        mixed, share = _paste(pictures, other, share, draw)
    return {**batch, key: mixed}, targets * share + targets[other] * (1.0 - share)


def paste_classes(batch: Batch, masks: Tensor, draw: np.random.Generator) -> tuple[Batch, Tensor]:
    """Paste the pixels of half of the classes of another picture over every second picture, and their mask.

    Which half is drawn; of an odd number the smaller half, so that a picture of one class gives nothing.
    Ignored pixels are never pasted. Source: Olsson et al. (2021), ClassMix, arXiv:2007.07936, there for
    pictures without masks, whose classes a teacher names.

    Args:
        batch: holds exactly one ``(B, C, H, W)`` tensor.
        masks: ``(B, H, W)`` class numbers, below 0 where a pixel is ignored.
        draw: what is drawn comes from here.
    """
    other = draw.permutation(len(masks))
    taken = torch.zeros(masks.shape, dtype=torch.bool)
    for place, partner in enumerate(other):
        present = torch.unique(masks[partner])
        present = present[present >= 0].numpy()
        chosen = draw.permutation(present)[: len(present) // 2]
        if draw.random() < 0.5:
            taken[place] = torch.isin(masks[partner], torch.from_numpy(chosen))
    key = next(key for key, tensor in batch.items() if tensor.ndim == 4)
    order = torch.from_numpy(other)
    mixed = torch.where(taken[:, None], batch[key][order], batch[key])
    return {**batch, key: mixed}, torch.where(taken, masks[order], masks)


def _paste(pictures: Tensor, other: Tensor, share: float, draw: np.random.Generator) -> tuple[Tensor, float]:
    height, width = pictures.shape[-2:]
    side = math.sqrt(1.0 - share)
    high, wide = round(height * side), round(width * side)
    middle_y, middle_x = int(draw.integers(height)), int(draw.integers(width))
    top, bottom = max(middle_y - high // 2, 0), min(middle_y + (high + 1) // 2, height)
    left, right = max(middle_x - wide // 2, 0), min(middle_x + (wide + 1) // 2, width)
    mixed = pictures.clone()
    mixed[..., top:bottom, left:right] = pictures[other][..., top:bottom, left:right]
    return mixed, 1.0 - (bottom - top) * (right - left) / (height * width)
