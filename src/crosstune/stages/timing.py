"""What one training step of the opened model is like, measured before anything is planned."""

import time
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.artifacts.model import head_kept, put_head
from crosstune.core.evidence import Measurement
from crosstune.core.head import HeadWeights
from crosstune.core.memory import CAN_BE_MEMORY, is_out_of_memory
from crosstune.core.metric import Metric
from crosstune.core.seeding import derived_seed, generator
from crosstune.core.settings import Settings
from crosstune.frozen.engines.torch_engine import at_work
from crosstune.frozen.freeze import evaluating
from crosstune.planning.facts import ModelFacts
from crosstune.sources.base import Backbone
from crosstune.stages.general_texts import general_seconds_of
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import RANDOM_HEAD, Probed
from crosstune.stages.run import Run
from crosstune.stages.untuned import answer_seconds
from crosstune.training.batchnorm import BatchNorm
from crosstune.training.loader import as_targets, taught

EXAMPLES = 16
"""In a first batch, which tells whether there is time for a larger one."""
MORE = 64
"""In the larger one, as many as training usually has. MEASURED: an example in the last five blocks of
EfficientNet-lite2 at 96 px costs 3.3 ms in a batch of 16, and 1.8 ms in one of 64."""
SECONDS = 5.0
SHARE = 0.01
"""ASSUMED: what the larger one may cost in all, in seconds, and of the time left."""
REPEATS = 2


def timed(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Opened:
    """Add to the facts what a training step costs, and whether the closed-form head is worth starting from.

    Nothing is measured where the user's strategy makes no use of it.
    """
    strategy = run.options.settings_overrides().get("strategy")
    if strategy == "closed-form":
        return opened

    def measure() -> ModelFacts:
        facts = replace(
            opened.facts,
            step_seconds=step_seconds(
                prepared, opened.backbone, allowed=min(SECONDS, SHARE * run.budget.left())
            ),
            answer_seconds=answer_seconds(run, opened.backbone),
            general_seconds=general_seconds_of(run),
        )
        if probed.native is None or strategy in RANDOM_HEAD:
            return facts
        ratio = head_loss(prepared, opened.backbone, probed.native, run.settings.seed)
        run.measurements.append(_head_measurement(opened.label, probed.place, ratio))
        return replace(facts, head_loss=ratio)

    return replace(opened, facts=run.once(f"timed {probed.place}", measure))


def _head_measurement(label: str, place: str, ratio: float) -> Measurement:
    return Measurement(
        name=f"{'' if place == 'heads' else f'{place}/'}closed-form/in-training-mode",
        candidate=f"the native closed-form head of {label}, dropout on",
        figure="loss over the loss of a constant answer",
        metric=Metric(ratio, ratio, ratio),
        examples=HEAD_EXAMPLES,
        seed=0,
        seconds=0.0,
    )


def step_seconds(prepared: Prepared, backbone: Backbone, *, allowed: float = SECONDS) -> float:
    """Time forward and backward of the whole model in float32 on real examples; weights stay as they are.

    Returns seconds for one example where training will run, the faster of the two memory formats, in a batch
    of ``MORE`` where that takes at most ``allowed`` seconds. Where memory runs out, half of the examples are
    timed. Cost: a few seconds. BatchNorm statistics do not move, since the model stays in eval mode.
    """
    rows = len(prepared.items["train"])
    found = _fitting_seconds(prepared, backbone, min(EXAMPLES, rows))
    if rows < MORE or found * MORE * 2 * (1 + REPEATS) > allowed:
        return found
    return min(found, _fitting_seconds(prepared, backbone, MORE))


def _fitting_seconds(prepared: Prepared, backbone: Backbone, count: int) -> float:
    """Time ``count`` examples, or fewer where memory runs out."""
    while True:
        try:
            with at_work(backbone.model) as device:
                return _step_seconds(prepared, backbone, count, device)
        except CAN_BE_MEMORY as error:
            if not is_out_of_memory(error) or count == 1:
                raise
        backbone.model.zero_grad(set_to_none=True)
        count //= 2


def _step_seconds(prepared: Prepared, backbone: Backbone, count: int, device: torch.device) -> float:
    items, rows = prepared.items["train"], range(count)
    targets = as_targets(prepared.task, prepared.encoded["train"][list(rows)])
    batch = taught(prepared.task, backbone.preprocessing(items.batch(rows)), targets)
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    targets = targets.to(device)
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
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            best = min(best, time.perf_counter() - started)
            model.zero_grad(set_to_none=True)
    model.to(memory_format=torch.contiguous_format)
    return best / len(rows)


HEAD_EXAMPLES = 96
"""Examples on which the closed-form head is tried in training mode."""


def head_loss(prepared: Prepared, backbone: Backbone, head: HeadWeights, seed: int) -> float:
    """Return the loss of a closed-form head with dropout on, over that of the best constant answer.

    A head that was fitted without noise can have weights that dropout turns into nonsense; above 1 it is a
    worse start than no head. BatchNorm rests, as it does in LP-FT. The native head keeps its weights.
    Cost: one forward pass over 96 examples.
    """
    task, items, encoded = prepared.task, prepared.items["train"], prepared.encoded["train"]
    rows = np.sort(generator(seed, "head loss").permutation(len(items))[:HEAD_EXAMPLES])
    batch = backbone.preprocessing(items.batch(rows.tolist()))
    targets = torch.from_numpy(encoded[rows])
    loss = task.make_loss(Settings(), encoded)
    with (
        evaluating(backbone.model),
        head_kept(backbone),
        torch.random.fork_rng(devices=[]),
        torch.no_grad(),
    ):
        torch.manual_seed(derived_seed(seed, "head loss"))
        put_head(backbone, head)
        for part in backbone.model.modules():
            part.train(mode=not isinstance(part, BatchNorm))
        outputs = backbone.logits(backbone.model(**batch)).float()
        constant = torch.from_numpy(constant_outputs(prepared)).float().expand_as(outputs)
        ratio = loss(outputs, targets).total / loss(constant, targets).total
    return float(ratio)


def constant_outputs(prepared: Prepared) -> NDArray[np.float64]:
    """Return the ``(K,)`` outputs of the best answer that ignores the input: log odds, or zero."""
    kind = prepared.task.linear_kind()
    share = prepared.task.linear_targets(prepared.encoded["train"]).mean(axis=0)
    if kind == "values":
        return np.zeros_like(share)
    share = np.clip(share, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(share) if kind == "classes" else np.log(share / (1 - share)))
