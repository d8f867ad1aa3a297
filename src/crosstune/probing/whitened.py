"""Linear heads for any loss: full-batch L-BFGS in coordinates where every direction is about as steep.

Shapes: N rows, R coordinates (R <= N, D), K outputs.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.clock import Budget
from crosstune.probing.coordinates import choose_coordinates
from crosstune.probing.logistic import OutOfTime, Watch
from crosstune.probing.matrix import Matrix
from crosstune.tasks.base import LossSum

PASSES = 40
"""Most passes over the rows for one fit; 10 to 20 are usual."""

Loss = Callable[[Tensor, Tensor], LossSum]
Floats = NDArray[np.float64]
Head = tuple[Floats, Floats]
"""Weights ``(R, K)`` and bias ``(K,)``."""


@dataclass(frozen=True)
class Whitened:
    """Standardised features along the axes of their covariance."""

    values: Tensor
    """``(N, R)``, float32."""
    variances: Floats
    """``(R,)``: of each coordinate."""

    def outputs(self, head: Head, rows: NDArray[np.intp]) -> Floats:
        """Give the outputs ``(n, K)`` of a head on some rows."""
        weight, bias = (torch.from_numpy(part).float() for part in head)
        found: Floats = (self.values[torch.from_numpy(rows)] @ weight + bias).double().numpy()
        return found


def whiten(matrix: Matrix, targets: Floats) -> Whitened:
    """Rotate ``matrix``, standardised, to the axes of its covariance.

    Args:
        matrix: raw features.
        targets: ``(N, K)``, which the shared sums need.

    Cost: N D min(N, D) multiplications and an eigendecomposition of that smaller side.
    """
    where = choose_coordinates(matrix, targets)
    gram = np.diag(where.gram) if where.basis is not None else None
    parts = [torch.from_numpy(values.copy()) for _, values in where.features.chunks()]
    values = torch.cat(parts)
    if gram is not None:  # rotated already
        return Whitened(values, gram / matrix.rows)
    found, axes = torch.linalg.eigh(torch.from_numpy(where.gram))
    return Whitened(values @ axes.float(), np.maximum(found.numpy(), 0.0) / matrix.rows)


def minimise(
    where: Whitened,
    rows: NDArray[np.intp],
    targets: Tensor,
    loss: Loss,
    penalty: float,
    start: Head,
    *,
    curvature: float,
    deadline: Budget,
    passes: int = PASSES,
) -> Head:
    """Minimise mean loss + penalty / (2 n) |weights|^2 over ``rows``.

    Args:
        where: features of all rows.
        rows: the n rows to fit.
        targets: of these rows, as ``loss`` takes them.
        loss: of the task.
        penalty: in pseudo-rows, as in ``ridge.py``.
        start: where to begin.
        curvature: second derivative of the mean loss by an output, roughly; it only sets the pace.
        deadline: when to give up.
        passes: most passes; what has been reached by then is the answer.

    Raises:
        OutOfTime: the deadline came first.

    Cost: 4 n R K multiplications a pass.
    Checked by: ``tests/probing/test_whitened.py``, against scikit-learn's logistic regression and ridge.
    """
    values, count, shape = where.values[torch.from_numpy(rows)], len(rows), start[0].shape
    steep = np.sqrt(curvature * where.variances + penalty / count)[:, None]
    flat = np.sqrt(curvature)

    def unpack(vector: Floats) -> Head:
        return vector[: -shape[1]].reshape(shape) / steep, vector[-shape[1] :] / flat

    def evaluate(vector: Floats) -> tuple[float, Floats]:
        if deadline.left() <= 0:
            raise OutOfTime
        weight, bias = unpack(vector)
        outputs = values @ torch.from_numpy(weight).float() + torch.from_numpy(bias).float()
        outputs.requires_grad_()
        total, mass = loss(outputs, targets)
        mean = total / mass
        (slope,) = torch.autograd.grad(mean, outputs)
        # a wide product: written as X' E, the same one is over ten times slower
        by_weight = (slope.T.contiguous() @ values).double().numpy().T + penalty / count * weight
        by_bias = slope.sum(0).double().numpy()
        size = penalty / (2 * count) * float((weight**2).sum())
        return float(mean.detach()) + size, np.concatenate([(by_weight / steep).ravel(), by_bias / flat])

    watch = Watch(np.concatenate([(start[0] * steep).ravel(), start[1] * flat]))
    scipy.optimize.minimize(
        evaluate, watch.vector, jac=True, method="L-BFGS-B", callback=watch,
        options={"maxfun": passes, "maxcor": 10, "ftol": 0.0, "gtol": 1e-7},
    )  # fmt: skip
    return unpack(watch.vector)
