"""One example forward, watched: which modules ran, what they gave, what they cost, what flows where."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from crosstune.sources.base import Batch

Node = Any
"""A node of the autograd graph."""


@dataclass
class Trace:
    """What was seen."""

    calls: Counter[str] = field(default_factory=Counter)
    """How often each module ran."""
    order: list[str] = field(default_factory=list)
    """Paths in the order in which they finished."""
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shape of the first tensor of each module's output."""
    inputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Shape of the first tensor of each module's input."""
    nodes: dict[str, Node] = field(default_factory=dict)
    """The autograd node that made the first tensor of each module's output."""
    flops: dict[str, int] = field(default_factory=dict)
    """Floating-point operations inside each module."""
    total: int = 0
    """Those of the whole forward."""
    logits: Tensor | None = None


def first_tensor(value: object) -> Tensor | None:
    """Return the first tensor inside a module's output, whatever it is wrapped in."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return next((found for one in value if (found := first_tensor(one)) is not None), None)
    return None


def watch(model: nn.Module, batch: Batch, logits: Callable[[Any], Tensor]) -> Trace:
    """Run ``model(**batch)`` once in eval mode, with gradients, and record it.

    Cost: one forward of the example; the model's mode is restored.
    """
    trace = Trace()

    def recorder(path: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def record(_: nn.Module, given: tuple[Any, ...], output: object) -> None:
            trace.calls[path] += 1
            trace.order.append(path)
            tensor, taken = first_tensor(output), first_tensor(given)
            if tensor is not None:
                trace.shapes[path], trace.nodes[path] = tuple(tensor.shape), tensor.grad_fn
            if taken is not None:
                trace.inputs[path] = tuple(taken.shape)

        return record

    hooks = [module.register_forward_hook(recorder(path)) for path, module in model.named_modules() if path]
    training = model.training
    model.eval()
    try:
        with torch.enable_grad():
            trace.logits = logits(model(**batch))
    finally:
        for hook in hooks:
            hook.remove()
    _count(trace, model, batch)
    model.train(training)
    return trace


def _count(trace: Trace, model: nn.Module, batch: Batch) -> None:
    """Count the floating-point operations of one forward, in total and inside each module."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:  # torch's module tracker fails on parameters under no_grad (DeBERTa)
        parameter.requires_grad_(False)
    counter = FlopCounterMode(display=False)
    with counter:
        model(**batch)
    for parameter in trained:
        parameter.requires_grad_(True)
    root = f"{type(model).__name__}."
    for path, counts in counter.get_flop_counts().items():
        trace.flops[path.removeprefix(root)] = sum(counts.values())
    trace.total = counter.get_total_flops()


def bypasses(trace: Trace, node: Node, parameters: set[int]) -> bool:
    """Say whether the logits depend on any of ``parameters`` (by ``id``) on a way around ``node``."""
    assert trace.logits is not None  # noqa: S101 - set by watch
    seen: set[Node] = {node, None}
    waiting = [trace.logits.grad_fn]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        variable = getattr(current, "variable", None)
        if variable is not None and id(variable) in parameters:
            return True
        waiting += [following for following, _ in current.next_functions]  # type: ignore[union-attr]
    return False
