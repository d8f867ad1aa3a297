"""Using a model for a while and leaving it as it was: mode, randomness, and every bit of its weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from crosstune.frozen.freeze import freeze
from crosstune.sources.base import Backbone
from crosstune.training.checkpointing import switch_off
from crosstune.training.lora import remove_adapters
from crosstune.training.precision import to_format
from crosstune.training.snapshot import moving, restore, take


@contextmanager
def own_randomness(device: torch.device) -> Iterator[None]:
    """Give torch's generators the state back that they had."""
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def at_rest_afterwards(backbone: Backbone) -> Iterator[None]:
    """Leave the model in eval mode, thawed, without gradients, where and as it was laid out before."""
    device = next(backbone.model.parameters()).device
    try:
        yield
    finally:
        backbone.model.to(device)
        switch_off(backbone.model)
        to_format(backbone.model, channels_last=False)
        freeze(backbone, 0)
        backbone.model.zero_grad(set_to_none=True)
        backbone.model.eval()


@contextmanager
def unchanged(backbone: Backbone, device: torch.device) -> Iterator[None]:
    """Let a trial train the model and change its head; afterwards model and randomness are as before.

    Adapters that were put on are taken off; parameters and buffers (BatchNorm statistics) come back bit for
    bit; the model is at rest (:func:`at_rest_afterwards`). Gradients and modes from before are not kept.

    Args:
        backbone: used inside.
        device: where it will compute: its generator is given back too.

    Cost: one copy of the weights on the CPU.
    Checked by: ``tests/training/test_aside.py``.
    """
    freeze(backbone, 0)  # it remembers what the model itself keeps fixed, before anything else fixes more
    names = [name for name, _ in backbone.model.named_parameters()]
    before = take(moving(backbone.model, names))
    try:
        with own_randomness(device), at_rest_afterwards(backbone):
            try:
                yield
            finally:
                remove_adapters(backbone)
    finally:
        restore(moving(backbone.model, names), before)
