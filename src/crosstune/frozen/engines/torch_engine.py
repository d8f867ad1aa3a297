"""The engine that is always there, and the only one on a GPU."""

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crosstune.frozen.engines.base import Compiled

Arrays = tuple[NDArray[np.float32], ...]
_SLOW = 4.0
"""Seconds of a first call that is not repeated. A converted engine prepares itself for every new shape: the
first 64 pictures of 224 px took OpenVINO 1.5 s, the next 0.4."""


def best_device() -> torch.device:
    """Return the GPU where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def placed(
    batch: Mapping[str, Tensor], device: torch.device, *, channels_last: bool = False
) -> dict[str, Tensor]:
    """Have a batch on ``device``, pictures ``(B, C, H, W)`` in the layout that is fastest there.

    On a processor that is channels-last in float32 too. A picture keeps it through the whole model, whatever
    the layout of the weights, so they are not copied. ``benchmarks/picture_layout.py`` measures both: 1.7
    times as fast for EfficientNet-lite0, 1.3 for ResNet-18, 1.0 for ViT. On a GPU float32 stays as it is: not
    measured there.
    """
    fast = channels_last or device.type == "cpu"
    moved = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
    return {
        name: tensor.contiguous(memory_format=torch.channels_last) if fast and tensor.dim() == 4 else tensor
        for name, tensor in moved.items()
    }


@contextmanager
def at_work(model: nn.Module) -> Iterator[torch.device]:
    """Have ``model`` on the GPU where there is one, float32 convolutions exact; then back where it was."""
    home, device = next(model.parameters()).device, best_device()
    exact = torch.backends.cudnn.flags(allow_tf32=False) if device.type == "cuda" else nullcontext()
    try:
        model.to(device)
        with exact:
            yield device
    finally:
        model.to(home)


class TorchCompiled:
    """A module run by torch in float32, or in bf16 autocast."""

    def __init__(self, module: nn.Module, device: torch.device, *, half: bool, exact: bool) -> None:
        self.module, self.device, self.half, self._full = module, device, half, exact
        self.exact = exact or (device.type == "cpu" and not half)

    @torch.inference_mode()
    def __call__(self, batch: Mapping[str, Tensor]) -> Arrays:
        """Run one batch."""
        moved = placed(batch, self.device, channels_last=self.half)
        autocast = torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.half)
        # cuDNN computes float32 convolutions in TF32 unless told otherwise.
        full = torch.backends.cudnn.flags(allow_tf32=False) if self._full_cuda() else nullcontext()
        with autocast, full:
            outputs = self.module(**moved)
        return tuple(output.float().cpu().numpy() for output in outputs)

    def _full_cuda(self) -> bool:
        return self._full and self.device.type == "cuda"


class TorchEngine:
    """Plain torch."""

    name = "torch"

    def available(self) -> bool:
        """Torch is a core dependency."""
        return True

    def compile(self, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool) -> Compiled:
        """Take float32 when exact; otherwise the faster of float32 and bf16, by a short benchmark.

        The module is copied where the fast variant needs another memory layout or device, so that the
        caller's weights stay as they are.
        """
        device = best_device()
        plain = TorchCompiled(_on(module, device), device, half=False, exact=exact)
        if exact or not multiplies_bf16(device):
            return plain
        half = TorchCompiled(_channels_last(plain.module, example), device, half=True, exact=False)
        return half if rate(half, example) > rate(plain, example) else plain


def multiplies_bf16(device: torch.device) -> bool:
    """Say whether bf16 may be faster than float32; where nobody knows, a benchmark finds out.

    An x86 processor without bf16 instructions converts every number, and the benchmark alone takes a second.
    """
    if device.type != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return True
    known = torch.cpu.get_capabilities()
    if known.get("architecture") != "x86_64" or "avx512_bf16" not in known:
        return True
    return bool(known["avx512_bf16"] or known.get("amx_bf16"))


def with_precision(
    module: nn.Module, example: Mapping[str, Tensor], *, half: bool, exact: bool = False
) -> TorchCompiled:
    """Compile without a benchmark, in bf16 (``half``) or float32: as an interrupted pass began.

    ``exact`` is float32 throughout, without TF32 on a GPU.
    """
    device = best_device()
    plain = _on(module, device)
    chosen = _channels_last(plain, example) if half else plain
    return TorchCompiled(chosen, device, half=half, exact=exact and not half)


def rate(compiled: Compiled, example: Mapping[str, Tensor], *, seconds: float = 0.3) -> float:
    """Measure examples per second: one warm-up call, then calls for about ``seconds``.

    Where the first call is slow already it is the measurement: a big model must not cost a minute here.
    """
    rows = len(next(iter(example.values())))
    began = time.perf_counter()
    compiled(example)
    cold = time.perf_counter() - began
    if cold > _SLOW:
        return rows / cold
    return rows / _seconds_per_call(lambda: compiled(example), seconds)


def _seconds_per_call(call: Callable[[], object], seconds: float) -> float:
    started, calls = time.perf_counter(), 0
    while calls == 0 or time.perf_counter() - started < seconds:
        call()
        calls += 1
    return (time.perf_counter() - started) / calls


def _on(module: nn.Module, device: torch.device) -> nn.Module:
    parameter = next(module.parameters(), None)
    if parameter is None or parameter.device.type == device.type:
        return module
    return copy.deepcopy(module).to(device)


def _channels_last(module: nn.Module, example: Mapping[str, Tensor]) -> nn.Module:
    if not any(tensor.dim() == 4 for tensor in example.values()):
        return module
    moved: nn.Module = copy.deepcopy(module).to(memory_format=torch.channels_last)
    return moved
