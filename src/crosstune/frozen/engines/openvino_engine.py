"""OpenVINO: usually the fastest on a CPU. Converts the torch module directly, taps included."""

import sys
import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crosstune.core.extras import installed, require
from crosstune.frozen.engines.base import Compiled, Key, varies
from crosstune.frozen.engines.positional import Positional

Arrays = tuple[NDArray[np.float32], ...]
_SMALLEST_PART = 4


class OpenVinoCompiled:
    """A compiled model with as many infer requests as it likes to have in flight."""

    def __init__(self, compiled: Any, names: tuple[str, ...]) -> None:  # noqa: ANN401
        wanted = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        self.names = names
        self.requests = [compiled.create_infer_request() for _ in range(max(1, int(wanted)))]
        self.outputs = range(len(compiled.outputs))
        self.exact = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name() == "f32"

    def __call__(self, batch: Mapping[str, Tensor]) -> Arrays:
        """Run one batch, split over the infer requests: each has its own share of the cores."""
        arrays = [np.ascontiguousarray(batch[name].numpy()) for name in self.names]
        parts = _parts(len(arrays[0]), len(self.requests))
        running = self.requests[: len(parts)]
        for request, (start, stop) in zip(running, parts, strict=True):
            request.start_async([array[start:stop] for array in arrays], share_inputs=True)
        for request in running:
            request.wait()
        return tuple(
            np.concatenate([request.get_output_tensor(i).data for request in running])
            if len(running) > 1
            else running[0].get_output_tensor(i).data.copy()
            for i in self.outputs
        )

    def stream(self, batches: Iterable[tuple[Key, Mapping[str, Tensor]]]) -> Iterator[tuple[Key, Arrays]]:
        """Run batches in their order; no request waits for the others, nor for what the caller does.

        MEASURED: EfficientNet-lite0 at 96 px on two cores, decoding included: 14 % more pictures a second
        than batch after batch (the mean of three rounds that took turns: 565 against 497).
        """
        free, busy = deque(self.requests), deque[_Running]()
        waiting: deque[tuple[Key, _Gathered]] = deque()
        try:
            for key, batch in batches:
                arrays = [np.ascontiguousarray(batch[name].numpy()) for name in self.names]
                cuts = _parts(len(arrays[0]), len(self.requests))
                gathered = _Gathered(len(cuts))
                waiting.append((key, gathered))
                for start, stop in cuts:
                    if not free:
                        free.append(self._finish(busy.popleft()))
                    running = _Running(free.popleft(), [array[start:stop] for array in arrays], gathered)
                    running.request.start_async(running.inputs, share_inputs=True)
                    busy.append(running)
                while waiting and waiting[0][1].complete:
                    done, outputs = waiting.popleft()
                    yield done, outputs.whole()
            while busy:
                self._finish(busy.popleft())
            for done, outputs in waiting:
                yield done, outputs.whole()
        finally:
            # The caller left early, or a request failed: none may still run. Not cancelled: the wait for
            # a cancelled request may end before its work does, and the next outputs would be the old ones.
            for running in busy:
                with suppress(RuntimeError):
                    running.request.wait()

    def _finish(self, running: "_Running") -> Any:  # noqa: ANN401
        """Wait for a request, take its outputs, and give it back."""
        running.request.wait()
        # Copied: the request writes the next outputs over them.
        running.into.found.append(
            tuple(running.request.get_output_tensor(i).data.copy() for i in self.outputs)
        )
        return running.request


@dataclass
class _Gathered:
    """The outputs of one batch, part by part in order."""

    count: int
    found: list[Arrays] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return len(self.found) == self.count

    def whole(self) -> Arrays:
        if self.count == 1:
            return self.found[0]
        return tuple(np.concatenate(pieces) for pieces in zip(*self.found, strict=True))


@dataclass(frozen=True)
class _Running:
    """A request at work; it reads its inputs in place, so they are held until it is done."""

    request: Any
    inputs: list[NDArray[Any]]
    into: _Gathered


class OpenVinoEngine:
    """Intel's runtime; also runs on other makers' CPUs."""

    name = "openvino"

    def available(self) -> bool:
        """Say whether the package is installed."""
        return installed("openvino")

    def compile(self, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool) -> Compiled:
        """Trace, convert and compile; the batch axis stays open, and axis 1 where lengths vary.

        Cost: a trace and a few seconds. Not exact: the precision that OpenVINO likes best here.
        """
        silence_telemetry()
        openvino = require("openvino", extra="cpu", purpose="the engine `openvino`")
        decoder = require(
            "openvino.frontend.pytorch.ts_decoder", extra="cpu", purpose="the engine `openvino`"
        )
        small = {name: tensor[:2] for name, tensor in example.items()}
        inputs = tuple(small.values())
        opened = varies(small)
        shapes = [openvino.PartialShape(_open_axes(tensor, opened[name])) for name, tensor in small.items()]
        # torch.jit.trace warns that it is deprecated, tracers warn about every shape read in Python.
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            traced = decoder.TorchScriptPythonDecoder(
                Positional(module, tuple(small)), example_input=inputs, trace_kwargs={"check_trace": False}
            )
            converted = openvino.convert_model(traced, example_input=inputs, input=shapes)
        if len(converted.inputs) != len(inputs):
            raise RuntimeError(f"the converted model reads {len(converted.inputs)} of {len(inputs)} inputs")
        options = {"PERFORMANCE_HINT": "THROUGHPUT"}
        if exact:
            options["INFERENCE_PRECISION_HINT"] = "f32"
        compiled = openvino.Core().compile_model(converted, "CPU", options)
        return OpenVinoCompiled(compiled, tuple(small))


def silence_telemetry() -> None:
    """Keep OpenVINO from reporting to its maker: it does so at import and at every conversion, unasked.

    Without the package ``openvino_telemetry`` OpenVINO takes a stand-in of its own that sends nothing. An
    entry of ``None`` in ``sys.modules`` is Python's way of saying that a module is not there. Where OpenVINO
    was imported before, its modules hold the real one already; they get the stand-in too.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type] # None is what Python wants
    for name in ("convert_impl", "telemetry_utils", "main"):
        module = sys.modules.get(f"openvino.tools.ovc.{name}")
        if module is not None and hasattr(module, "tm"):
            vars(module)["tm"] = import_module("openvino.tools.ovc.telemetry_stub")


def _open_axes(tensor: Tensor, both: bool) -> list[int]:
    return [-1, -1, *tensor.shape[2:]] if both else [-1, *tensor.shape[1:]]


def _parts(rows: int, most: int) -> list[tuple[int, int]]:
    """Cut ``rows`` into at most ``most`` even ranges, none of them tiny."""
    count = max(1, min(most, rows // _SMALLEST_PART))
    edges = np.linspace(0, rows, count + 1).astype(int).tolist()
    return list(pairwise(edges))
