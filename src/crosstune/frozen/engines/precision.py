"""Whether a model's features survive half precision, so that a head fitted on them fits the shipped model.

Shapes: B examples, C columns.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from crosstune.core.memory import is_out_of_memory
from crosstune.frozen.engines.base import Compiled
from crosstune.frozen.engines.torch_engine import best_device, multiplies_bf16, with_precision

DEVIATION = 0.05
"""Of the standard deviation over examples, the most that half precision may change the features of a block
(root mean square). MEASURED, the worst block: 0.01 with MiniLM and a speech encoder, 0.2 to 0.6 with
EfficientNet-lite, by torch and by OpenVINO alike. There a stack of heads fitted to bf16 features of sounds
was right on 92 % of the validation rows and, shipped, on 53 % of test; fitted to exact ones on 97 %."""

ROWS = 8
"""Examples that are compared."""

CONSTANT = 1e-3
"""Columns that vary by less than this share of the most varied one of their block are no features."""

Arrays = tuple[NDArray[np.float32], ...]


def tolerates_half(module: nn.Module, example: Mapping[str, Tensor]) -> bool:
    """Say whether the outputs of ``module`` in bf16 are those in float32, as far as examples differ.

    Args:
        module: in eval mode, gives arrays with the examples first; ``widths``, where it has some, says how
            many columns of the first belong to each block, which are looked at one by one.
        example: a batch; the first few examples are compared.

    Cost: two forward passes of eight examples; nothing where the processor has no bf16.
    Checked by: ``tests/frozen/engines/test_precision.py``.
    """
    few = _few(example)
    if not multiplies_bf16(best_device()) or len(next(iter(few.values()))) < 2:
        return False
    try:
        halved = with_precision(module, few, half=True)(few)
    except RuntimeError as error:
        if is_out_of_memory(error):
            raise
        return False  # an operation that knows no bf16
    return _alike(module, halved, with_precision(module, few, half=False, exact=True)(few))


def is_close(compiled: Compiled, module: nn.Module, example: Mapping[str, Tensor]) -> bool:
    """Say the same of what an engine made of ``module``; engines round each in their own way."""
    few = _few(example)
    return _alike(module, compiled(few), with_precision(module, few, half=False, exact=True)(few))


def deviation(found: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """Give the root mean square of the differences, each in standard deviations of its column over examples.

    Infinite where examples do not differ, or are not finite, and the arrays are not equal: no evidence.

    Args:
        found: ``(B, ...)``.
        exact: the same without rounding.
    """
    ours, theirs = (array.reshape(len(array), -1).astype(np.float64) for array in (found, exact))
    spread = theirs.std(axis=0)
    varied = spread > CONSTANT * spread.max(initial=0.0)
    if not varied.any():
        return 0.0 if np.array_equal(ours, theirs) else float("inf")
    return float(np.sqrt(np.mean(((ours - theirs)[:, varied] / spread[varied]) ** 2)))


def _few(example: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor[:ROWS] for name, tensor in example.items()}


def _alike(module: nn.Module, found: Arrays, exact: Arrays) -> bool:
    widths: Sequence[int] = getattr(module, "widths", ())
    return all(
        deviation(ours, theirs) <= DEVIATION
        for pair in zip(found, exact, strict=True)
        for ours, theirs in zip(*(_blocks(array, widths) for array in pair), strict=True)
    )


def _blocks(array: NDArray[np.float32], widths: Sequence[int]) -> list[NDArray[np.float32]]:
    """Cut the outputs of all blocks apart; anything else stays whole."""
    if array.ndim != 2 or sum(widths) != array.shape[1]:
        return [array]
    return np.split(array, np.cumsum(widths)[:-1].tolist(), axis=1)
