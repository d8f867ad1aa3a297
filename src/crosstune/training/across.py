"""What a step across domains needs to know of its whole batch before any of it can be differentiated.

The weight of a domain in GroupDRO follows from its loss over the *effective* batch, and the CORAL penalty
compares means and covariances over it. So their sums are taken first, over all micro-batches and processes,
by one forward pass without gradients; then every micro-batch is differentiated with what came of them. One
batch of 8 and two of 4 are the same step, at the price of that pass. One micro-batch in one process needs
none: its own forward pass has all the sums.

Shapes: B examples of a micro-batch, G domains, W width of the head's input.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.domains import Domains
from crosstune.core.settings import Settings
from crosstune.tasks.base import LossSum
from crosstune.training.coral import HeadInput, Moments, Slope, moments, slope_of
from crosstune.training.group_dro import initial_weights, updated_weights
from crosstune.training.loader import Loaded

Loss = Callable[[Tensor, Tensor], LossSum]


@dataclass(frozen=True)
class Seen:
    """Sums over examples; those of several micro-batches or processes are added."""

    losses: Tensor
    """``(2, G)``: sum of the losses of each domain, and their weight."""
    moments: Moments | None
    """Of the head's input, where CORAL asks for it."""

    def parts(self) -> list[Tensor]:
        """List the tensors that add up."""
        return [self.losses, *(self.moments or ())]

    @classmethod
    def added(cls, many: "Sequence[Seen]", reduce: Callable[[Tensor], Tensor]) -> "Seen":
        """Add those of several micro-batches, and with ``reduce`` those of all processes."""
        sums = [reduce(torch.stack(one).sum(0)) for one in zip(*(seen.parts() for seen in many), strict=True)]
        return cls(sums[0], Moments(*sums[1:]) if len(sums) > 1 else None)


@dataclass(frozen=True)
class Known:
    """What followed from the sums of an effective batch."""

    shares: Tensor
    """``(G,)``: by how much the summed loss of each domain is multiplied."""
    slope: Slope | None
    penalty_scale: float
    weights: NDArray[np.float64]
    """``q`` after this batch, which holds only once the update has been made."""


class AcrossDomains:
    """The objective of a training across domains; its state is the weight of each domain.

    With ``W`` the weight of all examples of the effective batch and ``W_g`` that of one domain, the summed
    loss that is differentiated (and later divided by ``W``) is::

        sum over g of (q_g W / W_g) * (summed loss of g)  +  coral * W * CORAL penalty

    for GroupDRO, and without it the plain sum in place of the first term.

    Checked by: ``tests/training/test_across.py``: 8 x 1 equals 4 x 2, and autograd on the whole batch.
    """

    def __init__(self, domains: Domains, settings: Settings, features: HeadInput | None) -> None:
        """Begin with equal weights of the domains that the training rows have."""
        present = domains.counts > 0
        self._groups, self._settings, self._features = len(domains.names), settings, features
        self.names = domains.names
        self.weights = np.where(present, initial_weights(int(present.sum()))[0], 0.0)
        self._known: Known | None = None

    def see(self, outputs: Tensor, micro: Loaded, loss: Loss) -> Seen:
        """Sum what one micro-batch has, without its graph."""
        features = self._features.take() if self._features else None
        with torch.no_grad():
            return self._sums(outputs, features, micro, loss)

    def know(self, seen: Seen) -> None:
        """Take the sums of the whole effective batch."""
        totals, weights = seen.losses.cpu().double().numpy()
        present = weights > 0
        whole = float(weights.sum())
        shares, following = np.ones(self._groups), self.weights
        if self._settings.group_dro > 0.0:
            means = np.divide(totals, weights, out=np.zeros_like(totals), where=present)
            step = self._settings.group_dro
            following = updated_weights(self.weights, means.tolist(), present.tolist(), step)
            shares = np.divide(following * whole, weights, out=np.zeros_like(totals), where=present)
        slope = slope_of(seen.moments) if seen.moments else None
        on_device = torch.from_numpy(shares).float().to(seen.losses.device)
        self._known = Known(on_device, slope, self._settings.coral * whole, following)

    def objective(self, outputs: Tensor, micro: Loaded, loss: Loss, *, alone: bool) -> Tensor:
        """Return the scalar to differentiate for one micro-batch.

        Args:
            outputs: ``(B, K)``, with their graph.
            micro: with domains.
            loss: of the task.
            alone: it is all of the effective batch, so that nothing was summed before.
        """
        features = self._features.take() if self._features else None
        if alone:
            with torch.no_grad():
                seen = self._sums(outputs, features, micro, loss)
            self.know(seen)
        known, domains = self._known, _domains(micro)
        assert known is not None  # noqa: S101 - the sums were taken before
        if not micro.counts:
            return outputs.sum() * 0.0
        if self._settings.group_dro > 0.0:
            mine = {number: domains == number for number in sorted(set(domains.tolist()))}
            total = torch.stack([
                known.shares[number] * loss(outputs[rows], micro.targets[rows]).total
                for number, rows in mine.items()
            ]).sum()  # fmt: skip
        else:
            total = loss(outputs, micro.targets).total
        if known.slope is not None and features is not None:
            total = total + known.penalty_scale * known.slope.row_term(features, domains)
        return total

    def commit(self) -> None:
        """Let the weights of the domains follow: the update has been made."""
        if self._known is not None:
            self.weights, self._known = self._known.weights, None

    def _sums(self, outputs: Tensor, features: Tensor | None, micro: Loaded, loss: Loss) -> Seen:
        domains, columns = _domains(micro), []
        for number in range(self._groups):
            mine = domains == number
            if micro.counts and bool(mine.any()):
                total, weight = loss(outputs[mine], micro.targets[mine])
                columns.append(torch.stack([total.float(), weight.float()]))
            else:
                columns.append(outputs.new_zeros(2, dtype=torch.float32))
        found = None
        if features is not None:
            rows = slice(None) if micro.counts else slice(0)
            found = moments(features[rows], domains[rows], self._groups)
        return Seen(torch.stack(columns, dim=1), found)


def _domains(micro: Loaded) -> Tensor:
    assert micro.domains is not None  # noqa: S101 - require_methods has seen to it
    return micro.domains


def make_across(
    domains: Domains | None, settings: Settings, features: HeadInput | None
) -> AcrossDomains | None:
    """Make the objective where GroupDRO or CORAL asks for one, else nothing."""
    if domains is None or (settings.group_dro == 0.0 and settings.coral == 0.0):
        return None
    return AcrossDomains(domains, settings, features)
