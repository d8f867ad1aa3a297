"""Weights that were never trained, judged on validation: interpolations and soups are such.

Weights are whole here: every parameter and every saved buffer of the plain model, by name.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.core.clock import Budget
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings
from crosstune.frozen.freeze import evaluating
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.aside import at_rest_afterwards, own_randomness
from crosstune.training.session import Session, make_accelerator, prepare
from crosstune.training.snapshot import Weights, moving, restore, take
from crosstune.training.strategies import load_head


def whole(backbone: Backbone) -> Weights:
    """Copy all weights of the model, which holds no adapters, to the CPU."""
    return take(_live(backbone))


def starting_weights(backbone: Backbone, head: HeadWeights) -> Weights:
    """Copy the weights that training starts from: those of the model now, with ``head`` in its native head.

    The model keeps its own head. Interpolation needs a head that means something at both ends.

    Raises:
        ValueError: the head does not fit the native one.
    """
    before = whole(backbone)
    try:
        load_head(backbone, head)
        return whole(backbone)
    finally:
        restore(_live(backbone), before)


def put(backbone: Backbone, weights: Weights) -> None:
    """Let the model hold ``weights``, bit for bit.

    Raises:
        ValueError: a name or a shape is not that of the model's, such as those of adapters.
    """
    live = _live(backbone)
    odd = [name for name in weights if name not in live or weights[name].shape != live[name].shape]
    odd += [name for name in live if name not in weights]
    if odd:
        raise ValueError(f"weights that are not those of {backbone.name}: {', '.join(sorted(odd)[:5])}")
    restore(live, weights)


@dataclass(frozen=True)
class Judge:
    """Puts weights into a model and evaluates them."""

    session: Session

    def outputs(self, weights: Weights, *, averaged: bool) -> NDArray[Any]:
        """Give the validation outputs ``(M, K)``; the model holds the weights afterwards.

        ``averaged`` weights get BatchNorm statistics that are measured on training batches, where these
        statistics are trained at all: an average of statistics is not that of the averaged weights
        (Izmailov 2018, section 3.2).
        """
        put(self.session.backbone, weights)
        if averaged:
            self.session.refresh_batchnorm()
        with evaluating(self.session.backbone.model):
            return self.session.evaluator.outputs(self.session.forward)

    def score(self, outputs: NDArray[Any]) -> float:
        """Give what weights are chosen by, turned so that larger is better; a NaN is the worst."""
        spec = self.session.evaluator.chosen_by
        figure = self.session.evaluator.figures(outputs)[spec.name]
        if np.isnan(figure):
            return -np.inf
        return figure if spec.higher_is_better else -figure

    def held(self) -> Weights:
        """Copy the weights that the model holds now, measured statistics included."""
        return whole(self.session.backbone)


@contextmanager
def judging(
    backbone: Backbone, task: Task, train_items: Items, validation_items: Items, settings: Settings, *,
    budget: Budget, reporter: Reporter,
) -> Iterator[Judge]:  # fmt: skip
    """Prepare a model for being judged; afterwards it is at rest and holds what was put in last.

    Args:
        backbone: plain, without adapters.
        task: fitted on the training targets.
        train_items: for BatchNorm statistics.
        validation_items: what is judged on.
        settings: those of the training that the weights come from; they say which statistics move.
        budget: for the benchmark of precision.
        reporter: told what is decided.
    """
    accelerator = make_accelerator(settings, None, ())
    with own_randomness(accelerator.device), at_rest_afterwards(backbone), ExitStack() as stack:
        session = prepare(
            backbone, task, train_items, validation_items, _plain(settings),
            accelerator=accelerator, budget=budget, reporter=reporter, head=None, stack=stack,
        )  # fmt: skip
        yield Judge(session)


def _plain(settings: Settings) -> Settings:
    """Give the settings for a model without adapters, with its head in place, of which nothing is stored."""
    chosen = replace(settings, cache="off", workers=0)
    if settings.strategy == "lora":
        return replace(chosen, strategy="full", batchnorm="frozen")
    return replace(chosen, strategy="full") if settings.strategy == "lp-ft" else chosen


def _live(backbone: Backbone) -> dict[str, torch.Tensor]:
    return moving(backbone.model, [name for name, _ in backbone.model.named_parameters()])
