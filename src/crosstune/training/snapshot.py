"""Copies of the weights that move: taken, restored, written, averaged."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crosstune.core.files import replacing
from crosstune.training.shards import gathered, spread_like

Weights = dict[str, Tensor]
"""Name to a contiguous CPU tensor: moving parameters, and buffers such as BatchNorm statistics."""


def moving(model: nn.Module, names: Iterable[str]) -> dict[str, Tensor]:
    """Return the live tensors that a run changes: the parameters ``names`` and every saved buffer."""
    wanted, saved = set(names), model.state_dict().keys()
    live: dict[str, Tensor] = {name: p for name, p in model.named_parameters() if name in wanted}
    return live | {name: buffer for name, buffer in model.named_buffers() if name in saved}


def take(live: Mapping[str, Tensor]) -> Weights:
    """Copy live tensors to the CPU, whole ones of those that are spread over processes."""
    return {
        name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(gathered(tensor.detach()))
        for name, tensor in live.items()
    }


def restore(live: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Copy ``weights`` back, bit for bit."""
    with torch.no_grad():
        for name, tensor in live.items():
            tensor.copy_(spread_like(weights[name], tensor))


def write(path: Path, weights: Weights) -> None:
    """Write a safetensors file; a crash leaves the old one or the new one."""
    with replacing(path) as temporary:
        save_file(weights, temporary)


def read(path: Path) -> Weights:
    """Read what :func:`write` wrote."""
    weights: Weights = load_file(path)
    return weights


def mean(many: Sequence[Mapping[str, Tensor]]) -> Weights:
    """Average weights name by name in float64; whole numbers (counters) are taken from the first."""
    return {
        name: torch.stack([one[name].double() for one in many]).mean(0).to(first.dtype)
        if first.is_floating_point()
        else first.clone()
        for name, first in many[0].items()
    }


def link(source: Path, path: Path) -> None:
    """Let ``path`` be the present content of ``source``: a hard link where that works, else a copy.

    Files of weights are only ever replaced, never written into, so a link keeps what was there.
    """
    try:
        os.link(source, path)
    except OSError:
        shutil.copyfile(source, path)
