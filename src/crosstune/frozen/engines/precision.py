"""Whether a model's features survive half precision, so that a head fitted on them fits the shipped model.

Shapes: B examples, C columns.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from crosstune.frozen.engines.torch_engine import TorchCompiled, best_device, multiplies_bf16, with_precision

DEVIATION = 0.05
"""Of the standard deviation over examples, the most that half precision may change a feature (root mean
square). MEASURED, the worst block: 0.01 with MiniLM and a speech encoder, 0.2 to 0.6 with EfficientNet-lite,
by torch and by OpenVINO alike. There a stack of heads fitted to bf16 features of sounds was right on 92 % of
the validation rows and, shipped, on 53 % of the test rows; fitted to exact features on 97 %."""

ROWS = 8
"""Examples that are compared."""

CONSTANT = 1e-3
"""Columns that vary by less than this share of the most varied one are no features."""


def tolerates_half(module: nn.Module, example: Mapping[str, Tensor]) -> bool:
    """Say whether the outputs of ``module`` in bf16 are those in float32, as far as examples differ.

    Args:
        module: in eval mode, gives arrays with the examples first.
        example: a batch; the first few examples are compared.

    Cost: two forward passes of eight examples; nothing where the processor has no bf16.
    Checked by: ``tests/frozen/engines/test_precision.py``.
    """
    few = {name: tensor[:ROWS] for name, tensor in example.items()}
    if not multiplies_bf16(best_device()) or len(next(iter(few.values()))) < 2:
        return False
    exact: TorchCompiled = with_precision(module, few, half=False)
    try:
        halved = with_precision(module, few, half=True)(few)
    except RuntimeError:  # an operation that knows no bf16
        return False
    pairs = zip(halved, exact(few), strict=True)
    return all(deviation(ours, theirs) <= DEVIATION for ours, theirs in pairs)


def deviation(found: NDArray[np.float32], exact: NDArray[np.float32]) -> float:
    """Give the root mean square of the differences, each in standard deviations of its column over examples.

    Args:
        found: ``(B, ...)``.
        exact: the same without rounding.
    """
    ours, theirs = (array.reshape(len(array), -1).astype(np.float64) for array in (found, exact))
    spread = theirs.std(axis=0)
    varied = spread > CONSTANT * spread.max(initial=0.0)
    if not varied.any():
        return 0.0
    return float(np.sqrt(np.mean(((ours - theirs)[:, varied] / spread[varied]) ** 2)))
