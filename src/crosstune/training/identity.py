"""What makes two runs one: data, targets, starting weights, settings, number of processes."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.settings import Settings
from crosstune.frozen.keys import body_digest
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task

FREE = ("workers", "worker_timeout", "checkpoint_every", "on_non_finite", "engine", "fallback",
        "parallel")  # fmt: skip
"""Settings that change no weight, so that a run may go on with other values of them."""


def fingerprint(
    backbone: Backbone, task: Task, train: Items, validation: Items, settings: Settings,
    head: HeadWeights | None, together: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Describe a training run by what its weights depend on: JSON, one entry for each thing to name.

    Cost: hashing the weights, about 1 GB a second, and the inputs where the check has not done so.
    """
    values = {name: value for name, value in asdict(settings).items() if name not in FREE}
    start = hashlib.sha256(body_digest(backbone, head=True).encode())
    if head is not None:
        start.update(_bytes(head.weight) + _bytes(head.bias))
    return {
        "task": f"{task.name} with {task.outputs} outputs",
        "training data": f"{len(train)} examples, {train.digest}",
        "validation data": f"{len(validation)} examples, {validation.digest}",
        "training domains": _domains(train),
        "training targets": _digest(task.encode(train.targets())),
        "validation targets": _digest(task.encode(validation.targets())),
        "model": f"{backbone.name}, weights {start.hexdigest()[:32]}",
        "number of processes": together["world"],
        "way of training together": together["way"],
        **{f"setting {name}": str(value) for name, value in values.items()},
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def _domains(train: Items) -> str:
    found = train.domains()
    return "none" if found is None else f"{', '.join(found.present)}, {_digest(found.ids)}"


def _digest(array: NDArray[Any]) -> str:
    return hashlib.sha256(_bytes(array)).hexdigest()[:32]


def _bytes(array: NDArray[Any]) -> bytes:
    about = f"{array.dtype} {array.shape}".encode()
    if array.dtype == object:  # texts of very different lengths, whose bytes would be addresses
        return about + repr(array.tolist()).encode("utf-8", "surrogatepass")
    return about + np.ascontiguousarray(array).tobytes()
