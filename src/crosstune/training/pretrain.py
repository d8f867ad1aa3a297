"""Continued pretraining: masked language modelling on unlabelled texts, in the body that will be tuned.

AdamW with a linear schedule and the rate of task-adaptive pretraining (Gururangan 2020); masks as in
``masking.py``. A head that starts from random values moves alone at first: its gradients would otherwise
disturb the body before they mean anything, which is the reason for LP-FT too.
"""

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn, optim
from torch.nn.functional import cross_entropy

from crosstune.core import interruption
from crosstune.core.clock import Budget, keep_used
from crosstune.core.errors import OutOfMemory
from crosstune.core.items import Items
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.core.progress import Reporter
from crosstune.core.seeding import derived_seed
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.sources.masked import MaskedModel, masked_model
from crosstune.training import checkpoints, pretrain_state
from crosstune.training.aside import at_rest_afterwards, own_randomness
from crosstune.training.bound import make_bound
from crosstune.training.checkpointing import choose_checkpointing
from crosstune.training.encoding import encode, input_lengths
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.forward import autocast
from crosstune.training.held_out import HeldOut, name_hidden
from crosstune.training.masking import Masked, Masker
from crosstune.training.optimizers import set_rates
from crosstune.training.order import Order, shares
from crosstune.training.pace import SLACK, planned_steps
from crosstune.training.parameters import Group
from crosstune.training.recovery import require_out_of_memory
from crosstune.training.saver import OVERHEAD
from crosstune.training.schedules import Schedule
from crosstune.training.session import make_accelerator
from crosstune.training.snapshot import moving
from crosstune.training.update import match_layouts

HEAD_FIRST = 0.2
"""ASSUMED: share of the steps in which a new head moves alone; that of ``new_parts_first``."""
WARMUP = 0.06
"""PRIOR: share of the steps in which the rate rises (Gururangan 2020)."""
DECAY = 0.01
"""PRIOR: decoupled weight decay; never on biases and norms (Gururangan 2020)."""
CLIP = 1.0
"""PRIOR: largest gradient norm, as in every training here."""
REPLAN = 8
"""Steps after which the number of steps that fit is estimated again, where there is a budget."""
BEFORE, HEAD_ALONE, AFTER = "before", "new head alone", "after"
"""When held-out texts are looked at."""


@dataclass(frozen=True, kw_only=True)
class PretrainResult:
    """How a continued pretraining ended."""

    steps: int
    epochs: float
    new_head: bool
    """Whether the head that names tokens started from random values."""
    tied: bool
    """Whether that head shares its table with the input embeddings."""
    held_out: dict[str, HeldOut]
    """On texts that were not trained on: before, after, and between where the head is new."""
    stopped: str
    """``epochs`` or ``budget``."""
    seconds: float


def pretrain(
    backbone: Backbone,
    texts: Items,
    held_out: Items,
    settings: Settings,
    *,
    budget: Budget,
    work: Path,
    reporter: Reporter,
    resume: bool = False,
) -> PretrainResult:
    """Let the body of ``backbone`` learn to name hidden tokens of ``texts``, in place.

    It makes the steps of ``pretrain_epochs`` epochs, or as many as fit into the budget. The native head stays
    as it is, and the model is at rest afterwards. The caller's random state is left as it was.

    Args:
        backbone: a text encoder; see :func:`crosstune.sources.masked.require_masked`.
        texts: without targets.
        held_out: texts of the same kind that are not trained on, for the figures.
        settings: ``pretrain_epochs``, ``pretrain_lr``, ``mask_share``, ``batch_size``, ``micro_batch``,
            ``seed``, ``checkpoint_every``, ``gradient_checkpointing`` (``auto`` is off) and ``precision``
            (bf16 only where it is named).
        budget: ends when pretraining must have ended.
        work: folder for checkpoints.
        reporter: told what happens.
        resume: go on from the newest whole checkpoint under ``work``, bit for bit on as many threads.

    Raises:
        DoesNotApply: the model cannot name tokens.
        CannotCheckpoint: ``gradient_checkpointing=on``, and it cannot be.
        ResumeMismatch: the checkpoint is of other texts or settings.
        NonFiniteLoss, OutOfMemory, Interrupted, DiskFull: checkpoints from before stay.

    Cost: ``epochs`` times about the cost of an epoch of training that moves everything, and a little more for
    the vocabulary.
    Checked by: ``tests/training/test_pretrain.py``.
    """
    device = make_accelerator(replace(settings, parallel="auto"), None, ()).device
    with own_randomness(device), at_rest_afterwards(backbone):
        backbone.model.to(device)
        choose_checkpointing(backbone, settings)
        run = Pretraining(backbone, texts, held_out, settings, budget, work, reporter)
        if not resume:
            checkpoints.remove_all(run.root)
        elif pretrain_state.take_up(run, reporter) and run.ended:
            return run.result()
        run.carry_out()
        return run.result()


class Pretraining:
    """One continued pretraining over its steps; how far it has come can be read from its fields."""

    def __init__(
        self, backbone: Backbone, texts: Items, held_out: Items, settings: Settings, budget: Budget,
        work: Path, reporter: Reporter,
    ) -> None:  # fmt: skip
        """Put the head on the body, and make the optimizer."""
        self.settings, self.budget, self.reporter, self.work = settings, budget, reporter, work
        self.preprocessing, self.texts, self.others = backbone.preprocessing, texts, held_out
        self.root = work / "checkpoints"
        self.masked = masked_model(backbone, settings.seed)
        self.device = next(backbone.model.parameters()).device
        self.masker = _masker(backbone, settings, "mask")
        self.held_masker = _masker(backbone, settings, "held-out mask")
        lengths = input_lengths(texts, self.preprocessing)
        self.order = Order(len(texts), settings.batch_size, settings.seed, lengths)
        self.bound = make_bound(settings, self.preprocessing, lengths)
        self.planned = planned_steps(settings.pretrain_epochs, self.order.steps_per_epoch)
        self.total = self.planned
        self.schedule = Schedule(_scheduled(settings, new=bool(self.masked.new)), self.total)
        self.optimizer = optim.AdamW(_groups(self.masked, settings.pretrain_lr), fused=True)
        names = [name for name, _ in self.masked.model.named_parameters()]
        self.live = moving(self.masked.model, names)
        self.step, self.losses, self.held_out = 0, list[float](), dict[str, HeldOut]()
        self.micro_batch = settings.micro_batch or settings.batch_size
        self.ended, self.stopped, self.seconds = False, "epochs", 0.0
        self.evaluation = 0.0
        self._saved, self._cost = time.monotonic(), 0.0
        self.fingerprint = _fingerprint(settings, texts, held_out)

    def carry_out(self) -> None:
        """Make all steps, or as many as the budget allows, and look at the held-out texts at both ends.

        Raises:
            Interrupted: after a signal; the pretraining was saved.
        """
        with interruption.deferred():
            self.reporter.start("continued pretraining", self.total)
            self._look(BEFORE)
            while self.step < self.total:
                if self._budget_ends():
                    self.stopped = "budget"
                    break
                self._look_at_new_head()
                began = time.monotonic()
                self._make_step()
                self.seconds += time.monotonic() - began
                if self.step % REPLAN in (0, 1) and not math.isinf(self.budget.left()):
                    self.total = self._steps_that_fit()
                    self.reporter.resize(max(1, self.total))
                self._save_or_stop()
            if self.step < self.planned:
                self.stopped = "budget"
            self._look(AFTER)
            self.ended = True
            pretrain_state.save(self)
            keep_used(self.work, self.budget)
            self.reporter.finish()

    def result(self) -> PretrainResult:
        """Say how it ended."""
        return PretrainResult(
            steps=self.step, epochs=self.step / self.order.steps_per_epoch, new_head=bool(self.masked.new),
            tied=self.masked.tied, held_out=self.held_out, stopped=self.stopped, seconds=self.seconds,
        )  # fmt: skip

    def _make_step(self) -> None:
        left = self.total - self.step
        set_rates(self.optimizer, self.schedule.share, self.schedule.later)
        self.masked.model.train()
        self.losses.append(self._update())
        self.schedule.advance(left)
        self.step += 1
        recent = self.losses[-20:]
        rates = {"loss": sum(recent) / len(recent), "lr": self.optimizer.param_groups[0]["lr"]}
        self.reporter.advance(self.step, rates)

    def _update(self) -> float:
        """Make one update from the mean loss over all hidden tokens of the batch; returns that loss."""
        indices, epoch = self.order.batch(self.step), self.order.epoch(self.step)
        while True:
            try:
                loss = self._gradients(indices, epoch)
                break
            except CAN_BE_MEMORY as error:
                require_out_of_memory(error)
                failure = str(error)
            if self.micro_batch == 1:
                raise OutOfMemory("a step of continued pretraining", size=1, failure=failure)
            self.micro_batch = -(-self.micro_batch // 2)
            self.optimizer.zero_grad(set_to_none=True)
            self.reporter.warn(f"memory ran out: micro-batches of {self.micro_batch} from here on")
        moved = [p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        norm = float(nn.utils.clip_grad_norm_(moved, CLIP)) if moved else 0.0
        if not (math.isfinite(loss) and math.isfinite(norm)):
            origins = self.texts.origins()
            raise NonFiniteLoss(
                "masked language modelling loss", loss, step=self.step, epoch=epoch,
                origins=[origins[int(index)] for index in indices], rate=self.settings.pretrain_lr,
            )  # fmt: skip
        match_layouts(moved)
        self.optimizer.step()
        return loss

    def _gradients(self, indices: NDArray[np.int64], epoch: int) -> float:
        self.optimizer.zero_grad(set_to_none=True)
        micro = shares(indices, micro_batch=self.micro_batch, bound=self.bound)
        hidden = [self._hide(piece, epoch) for piece, _ in micro]
        weight = sum(len(one.labels) for one in hidden)
        total = 0.0
        for position, one in enumerate(hidden):
            if len(one.labels):
                torch.manual_seed(derived_seed(self.settings.seed, "pretraining step", self.step, position))
                loss = self._loss(one)
                (loss / weight).backward()  # type: ignore[no-untyped-call]
                total += float(loss.detach())
        return total / max(1, weight)

    def _hide(self, indices: NDArray[np.int64], epoch: int) -> Masked:
        rows = indices.tolist()
        return self.masker(encode(self.preprocessing, self.texts.batch(rows)), rows, epoch=epoch)

    def _loss(self, one: Masked) -> torch.Tensor:
        """Return the summed loss of the hidden tokens, in nats."""
        batch = {name: tensor.to(self.device) for name, tensor in one.batch.items()}
        with autocast(self.device, bf16=self._bf16):
            logits = self.masked.logits(batch, one.chosen.to(self.device))
        return cross_entropy(logits, one.labels.to(self.device), reduction="sum")

    @property
    def _bf16(self) -> bool:
        return self.settings.precision == "bf16"

    # ---------------------------------------------------------------- held-out texts

    def _look(self, when: str) -> None:
        if when in self.held_out or not len(self.others):
            return
        began = time.monotonic()
        found = name_hidden(
            self.masked, self.others, self.held_masker, self.preprocessing, bf16=self._bf16
        )  # fmt: skip
        self.held_out[when] = found
        self.evaluation = time.monotonic() - began
        self.reporter.say(
            f"held-out texts, {when}: {found.loss:.3f} nats for each hidden token, perplexity "
            f"{found.perplexity:,.1f}, {found.right:.1%} named first"
        )

    def _look_at_new_head(self) -> None:
        """Look once more when the body begins to move: what comes after is what the body has learned."""
        if self.masked.new and self.step and self.schedule.later > 0.0:
            self._look(HEAD_ALONE)

    # ---------------------------------------------------------------- budget and checkpoints

    def _steps_that_fit(self) -> int:
        left = SLACK * self.budget.left() - (1 + bool(self.masked.new)) * self.evaluation
        fitting = self.step + int(max(0.0, left) / (self.seconds / self.step))
        return max(self.step, min(self.planned, fitting))

    def _budget_ends(self) -> bool:
        return self.budget.left() <= self.evaluation

    def _save_or_stop(self) -> None:
        asked, passed = interruption.requested(), time.monotonic() - self._saved
        every = self.settings.checkpoint_every
        if asked is not None or every == 0 or (passed >= every and passed >= self._cost / OVERHEAD):
            began = time.monotonic()
            pretrain_state.save(self)
            keep_used(self.work, self.budget)
            self._saved = time.monotonic()
            self._cost = self._saved - began
        if asked is not None:
            raise interruption.Interrupted(asked)


def _masker(backbone: Backbone, settings: Settings, purpose: str) -> Masker:
    tool: Any = backbone.preprocessing
    return Masker(tool.tokenizer, settings.mask_share, settings.seed, purpose)


def _scheduled(settings: Settings, *, new: bool) -> Settings:
    """Give the schedule of continued pretraining; under orca's, all but the new parts waits."""
    return replace(
        settings, optimizer="adamw", schedule="linear", warmup=WARMUP, new_parts_first=HEAD_FIRST,
        strategy="orca" if new else "full",
    )  # fmt: skip


def _groups(masked: MaskedModel, rate: float) -> list[Group]:
    """Group head and body; biases, norms and scales are never decayed."""
    head = set(masked.head_names())
    groups: list[Group] = []
    for waits in (False, True):
        named = [p for name, p in masked.model.named_parameters() if (name not in head) == waits]
        for matrices in (True, False):
            chosen = [parameter for parameter in named if (parameter.ndim > 1) == matrices]
            decay = DECAY if matrices else 0.0
            if chosen:
                groups.append({"params": chosen, "lr": rate, "peak": rate, "weight_decay": decay,
                               "waits": waits and bool(masked.new)})  # fmt: skip
    return groups


def _fingerprint(settings: Settings, texts: Items, held_out: Items) -> dict[str, Any]:
    names = ("pretrain_epochs", "pretrain_lr", "mask_share", "batch_size", "seed")
    found: dict[str, Any] = {f"setting {name}": getattr(settings, name) for name in names}
    return found | {"texts": [len(texts), texts.digest], "held-out texts": [len(held_out), held_out.digest]}
