"""Alarms about a training that goes on or has ended: what looks wrong, each under a name with a page.

The fifth alarm, that no parameter moves, is an error before the first step (``NothingToTrain``).
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.frozen.freeze import evaluating
from crosstune.tasks.base import Task
from crosstune.tasks.structured import Structured
from crosstune.training.forward import autocast
from crosstune.training.loader import as_targets
from crosstune.training.parameters import head_rate
from crosstune.training.session import Session

ALARM_STEPS = 20
"""With fewer steps a loss that does not fall says nothing."""
EXAMPLES = 256
"""Training examples, at most, on which the loss is compared with that on validation."""
FEWEST = 48
"""ASSUMED: with fewer examples on either side the comparison says nothing."""
LEAK_SHARE, LEAK_GAP = 0.5, 0.1
"""PRIOR: validation is suspicious where its loss is below this share of the training loss, and lower by
more than this: a model fits what it was trained on better than what it has not seen."""
SPREAD = 1e-3
"""Values whose deviation is below this share of that of the targets are one answer."""


def one_answer(task: Task, outputs: NDArray[Any], encoded: NDArray[Any]) -> str | None:
    """Say so where the model gives one and the same answer to everything, and the targets do not.

    Args:
        task: any; one answer is one class, one set of labels, or one number. A structured task has alarms
            of its own.
        outputs: ``(N, K)`` on validation, or N answers.
        encoded: their targets.
    """
    if isinstance(task, Structured):
        return task.alarm(outputs, encoded)
    kind = task.linear_kind()
    truth = task.linear_targets(encoded)
    if kind == "values":
        if float(outputs.std(axis=0).max()) >= SPREAD * float(truth.std(axis=0).max()):
            return None
        return (
            "[one-answer] one number is predicted for all of validation: the model has learnt only the mean"
        )
    answers = outputs.argmax(axis=1)[:, None] if kind == "classes" else outputs > 0
    distinct = len(np.unique(truth, axis=0))
    if len(np.unique(answers, axis=0)) > 1 or distinct == 1:
        return None
    if kind == "classes":
        return _alarm(
            "one-answer",
            f"one class is predicted for all of validation, which holds {distinct}: "
            "the model has learnt nothing but the most frequent class",
        )
    return _alarm(
        "one-answer",
        f"the same labels are predicted for all of validation, which holds {distinct} sets of them",
    )


def unchanged_loss(losses: list[float]) -> str | None:
    """Say so where the training loss, of every step, does not fall."""
    quarter = len(losses) // 4
    if len(losses) < ALARM_STEPS:
        return None
    start, end = float(np.mean(losses[:quarter])), float(np.mean(losses[-quarter:]))
    if end < start * (1.0 - 1e-3):
        return None
    return _alarm(
        "loss-unchanged",
        f"the training loss did not fall: {start:.4g} in the first quarter of the steps, "
        f"{end:.4g} in the last; the rate may be too small, too large, or the targets unrelated",
    )


def equal_rates(session: Session, *, starts_trained: bool) -> str | None:
    """Say so where a random head moves no faster than the pretrained body that it must not spoil."""
    settings, backbone = session.settings, session.backbone
    moves_body = settings.strategy in ("full", "last", "gradual", "surgical") and backbone.pretrained
    if starts_trained or not moves_body or head_rate(settings) != settings.lr:
        return None
    return _alarm(
        "equal-rates",
        f"the head is random, the body pretrained, and both move at the rate {settings.lr:.3g}: "
        "set head_lr to a multiple of lr, or start from a closed-form head (strategy=lp-ft)",
    )


def suspicious_validation(session: Session, outputs: NDArray[Any]) -> str | None:
    """Say so where validation is fitted far better than training, both in eval mode and without augmentation.

    Args:
        session: its model holds the weights that ``outputs`` come from, or an average of them.
        outputs: ``(N, K)`` on validation.

    Cost: a forward pass over 256 training examples.
    """
    validation = session.evaluator.encoded
    count = min(EXAMPLES, len(session.loader.items))
    if min(count, len(validation)) < FEWEST or isinstance(session.task, Structured):
        return None  # answers have no loss
    seen, unseen = _training_loss(session, count), _mean(session, outputs, validation)
    if not (unseen < LEAK_SHARE * seen and seen - unseen > LEAK_GAP):
        return None
    return _alarm(
        "suspicious-validation",
        f"validation is fitted far better than training (a loss of {unseen:.3g} "
        f"against {seen:.3g}): look for rows of validation among those of training, or an input that gives "
        "targets away",
    )


def _alarm(name: str, sentence: str) -> str:
    """Put the name in front, which is that of a page in docs/errors."""
    return f"[{name}] {sentence}"


def _mean(session: Session, outputs: NDArray[np.float32], encoded: NDArray[Any]) -> float:
    total, weight = session.loss(torch.from_numpy(outputs), as_targets(session.task, encoded))
    return float(total / weight)


def _training_loss(session: Session, count: int) -> float:
    """Return the mean loss on some training examples, in eval mode."""
    items = session.loader.items
    chosen = np.sort(generator(session.settings.seed, "alarm").permutation(len(items))[:count])
    loader = replace(session.loader, augmenter=None, mixing=())
    device, numerics = session.accelerator.device, session.numerics
    parts = []
    with evaluating(session.backbone.model), torch.no_grad():
        for start in range(0, count, session.evaluator.batch_size):
            indices = chosen[start : start + session.evaluator.batch_size]
            micro = loader.load(indices).to(device, channels_last=numerics.channels_last)
            with autocast(device, bf16=numerics.bf16):
                parts.append(session.forward(micro.batch, micro.activation).float().cpu().numpy())
    return _mean(session, np.concatenate(parts), session.loader.encoded[chosen])
