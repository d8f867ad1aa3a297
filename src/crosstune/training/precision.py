"""A short benchmark at the start that decides precision and memory format where they are ``auto``."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import torch
from torch import Tensor, nn

from crosstune.core.memory import CAN_BE_MEMORY, is_out_of_memory
from crosstune.core.settings import Settings
from crosstune.training.forward import Forward, autocast
from crosstune.training.loader import Loaded
from crosstune.training.snapshot import restore
from crosstune.training.update import Loss

EXAMPLES = 8
"""In a first pass, which tells for how many of the micro-batch there is time. MEASURED, forward and backward
of the last five blocks of EfficientNet-lite2 at 96 px: with 8 examples channels-last is 1.3 times as fast as
contiguous, with 64 it is 1.9 times, so a choice by 8 says little about a batch of 64."""
REPEATS = 2
LONG = 1.0
"""Seconds of a pass that is not repeated."""
GAIN = 1.05
"""How much faster than plain float32 another choice must be."""


@dataclass(frozen=True, kw_only=True)
class Numerics:
    """What was decided."""

    bf16: bool
    channels_last: bool
    seconds: Mapping[str, float]
    """Forward and backward, by candidate, for each example; empty where nothing was left to decide."""

    @property
    def precision(self) -> str:
        """The value of the setting."""
        return "bf16" if self.bf16 else "fp32"

    @property
    def memory_format(self) -> str:
        """The value of the setting."""
        return "channels-last" if self.channels_last else "contiguous"


def choose_numerics(
    forward: Forward, loss: Loss, loaded: Loaded, settings: Settings, *, device: torch.device, allowed: float
) -> Numerics:
    """Time a real forward and backward pass for each candidate and take the fastest.

    No update is made, and BatchNorm statistics are put back bit for bit. A candidate must be faster than
    plain float32 by the factor ``GAIN``.

    Args:
        forward: in training mode, on ``device``.
        loss: of the task.
        loaded: a micro-batch; as much of it is used as there is time for, at least ``EXAMPLES``.
        settings: ``precision`` and ``memory_format``; a value other than ``auto`` is kept.
        device: where to compute.
        allowed: seconds after which no further candidate is tried.
    """
    candidates = _candidates(forward, loaded, settings, device)
    if len(candidates) == 1:
        to_format(forward.model, channels_last=candidates[0][1])
        return Numerics(bf16=candidates[0][0], channels_last=candidates[0][1], seconds={})
    buffers = dict(forward.model.named_buffers())
    before = {name: buffer.clone() for name, buffer in buffers.items()}
    times = _times(forward, loss, loaded, candidates, device, allowed)
    restore(buffers, before)
    best = min(candidates, key=lambda one: times.get(one, inf) * (1.0 if one == candidates[0] else GAIN))
    to_format(forward.model, channels_last=best[1])
    named = {
        f"{'bf16' if b else 'fp32'} {'channels-last' if c else 'contiguous'}": t
        for (b, c), t in times.items()
    }
    return Numerics(bf16=best[0], channels_last=best[1], seconds=named)


def _times(
    forward: Forward, loss: Loss, loaded: Loaded, candidates: Sequence[tuple[bool, bool]],
    device: torch.device, allowed: float,
) -> dict[tuple[bool, bool], float]:  # fmt: skip
    """Give the seconds of an example for those candidates that there is time for.

    The plainest one on a few examples tells on how many there is time to try all. Where memory runs out fewer
    are tried; empty where not even one fits.
    """
    small, ready = _first(loaded, EXAMPLES), len(loaded.indices) <= EXAMPLES
    began = time.monotonic()
    while True:
        times = dict[tuple[bool, bool], float]()
        try:
            for one in candidates:
                if times and time.monotonic() - began > allowed:
                    break
                times[one] = _timed(forward, loss, small, one, device, allowed)
                if not ready:
                    ready = True
                    rows = int(allowed / (times[one] * (1 + REPEATS) * len(candidates)))
                    if rows > len(small.indices):  # otherwise this was the measurement
                        small = _first(loaded, rows)
                        times[one] = _timed(forward, loss, small, one, device, allowed)
            return times
        except CAN_BE_MEMORY as error:
            if not is_out_of_memory(error):
                raise
        ready = True
        forward.zero_grad(set_to_none=True)
        if len(small.indices) == 1:
            return {}
        small = _first(small, len(small.indices) // 2)


def _timed(
    forward: Forward, loss: Loss, small: Loaded, candidate: tuple[bool, bool], device: torch.device,
    allowed: float,
) -> float:  # fmt: skip
    """Give the seconds of an example for one candidate."""
    bf16, channels_last = candidate
    to_format(forward.model, channels_last=channels_last)
    micro = small.to(device, channels_last=channels_last)
    return _seconds(forward, loss, micro, device, allowed, bf16=bf16) / len(small.indices)


def _candidates(
    forward: Forward, loaded: Loaded, settings: Settings, device: torch.device
) -> list[tuple[bool, bool]]:
    """List (bf16, channels-last), the plainest first and the likeliest winner next.

    That is channels-last, and bf16 before it except on CPUs: most compute bf16 no faster than float32, and
    the time allowed may end before the next candidate.
    """
    convolutions = sum(isinstance(module, nn.Conv2d) for module in forward.model.modules())
    pictures = any(tensor.ndim == 4 for tensor in _tensors(loaded))
    reduced = {"auto": (False, True), "fp32": (False,), "bf16": (True,)}[settings.precision]
    last = {"auto": (False, True), "contiguous": (False,), "channels-last": (True,)}[settings.memory_format]
    if settings.memory_format == "auto" and not (convolutions > 1 and pictures):
        last = (False,)
    every = [(b, c) for b in reduced for c in last]
    half_first = device.type != "cpu"
    return sorted(every, key=lambda one: (one != every[0], not one[1], one[0] != half_first))


def _tensors(loaded: Loaded) -> list[Tensor]:
    extra = [] if loaded.activation is None else [loaded.activation]
    return [*loaded.batch.values(), *extra]


def _first(loaded: Loaded, most: int) -> Loaded:
    return replace(
        loaded,
        indices=loaded.indices[:most],
        batch={key: tensor[:most] for key, tensor in loaded.batch.items()},
        targets=loaded.targets[:most],
        activation=None if loaded.activation is None else loaded.activation[:most],
    )


def to_format(model: nn.Module, *, channels_last: bool) -> None:
    """Lay out the 4-D weights of ``model``, in place; their values stay what they are."""
    model.to(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def _seconds(
    forward: Forward, loss: Loss, micro: Loaded, device: torch.device, allowed: float, *, bf16: bool
) -> float:
    """Return the fastest pass after a first one, which pays for what is done once."""
    times: list[float] = []
    for _ in range(1 + REPEATS):
        torch.manual_seed(0)
        started = time.perf_counter()
        with autocast(device, bf16=bf16):
            outputs = forward(micro.batch, micro.activation)
        loss(outputs, micro.targets).total.backward()  # type: ignore[no-untyped-call]
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - started)
        forward.zero_grad(set_to_none=True)
        if sum(times) > allowed or (len(times) > 1 and times[-1] > LONG):
            break
    return min(times[1:] or times)
