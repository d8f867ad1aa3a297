"""Short measurements that the cost model stands on."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from crosstune.frozen.cut import Cut
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.taps import PrefixModel
from crosstune.sources.base import Backbone, Batch


@dataclass(frozen=True)
class CutCosts:
    """For each example, on this machine, in float32."""

    prefix_seconds: float
    """Forward through the frozen blocks."""
    suffix_seconds: float
    """Forward and backward through the rest."""
    bytes_per_example: float
    """Of the activation in float32."""


def measure_cut(backbone: Backbone, cut: int, batch: Batch, *, seconds: float = 0.5) -> CutCosts:
    """Time both sides of a cut on one batch; no weight, gradient or statistic changes.

    Args:
        backbone: frozen up to ``cut``; runs in eval mode for the measurement.
        cut: at least 1.
        batch: real, of the size that training will use, on the model's device.
        seconds: time for each side, after one warm-up.

    Cost: about ``2 * seconds``, at least two steps of the batch.
    """
    rows = len(next(iter(batch.values())))
    moving = [parameter for parameter in backbone.model.parameters() if parameter.requires_grad]
    with evaluating(backbone.model):
        prefix = PrefixModel(backbone, cut).eval()

        def forward() -> torch.Tensor:
            with torch.no_grad():
                activation: torch.Tensor = prefix(**batch)[0]
            return activation

        activation = forward()

        def step() -> None:
            loss = suffix(batch, activation.clone()).float().square().mean()
            torch.autograd.grad(loss, moving, allow_unused=True)

        with Cut(backbone, cut, batch) as suffix:
            after = _seconds(step, seconds, activation.device)
        before = _seconds(forward, seconds, activation.device)
    return CutCosts(before / rows, after / rows, activation[0].numel() * 4)


def _seconds(call: Callable[[], object], seconds: float, device: torch.device) -> float:
    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    call()
    wait()
    began, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - began < seconds:
        call()
        wait()
        calls += 1
    return (time.perf_counter() - began) / calls
