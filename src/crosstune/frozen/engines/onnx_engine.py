"""ONNX Runtime, through torch's exporter. Slow to prepare, in float32 always exact."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.export import Dim

from crosstune.core.extras import installed, require
from crosstune.frozen.engines.base import Compiled, varies
from crosstune.frozen.engines.positional import Positional

Arrays = tuple[NDArray[np.float32], ...]
_PURPOSE = "the engine `onnxruntime`"


class OnnxCompiled:
    """An inference session."""

    def __init__(self, session: Any, names: tuple[str, ...]) -> None:  # noqa: ANN401
        self.session = session
        self.exact = True  # float32 is all that is asked of it
        inputs = [entry.name for entry in session.get_inputs()]
        self.feeds = dict(zip(inputs, names, strict=True))

    def __call__(self, batch: Mapping[str, Tensor]) -> Arrays:
        """Run one batch."""
        feed = {entry: batch[name].numpy() for entry, name in self.feeds.items()}
        return tuple(self.session.run(None, feed))


class OnnxEngine:
    """ONNX Runtime on the CPU."""

    name = "onnxruntime"

    def available(self) -> bool:
        """Say whether the runtime and the exporter's packages are installed."""
        return all(installed(name) for name in ("onnxruntime", "onnx", "onnxscript"))

    def compile(self, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool) -> Compiled:  # noqa: ARG002
        """Export with open batch and token axes, then load. Cost: 4 to 10 seconds."""
        for package in ("onnx", "onnxscript"):
            require(package, extra="cpu", purpose=_PURPOSE)
        runtime = require("onnxruntime", extra="cpu", purpose=_PURPOSE)
        # Two rows at least: the exporter takes an axis of length 1 for a constant.
        small = {name: tensor[:3] if len(tensor) > 1 else tensor.repeat_interleave(2, 0)
                 for name, tensor in example.items()}  # fmt: skip
        names, opened = tuple(small), varies(small)
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                Positional(module, names),
                tuple(small.values()),
                input_names=list(names),
                dynamic_shapes=(tuple(_open_axes(opened[name]) for name in names),),
                dynamo=True,
                verbose=False,
            )
        if program is None:
            raise RuntimeError("torch.onnx.export gave no program")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = min(torch.get_num_threads(), os.cpu_count() or 1)
        session = runtime.InferenceSession(
            program.model_proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return OnnxCompiled(session, names)


def _open_axes(both: bool) -> dict[int, Any]:
    rows: dict[int, Any] = {0: Dim("rows", min=1)}
    return {**rows, 1: Dim("tokens", min=1)} if both else rows
