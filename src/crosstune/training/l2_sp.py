"""L2-SP: the weights of the body are pulled to where they started, those of the head to zero."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone


@dataclass(frozen=True)
class L2SP:
    """The penalty ``alpha / 2 ||w - w0||^2`` over the body and ``beta / 2 ||w||^2`` over the head.

    It is added to the mean loss of an effective batch once, whatever the number of micro-batches and
    processes, through its exact gradient ``alpha (w - w0)`` or ``beta w``. Biases and norms of the body are
    pulled too, as they have a start to go back to.

    Cost: one copy of the weights of the body that move, and one more for a moment in each step.
    Source: Li et al. (2018), Explicit inductive bias for transfer learning, arXiv:1802.01483.
    Checked by: ``tests/training/test_l2_sp.py``: against autograd, and the closed form of its fixed point.
    """

    alpha: float
    beta: float
    start: dict[int, Tensor]
    """The starting weights of each parameter of the body that moves, by the parameter's id."""

    def add_to_gradients(self, parameters: Sequence[nn.Parameter], scale: float) -> None:
        """Add ``scale`` times the gradient of the penalty to the gradients, in place.

        Args:
            parameters: all with a gradient; one that is not of the body is of the head.
            scale: what the gradients of the loss have too much, such as the weight of the batch.
        """
        body = [one for one in parameters if id(one) in self.start]
        head = [one for one in parameters if id(one) not in self.start]
        with torch.no_grad():
            _add(body, [one - self.start[id(one)] for one in body], scale * self.alpha)
            _add(head, list(head), scale * self.beta)

    def value(self, parameters: Sequence[nn.Parameter]) -> Tensor:
        """Return the penalty itself, with its graph; training needs only its gradients."""
        terms = [
            self.alpha / 2 * (one - self.start[id(one)]).square().sum()
            if id(one) in self.start
            else self.beta / 2 * one.square().sum()
            for one in parameters
        ]
        return torch.stack(terms).sum()


def make_l2_sp(backbone: Backbone, settings: Settings) -> L2SP | None:
    """Remember where the moving weights of the body are now; ``None`` where L2-SP is off.

    Call it when the model holds its starting weights: a run that is taken up opens the same ones again, so
    a checkpoint need not hold them.
    """
    if settings.l2_sp == 0.0:
        return None
    head = {id(one) for one in backbone.head_parameters()}
    moving = (one for one in backbone.model.parameters() if one.requires_grad and id(one) not in head)
    start = {id(one): one.detach().clone() for one in moving}
    return L2SP(settings.l2_sp, settings.l2_sp_head, start)


def _add(parameters: Sequence[nn.Parameter], terms: Sequence[Tensor], factor: float) -> None:
    gradients = [one.grad for one in parameters if one.grad is not None]
    if gradients:
        torch._foreach_add_(gradients, list(terms), alpha=factor)
