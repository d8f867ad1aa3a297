"""Everything that a run is made of, built once before its first step."""

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs, broadcast_object_list
from torch import nn, optim

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.extras import require
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.settings import MIXING, Settings
from crosstune.frozen.freeze import freeze
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.tasks.structured import InPictures, WithMasks
from crosstune.training.across import make_across
from crosstune.training.augment import Augmenter, names
from crosstune.training.batchnorm import REFRESH_STEPS, refresh_batchnorm, training_batchnorms
from crosstune.training.bound import make_bound, require_lengths
from crosstune.training.checkpointing import choose_checkpointing
from crosstune.training.coral import HeadInput
from crosstune.training.encoding import input_lengths
from crosstune.training.errors import NothingToTrain, WrongWorldSize
from crosstune.training.evaluate import Evaluator
from crosstune.training.forward import Forward
from crosstune.training.l2_sp import L2SP, make_l2_sp
from crosstune.training.light import keep_light
from crosstune.training.loader import Loader
from crosstune.training.lora import add_adapters, describe_adapters
from crosstune.training.methods import require_methods
from crosstune.training.neftune import make_noise
from crosstune.training.order import Order
from crosstune.training.pace import planned_steps
from crosstune.training.packing import choose_packing
from crosstune.training.parallel import plugin, untouched, way
from crosstune.training.precision import Numerics, choose_numerics, to_format
from crosstune.training.prepared import PreparedInputs
from crosstune.training.quantized import require_quantized
from crosstune.training.stored import Prefix, Stored, store_prefix
from crosstune.training.strategies import end_at, load_head, lowest_cut, set_mode
from crosstune.training.update import Loss, Updater

EVALUATION_BATCH = 64
BENCHMARK_SECONDS = 20.0
BENCHMARK_SHARE = 0.05
"""Of the budget left, at most, for the benchmark of precision and memory format."""

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A prepared run. The model is on its device, frozen as in the first epoch, in training mode."""

    backbone: Backbone
    task: Task
    settings: Settings
    accelerator: Accelerator
    forward: Forward
    loss: Loss
    loader: Loader
    evaluator: Evaluator
    numerics: Numerics
    packing: str
    """``on`` where batches are laid end to end, else ``off``."""
    checkpointing: str
    """``on`` where layers are computed once more in the backward pass, else ``off``."""
    stored: Stored | None
    """What the frozen prefix gave, where it was computed once and stored."""
    moving: tuple[str, ...]
    """Names of the parameters that move at any time of the run."""
    l2_sp: L2SP | None = None
    """The pull to the starting weights, where there is one."""
    features: HeadInput | None = None
    """What the head reads, where CORAL compares it."""
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    """What a checkpoint of this run can be continued with: data, model, settings, processes."""
    whole: Backbone | None = None
    """Where ``backbone`` is spread over the processes: the model that is given its weights at the end."""

    @property
    def planned(self) -> int:
        """Count the steps of ``epochs`` epochs, whatever the budget says."""
        return planned_steps(self.settings.epochs, self.loader.order.steps_per_epoch)

    @property
    def choices(self) -> dict[str, str]:
        """What was measured before the first step, as values of the settings."""
        return {
            "precision": self.numerics.precision,
            "memory_format": self.numerics.memory_format,
            "cache": "on" if self.stored else "off",
            "packing": self.packing,
        }

    def agreed(self, value: T) -> T:
        """Return the value of the first process in all of them."""
        return agreed(self.accelerator, value)

    def refresh_batchnorm(self) -> None:
        """Measure the statistics of BatchNorms in training mode on the first batches of training."""
        if modules := training_batchnorms(self.backbone.model):
            steps = range(min(REFRESH_STEPS, self.loader.order.steps_per_epoch))
            refresh_batchnorm(
                self.forward, modules, map(self.loader, steps), device=self.accelerator.device,
                channels_last=self.numerics.channels_last,
            )  # fmt: skip


def agreed(accelerator: Accelerator, value: T) -> T:
    """Return the value of the first process in all of them: they must do equally much."""
    if accelerator.num_processes == 1:
        return value
    box = [value]
    broadcast_object_list(box)
    return box[0]


def make_updater(session: Session, forward: nn.Module, optimizer: optim.Optimizer) -> Updater:
    """Build what makes updates, from ``forward`` as accelerate may have wrapped it."""
    return Updater(
        forward=forward, optimizer=optimizer, loss=session.loss, accelerator=session.accelerator,
        items=session.loader.items, seed=session.settings.seed, clip_norm=session.settings.clip_norm,
        bf16=session.numerics.bf16, channels_last=session.numerics.channels_last, l2_sp=session.l2_sp,
        across=make_across(session.loader.domains, session.settings, session.features),
        noise=make_noise(session.backbone, session.settings), spread=session.whole is not None,
    )  # fmt: skip


def make_accelerator(settings: Settings, work: Path | None, trackers: Sequence[str]) -> Accelerator:
    """Start accelerate in float32 (precision is ours), and the trackers that were asked for.

    Raises:
        ShardedTraining: the launcher asks for DeepSpeed, Megatron-LM or an FSDP that is not carried out.
        TooFewProcesses: FSDP or DDP is asked for by name, and there is one process.
        WrongWorldSize: fewer processes train together than the launcher started.
        MissingExtra: a tracker's package is not installed.
    """
    for name in trackers:
        require(name, extra="trackers", purpose=f"the tracker {name}")
    spread = way(settings) == "fsdp"
    unused = DistributedDataParallelKwargs(find_unused_parameters=settings.strategy in ("gradual", "orca"))
    with untouched():
        accelerator = Accelerator(
            cpu=not torch.accelerator.is_available(),  # else torchrun's processes would not join on a CPU
            mixed_precision="no",
            log_with=list(trackers) or None,
            project_dir=work,
            kwargs_handlers=[unused],
            fsdp_plugin=plugin() if spread else None,
        )
    expected = int(os.environ.get("WORLD_SIZE", "1"))
    if accelerator.num_processes != expected:
        raise WrongWorldSize(accelerator.num_processes, expected)
    if trackers:
        simple = {
            key: value for key, value in asdict(settings).items() if isinstance(value, int | float | str)
        }
        accelerator.init_trackers("crosstune", config=simple)
    return accelerator


def prepare(
    backbone: Backbone,
    task: Task,
    train_items: Items,
    validation_items: Items,
    settings: Settings,
    *,
    accelerator: Accelerator,
    budget: Budget,
    reporter: Reporter,
    head: HeadWeights | None,
    stack: ExitStack,
    pass_seconds: float | None = None,
    fingerprint: Mapping[str, Any] | None = None,
) -> Session:
    """Build all parts of a run; :func:`crosstune.training.run.train` explains what it is given.

    Where activations are stored, ``stack`` gets the cut, entered until the run has ended.
    """
    _check_together(settings, head)
    domains = train_items.domains()
    require_methods(settings, domains=None if domains is None else len(domains.present))
    require_lengths(settings, backbone)
    make_noise(backbone, settings)  # refused before time is spent
    require_quantized(settings, settings.strategy)
    augmenter, mixing = _augmentation(backbone, task, settings)
    encoded = task.encode(train_items.targets())
    order = _order(train_items, backbone, settings, world=accelerator.num_processes)
    moving = _freeze(backbone, settings, order, head)
    if settings.strategy == "lora":
        reporter.say(describe_adapters(backbone, settings))
    backbone.model.to(accelerator.device)
    prefix = Prefix(
        backbone=backbone, train=train_items, validation=validation_items, settings=settings,
        augmenter=augmenter, mixing=mixing, pass_seconds=pass_seconds,
    )  # fmt: skip
    stored = _stored(prefix, accelerator, budget.left(), reporter)
    loader = Loader(
        items=train_items, encoded=encoded, task=task, preprocessing=backbone.preprocessing, order=order,
        micro_batch=settings.micro_batch, augmenter=augmenter, mixing=mixing,
        activations=stored.train if stored else None,
        rank=accelerator.process_index, world=accelerator.num_processes, domains=domains,
        bound=make_bound(settings, backbone.preprocessing, order.lengths),
        prepared=None if stored or settings.workers else _prepared(train_items, backbone, settings),
    )  # fmt: skip
    forward = Forward(backbone, stack.enter_context(stored.cut) if stored else None)
    loss = task.make_loss(settings, encoded)
    set_mode(backbone, settings, epoch=0)
    packing = choose_packing(backbone, settings, reporter)
    checkpointing = choose_checkpointing(backbone, settings)
    numerics = _numerics(forward, loss, loader, settings, accelerator, budget, reporter)
    evaluator = _evaluator(task, validation_items, backbone, settings, accelerator, numerics, stored)
    return Session(
        backbone=backbone, task=task, settings=settings, accelerator=accelerator, forward=forward, loss=loss,
        loader=loader, evaluator=evaluator, numerics=numerics, packing=packing, checkpointing=checkpointing,
        stored=stored, moving=moving, fingerprint=fingerprint or {}, l2_sp=make_l2_sp(backbone, settings),
        features=_watched(backbone, settings, stack),
    )  # fmt: skip


def _augmentation(
    backbone: Backbone, task: Task, settings: Settings
) -> tuple[Augmenter | None, tuple[str, ...]]:
    """Give what changes examples one by one, and the names of what mixes those of a batch."""
    augment = names(
        settings.augment, modality=backbone.modality, kind=task.linear_kind(),
        places=isinstance(task, InPictures), masks=isinstance(task, WithMasks),
    )  # fmt: skip
    on_examples = tuple(name for name in augment if name not in MIXING)
    mixing = tuple(name for name in augment if name in MIXING)
    return Augmenter(on_examples, settings.seed) if on_examples else None, mixing


def _watched(backbone: Backbone, settings: Settings, stack: ExitStack) -> HeadInput | None:
    """Watch what the head reads until the run has ended, where CORAL asks for it."""
    if settings.coral == 0.0:
        return None
    features = HeadInput(backbone.head_module())
    stack.callback(features.close)
    return features


def _stored(prefix: Prefix, accelerator: Accelerator, left: float, reporter: Reporter) -> Stored | None:
    """Store the prefix or not, as the first process decides; the others find it done, or do it after it."""
    first = store_prefix(prefix, left=left, reporter=reporter) if accelerator.is_main_process else None
    cache = agreed(accelerator, "on" if first else "off")
    if accelerator.is_main_process:
        return first
    decided = replace(prefix, settings=replace(prefix.settings, cache=cache))
    return store_prefix(decided, left=left, reporter=reporter)


def _check_together(settings: Settings, head: HeadWeights | None) -> None:
    if settings.strategy == "lp-ft" and head is None:
        raise ValueError("the strategy lp-ft needs a head to start from")
    if settings.average == "ema" and settings.optimizer == "schedule-free":
        raise BadValue(
            "two settings average the weights",
            found="average=ema with optimizer=schedule-free, which averages by itself",
            expected="one of them",
            fix="set average=none, or optimizer=adamw",
        )


def _order(items: Items, backbone: Backbone, settings: Settings, *, world: int) -> Order:
    lengths = input_lengths(items, backbone.preprocessing) if backbone.lengths_vary else None
    return Order(
        len(items),
        settings.batch_size,
        settings.seed,
        lengths,
        least=max(2, world),
        rising=settings.sorta_grad,
    )


def _freeze(
    backbone: Backbone, settings: Settings, order: Order, head: HeadWeights | None
) -> tuple[str, ...]:
    """Load the head, freeze for the first epoch, and name what moves at any time of the run."""
    blocks = len(backbone.blocks)
    epochs = -(-planned_steps(settings.epochs, order.steps_per_epoch) // order.steps_per_epoch)
    lowest = lowest_cut(settings, blocks, epochs)
    if head is not None:
        load_head(backbone, head)
    freeze(backbone, lowest, end_at(settings, blocks))
    if settings.strategy == "lora":
        add_adapters(backbone, settings)
    if settings.strategy == "fpt":
        keep_light(backbone)
    moving = tuple(name for name, p in backbone.model.named_parameters() if p.requires_grad)
    if not moving:
        raise NothingToTrain(settings.strategy, backbone.name)
    return moving


def _numerics(
    forward: Forward, loss: Loss, loader: Loader, settings: Settings, accelerator: Accelerator,
    budget: Budget, reporter: Reporter,
) -> Numerics:  # fmt: skip
    allowed = min(BENCHMARK_SECONDS, BENCHMARK_SHARE * budget.left())
    found = choose_numerics(forward, loss, loader(0)[0], settings, device=accelerator.device, allowed=allowed)
    if accelerator.num_processes > 1:
        (found,) = broadcast_object_list([found])
        to_format(forward.model, channels_last=found.channels_last)
    if found.seconds:
        times = ", ".join(f"{name} {1000 * seconds:.3g} ms" for name, seconds in found.seconds.items())
        reporter.say(f"computing in {found.precision}, {found.memory_format} (for each example: {times})")
    return found


def _evaluator(
    task: Task, items: Items, backbone: Backbone, settings: Settings, accelerator: Accelerator,
    numerics: Numerics, stored: Stored | None,
) -> Evaluator:  # fmt: skip
    lengths = input_lengths(items, backbone.preprocessing) if backbone.lengths_vary else None
    return Evaluator(
        task=task, items=items, encoded=task.encode(items.targets()), preprocessing=backbone.preprocessing,
        accelerator=accelerator, batch_size=settings.micro_batch or EVALUATION_BATCH,
        lengths=lengths, bound=make_bound(settings, backbone.preprocessing, lengths),
        activations=stored.validation if stored else None,
        channels_last=numerics.channels_last, select_by=settings.select_by,
        prepared=None if stored else _prepared(items, backbone, settings),
    )  # fmt: skip


def _prepared(items: Items, backbone: Backbone, settings: Settings) -> PreparedInputs | None:
    """Keep encoded sounds, which cost most to make; pictures are large, and texts are quick."""
    if backbone.modality != "audio" or settings.cache == "off":
        return None
    return PreparedInputs(items, backbone.preprocessing)
