"""CORAL: the features of the domains of a batch shall have equal means and equal covariances.

Shapes: B examples, G domains, W width of the head's input.
"""

from itertools import combinations
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Moments(NamedTuple):
    """Sums over examples, which add up over micro-batches and processes; float64 where the device has it."""

    counts: Tensor
    """``(G,)``."""
    sums: Tensor
    """``(G, W)``: of the features."""
    products: Tensor
    """``(G, W, W)``: of the outer products of the features with themselves."""


def moments(features: Tensor, domains: Tensor, groups: int) -> Moments:
    """Sum the features ``(B, W)`` of each domain; ``domains`` is ``(B,)``, from 0. Cost: ``O(B W^2)``."""
    exact = features.detach().to(torch.float32 if features.device.type == "mps" else torch.float64)
    rows = [exact[domains == number] for number in range(groups)]
    return Moments(
        torch.stack([exact.new_tensor(float(len(one))) for one in rows]),
        torch.stack([one.sum(0) for one in rows]),
        torch.stack([one.T @ one for one in rows]),
    )


def coral_penalty(found: Moments) -> Tensor:
    """Return the penalty: ``mean((mu - mu')^2) + mean((C - C')^2)``, averaged over the pairs of domains.

    ``mu`` and ``C`` (unbiased) are those of the features of one domain in the effective batch. Domains with
    fewer than two examples in it take no part; without a pair the penalty is zero.

    Source: Sun and Saenko (2016), Deep CORAL, arXiv:1607.01719, in the form that WILDS computes.
    Checked by: ``tests/training/test_coral.py``.
    """
    able = [number for number, count in enumerate(found.counts.tolist()) if count > 1]
    parts = {}
    for number in able:
        count, total = found.counts[number], found.sums[number]
        mean = total / count
        parts[number] = mean, (found.products[number] - torch.outer(mean, total)) / (count - 1)
    terms = [
        (parts[a][0] - parts[b][0]).square().mean() + (parts[a][1] - parts[b][1]).square().mean()
        for a, b in combinations(able, 2)
    ]
    return torch.stack(terms).mean() if terms else 0.0 * found.sums.sum()


class Slope(NamedTuple):
    """The derivatives of the penalty by the moments: with them each example's own gradient is known."""

    sums: Tensor
    products: Tensor

    def row_term(self, features: Tensor, domains: Tensor) -> Tensor:
        """Return a scalar whose gradient by ``features`` ``(B, W)`` is that of the penalty."""
        with torch.no_grad():
            exact = features.to(self.sums.dtype)
            gradient = torch.zeros_like(exact)
            for number in set(domains.tolist()):
                mine = domains == number
                both = self.products[number] + self.products[number].T
                gradient[mine] = self.sums[number] + exact[mine] @ both
        return (gradient.to(features.dtype) * features).sum()


def slope_of(found: Moments) -> Slope:
    """Differentiate the penalty of the whole effective batch by its moments."""
    sums, products = found.sums.clone().requires_grad_(), found.products.clone().requires_grad_()
    with torch.enable_grad():
        coral_penalty(Moments(found.counts, sums, products)).backward()  # type: ignore[no-untyped-call]
    zero = torch.zeros_like
    return Slope(
        zero(sums) if sums.grad is None else sums.grad,
        zero(products) if products.grad is None else products.grad,
    )


class HeadInput:
    """Remembers what the head was last given: the features that CORAL compares."""

    def __init__(self, head: nn.Module) -> None:
        """Watch ``head`` until :meth:`close`."""
        self._last: Tensor | None = None
        self._handle = head.register_forward_pre_hook(self._keep)

    def _keep(self, _head: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        self._last = arguments[0]

    def take(self) -> Tensor:
        """Give the features ``(B, W)`` of the last forward pass, with their graph, as float32; once."""
        features, self._last = self._last, None
        assert features is not None  # noqa: S101 - a forward pass came before
        return features.float()

    def close(self) -> None:
        """Stop watching."""
        self._handle.remove()
        self._last = None
