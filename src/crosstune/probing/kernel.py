"""Ridge regression on sparse features, through the N x N matrix of inner products.

For a few thousand rows of many more columns, such as TF-IDF. Shapes: N rows, M other rows, K outputs.
"""

from dataclasses import dataclass

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray

PENALTIES = (0.3, 1.0, 3.0)
"""For rows of length one; a penalty of 1 weighs as much as one row."""

PART = 1000
"""Rows that are predicted at once: bounds the memory to this times N."""


@dataclass(frozen=True)
class KernelRidge:
    """A fitted head: ``rows @ features.T @ dual + bias``."""

    features: scipy.sparse.csr_matrix
    dual: NDArray[np.float64]
    """``(N, K)``."""
    bias: NDArray[np.float64]
    """``(K,)``."""
    penalty: float
    left_out: NDArray[np.float64]
    """``(N, K)`` leave-one-out predictions."""

    def __call__(self, rows: scipy.sparse.csr_matrix) -> NDArray[np.float64]:
        """Predict ``(M, K)`` outputs."""
        parts = [rows[start : start + PART] @ self.features.T for start in range(0, rows.shape[0], PART)]
        outputs = [part.toarray() @ self.dual + self.bias for part in parts]
        return np.concatenate(outputs) if outputs else np.zeros((0, len(self.bias)))


def kernel_ridge(features: scipy.sparse.csr_matrix, targets: NDArray[np.float64]) -> KernelRidge:
    """Fit with a free intercept; the penalty has the least leave-one-out squared error.

    The leave-one-out error of row i is ``dual_i / (G + penalty I)^-1_ii`` with G the centred Gram
    (Rasmussen and Williams 2006, section 5.4.2); the constant vector is lifted out of G, as in
    ``leave_one_out.Dual``. Cost: N^3 multiplications for each of three penalties; 2 s each at N = 4,000.
    """
    count = features.shape[0]
    gram = np.asarray((features @ features.T).toarray(), dtype=np.float64)
    means = gram.mean(axis=0)
    centred = gram - means - means[:, None] + means.mean()
    lift = 2 * np.trace(centred) + 1
    centred += lift / count
    mean = targets.mean(axis=0)
    best: KernelRidge | None = None
    least = np.inf
    for penalty in PENALTIES:
        factor = torch.linalg.cholesky(torch.from_numpy(centred + penalty * np.eye(count)))
        inverse = torch.cholesky_inverse(factor).numpy()
        dual = inverse @ (targets - mean)
        slack = np.diagonal(inverse) - 1 / (count * (lift + penalty))
        error = dual / np.maximum(slack, np.finfo(np.float64).tiny)[:, None]
        squared = float((error**2).mean())
        if squared < least:
            best, least = KernelRidge(features, dual, mean - means @ dual, penalty, targets - error), squared
    if best is None:
        raise ValueError("the targets are not finite")
    return best
