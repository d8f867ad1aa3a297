"""Seconds of one training step for one example, measured before anything is planned."""

import time

import torch

from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.stages.prepare import Prepared

EXAMPLES = 16
REPEATS = 2


def step_seconds(prepared: Prepared, backbone: Backbone) -> float:
    """Time forward and backward of the whole model in float32 on real examples; weights stay as they are.

    Returns seconds for one example, the faster of the two memory formats. Cost: a few seconds.
    BatchNorm statistics do not move, since the model stays in eval mode.
    """
    items = prepared.items["train"]
    rows = range(min(EXAMPLES, len(items)))
    batch = backbone.preprocessing(items.batch(rows))
    targets = torch.from_numpy(prepared.encoded["train"][list(rows)])
    loss = prepared.task.make_loss(Settings(), prepared.encoded["train"])
    model = backbone.model.eval()
    pictures = any(tensor.ndim == 4 for tensor in batch.values())
    formats = (torch.contiguous_format, torch.channels_last) if pictures else (torch.contiguous_format,)
    best = float("inf")
    for memory_format in formats:
        model.to(memory_format=memory_format)
        for _ in range(1 + REPEATS):
            started = time.perf_counter()
            total = loss(backbone.logits(model(**batch)).float(), targets).total
            total.backward()  # type: ignore[no-untyped-call]
            best = min(best, time.perf_counter() - started)
            model.zero_grad(set_to_none=True)
    model.to(memory_format=torch.contiguous_format)
    return best / len(rows)
