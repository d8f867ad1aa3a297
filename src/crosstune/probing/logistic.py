"""Logistic regression on frozen features: softmax for classes, sigmoid for multi-label.

Minimises mean log loss + penalty / (2 N) |weights|^2 on standardised columns, so that a penalty means the
same number of pseudo-rows as in ``ridge.py``. L-BFGS runs in coordinates where the Hessian is close to the
identity: with ``L L' = curvature X'X / N + penalty / N`` the unknown is ``A = L' W``, which brings a few
thousand correlated columns down to 10 or 20 passes over the data. The path goes from large to small
penalties, each started from the last, and ends when the validation log loss rises.

Shapes: N rows, D columns, K outputs.
"""

from dataclasses import dataclass, field

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logit

from crosstune.core.clock import Budget
from crosstune.probing.calibration import log_loss
from crosstune.probing.coordinates import Coordinates, Head, choose_coordinates
from crosstune.probing.leave_one_out import cholesky, solve
from crosstune.probing.matrix import Matrix, Standardised
from crosstune.probing.moments import Moments

STEP = 10**0.5
"""Ratio of neighbouring penalties on the path."""

PATH = 10
"""Most penalties on one path."""

PASSES = 60
"""Most passes over the data for one penalty."""

EXACT_WORK = 2e7
"""Up to N D K multiplications passes run in float64, above in float32."""

SCALES = tuple(np.logspace(-1, 2, 13).tolist())
"""Tried when a ridge head, whose outputs lie between 0 and 1, becomes a start."""

TOLERANCE = 5e-3
"""An optimum is reached when three steps together lower the objective by less than this share."""


@dataclass(frozen=True)
class LogisticFit:
    """The head whose penalty had the least log loss on the validation rows."""

    weight: NDArray[np.float64]
    """``(K, D)`` on raw features."""
    bias: NDArray[np.float64]
    """``(K,)``."""
    penalty: float
    losses: dict[float, float]
    """Validation log loss of each penalty that was tried, in nats."""
    passes: int
    """Passes over the training features."""
    stopped: str
    """``converged``, or ``deadline`` where the time ran out before the path ended."""


@dataclass(frozen=True, kw_only=True)
class Holdout:
    """Rows that choose the penalty."""

    matrix: Matrix
    targets: NDArray[np.float64]
    """``(M, K)`` of 0 and 1."""


@dataclass
class _Objective:
    """Loss and gradient on standardised columns; counts its passes over the data."""

    kind: str
    features: Standardised
    targets: NDArray[np.float32]
    deadline: Budget
    passes: int = 0
    curvature: float = field(default=0.25, init=False)
    """Mean of p (1 - p) at the last evaluation."""

    def __call__(
        self, weight: NDArray[np.float64], bias: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64], NDArray[np.float64]]:
        """Return mean log loss and its gradients ``(D, K)`` and ``(K,)``."""
        self.passes += 1
        precision = torch.float64 if self.targets.size * len(weight) <= EXACT_WORK else torch.float32
        narrow, shift = torch.from_numpy(weight).to(precision), torch.from_numpy(bias).to(precision)
        total, curvature = 0.0, 0.0
        by_weight, by_bias = np.zeros_like(weight), np.zeros_like(bias)
        for rows, values in self.features.chunks(keep=True):
            block = torch.from_numpy(values).to(precision)
            loss, probability = _loss_and_probability(
                self.kind, (block @ narrow + shift).numpy(), self.targets[rows]
            )
            total += loss
            curvature += float((probability * (1 - probability)).sum())
            error = probability - self.targets[rows]
            # a wide product: written as X' E, the same one is over ten times slower
            by_weight += (torch.from_numpy(error.T.copy()) @ block).numpy().T
            by_bias += error.sum(axis=0, dtype=np.float64)
        count = len(self.targets)
        self.curvature = curvature / self.targets.size
        return total / count, by_weight / count, by_bias / count


def _loss_and_probability(
    kind: str, logits: NDArray[np.floating], targets: NDArray[np.float32]
) -> tuple[float, NDArray[np.floating]]:
    """Return the summed log loss and the probabilities ``(n, K)`` of one chunk."""
    if kind == "classes":
        log_probability = log_softmax(logits, axis=1)
        return -float((targets * log_probability).sum(dtype=np.float64)), np.exp(log_probability)
    losses = np.logaddexp(logits.dtype.type(0), logits) - targets * logits
    return float(losses.sum(dtype=np.float64)), expit(logits)


def fit_logistic(
    kind: str,
    matrix: Matrix,
    targets: NDArray[np.float64],
    holdout: Holdout,
    *,
    first_penalty: float = 1e3,
    start: Head | None = None,
    moments: Moments | None = None,
    deadline: Budget | None = None,
) -> LogisticFit:
    """Fit a path of penalties and keep the head with the least validation log loss.

    The log loss decides, and not the user's metric, because it tells apart heads that decide alike: it
    keeps the probabilities honest.

    Args:
        kind: ``classes`` or ``multi-label``.
        matrix: training features.
        targets: ``(N, K)`` of 0 and 1.
        holdout: what chooses the penalty.
        first_penalty: the largest penalty; the next are smaller by a factor of 10^0.5 each.
        start: ``(K, D)`` weights and ``(K,)`` bias on raw features; ``None`` starts from a calibrated ridge
            head with the first penalty.
        moments: moments of ``matrix``, where they are known already.
        deadline: the path ends when it is over. What has been reached by then is kept; ``stopped`` says so.

    Cost: 2 N D K multiplications twice for each pass, 10 to 20 passes for each of about four penalties;
    20 s on two cores for N = 60,000, D = 3,120, K = 10. Memory: one standardised float32 copy up to 2.5 GB
    (a larger one is streamed), and 2 D^2 in float64.
    """
    where = choose_coordinates(matrix, targets, moments)
    limit = deadline or Budget()
    state = where.from_raw(start) if start else _ridge_start(kind, where, targets, first_penalty)
    objective = _Objective(kind, where.features, targets.astype(np.float32), limit)
    path = _Path(kind, objective, where, holdout)
    path.walk(first_penalty, state)
    return path.result(objective.passes)


@dataclass
class _Path:
    """Penalties from large to small, each started from the last, until the validation log loss rises."""

    kind: str
    objective: _Objective
    where: Coordinates
    holdout: Holdout
    losses: dict[float, float] = field(default_factory=dict)
    finished: bool = True
    """Whether the time was enough."""
    best: Head = field(init=False)
    """In the coordinates of the fit, with the least loss so far."""

    def walk(self, first: float, state: Head) -> None:
        """Fit one penalty after another."""
        for index in range(PATH):
            penalty = first / STEP**index
            state, self.finished = _minimise(self.objective, self.where.gram, penalty, *state)
            self.losses[penalty] = self.loss(state)
            if self.losses[penalty] <= min(self.losses.values()):
                self.best = state
            elif self.finished:
                return
            if not self.finished:
                return

    def loss(self, state: Head) -> float:
        """Return the validation log loss in nats."""
        outputs = linear(self.holdout.matrix, *self.where.to_raw(state))
        return log_loss(self.kind, outputs, self.holdout.targets)

    @property
    def chosen(self) -> float:
        """The penalty with the least loss."""
        return min(self.losses, key=lambda one: self.losses[one])

    def result(self, passes: int) -> LogisticFit:
        """Give the best head on raw features."""
        stopped = "converged" if self.finished else "deadline"
        return LogisticFit(*self.where.to_raw(self.best), self.chosen, self.losses, passes, stopped)


def refit_logistic(
    kind: str,
    matrix: Matrix,
    targets: NDArray[np.float64],
    penalty: float,
    *,
    start: Head | None = None,
    moments: Moments | None = None,
    deadline: Budget | None = None,
) -> Head:
    """Fit at a known penalty: ``(K, D)`` weights and ``(K,)`` bias on raw features."""
    where = choose_coordinates(matrix, targets, moments)
    objective = _Objective(kind, where.features, targets.astype(np.float32), deadline or Budget())
    state = where.from_raw(start) if start else _ridge_start(kind, where, targets, penalty)
    state, _ = _minimise(objective, where.gram, penalty, *state)
    return where.to_raw(state)


def linear(matrix: Matrix, weight: NDArray[np.float64], bias: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``(N, K)`` outputs of a head on raw features, chunk by chunk, in float64."""
    outputs = np.empty((matrix.rows, len(bias)))
    for rows, values in matrix.chunks():
        outputs[rows] = values @ weight.T + bias
    return outputs


def share_of_classes(kind: str, targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the best constant outputs ``(K,)``: log shares, log odds, or means for values."""
    if kind == "values":
        mean: NDArray[np.float64] = targets.mean(axis=0)
        return mean
    share = (targets.sum(axis=0) + 0.5) / (len(targets) + 1)
    logits: NDArray[np.float64] = np.log(share) if kind == "classes" else logit(share)
    return logits


def _ridge_start(kind: str, where: Coordinates, targets: NDArray[np.float64], penalty: float) -> Head:
    """Give a ridge head in the fit's own coordinates, scaled to lower the objective on one chunk of rows."""
    weight = solve(cholesky(where.gram, penalty), where.cross)
    bias = share_of_classes(kind, targets)
    rows, values = next(iter(where.features.chunks(keep=True)))
    outputs, known = values @ weight, targets[rows]
    size = penalty / (2 * len(targets)) * float((weight**2).sum())

    def objective(scale: float) -> float:
        return log_loss(kind, scale * outputs + bias, known) + size * scale**2

    return min(SCALES, key=objective) * weight, bias


class OutOfTime(Exception):
    """Raised inside the minimiser; the state of the last step is kept."""


def _minimise(
    objective: _Objective,
    gram: NDArray[np.float64],
    penalty: float,
    weight: NDArray[np.float64],
    bias: NDArray[np.float64],
) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], bool]:
    """Minimise at one penalty; returns the state and whether the deadline left enough time."""
    count, shape = len(objective.targets), weight.shape
    if not objective.passes:
        objective(weight, bias)
    # in the order that LAPACK reads, or each solve would copy the whole factor first
    factor = np.asfortranarray(cholesky(objective.curvature * gram / count, penalty / count))
    corner = max(objective.curvature, 1e-6) ** 0.5

    def unpack(vector: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        inner = vector[: -shape[1]].reshape(shape)
        outer = scipy.linalg.solve_triangular(factor, inner, lower=True, trans=1, check_finite=False)
        return outer, vector[-shape[1] :] / corner

    def evaluate(vector: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        if objective.deadline.left() <= 0:
            raise OutOfTime
        weight, bias = unpack(vector)
        loss, by_weight, by_bias = objective(weight, bias)
        by_weight += penalty / count * weight
        inner = scipy.linalg.solve_triangular(factor, by_weight, lower=True, check_finite=False)
        loss += penalty / (2 * count) * float((weight**2).sum())
        return loss, np.concatenate([inner.ravel(), by_bias / corner])

    watch = Watch(np.concatenate([(factor.T @ weight).ravel(), bias * corner]))
    try:
        scipy.optimize.minimize(
            evaluate, watch.vector, jac=True, method="L-BFGS-B", callback=watch,
            options={"maxfun": PASSES, "maxcor": 10, "ftol": 0.0, "gtol": 1e-7},
        )  # fmt: skip
    except OutOfTime:
        return unpack(watch.vector), False
    return unpack(watch.vector), True


@dataclass
class Watch:
    """Keeps the last step and ends the search when steps no longer pay."""

    vector: NDArray[np.float64]
    values: list[float] = field(default_factory=list)

    def __call__(self, intermediate_result: scipy.optimize.OptimizeResult) -> None:
        """Take note of one step; the name of the argument is what scipy looks for."""
        self.vector = intermediate_result.x.copy()
        self.values.append(float(intermediate_result.fun))
        if len(self.values) > 3 and self.values[-4] - self.values[-1] < TOLERANCE * abs(self.values[-1]):
            raise StopIteration
