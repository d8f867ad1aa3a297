"""K11 for every kind of task and family: what must not change a result does not change it.

Equal are: one update in one micro-batch or in several of uneven size and weight; evaluation in batches of any
size; a trained model and what is loaded after it was saved, adapters merged or none. Two processes are in
``test_processes.py``, every loss of every task in ``tests/contract/test_tasks.py``.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor

from crosstune.artifacts.model import SavedModel, load_model, needed_head, save_model
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone, Batch
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task, task_class, task_names
from crosstune.tasks.structured import Structured
from crosstune.training.evaluate import Evaluator
from crosstune.training.forward import Forward
from crosstune.training.loader import Loader
from crosstune.training.lora import add_adapters, merge_adapters
from crosstune.training.optimizers import make_optimizer
from crosstune.training.order import Order
from crosstune.training.parameters import parameter_groups
from crosstune.training.strategies import set_mode
from crosstune.training.update import Updater
from tests.support.tiny import (
    KINDS,
    Kind,
    MemoryItems,
    modality_of,
    random_raw,
    tiny_backbone,
)
from tests.training.small import plain

COUNT = 13
"""A batch of 8 and a last one of 5, which no micro-batch divides."""
TARGETS: Mapping[str, tuple[str, list[Any]]] = {
    "single label": ("classification", [*"aabacaba", *"abaac"]),
    "several labels": (
        "classification",
        [["a"], ["a", "b"], [], ["c"], ["a"], ["b", "c"], [], ["a"]] + [["b"]] * 5,
    ),
    "values": ("regression", [1.5, 2.0, -3.0, 8.0, 0.25, 100.0, 7.0, -1.0, 4.0, 5.0, 0.0, 3.0, 2.5]),
}
CASES = [(kind, targets) for kind in KINDS for targets in TARGETS]

Case = tuple[Backbone, Task, MemoryItems, Settings]
Make = Callable[[Kind, str], Case]


def settings_for(task: Task) -> Settings:
    """Weigh classes unequally, so that micro-batches of equal size count unequally."""
    weights = {"classes": "auto", "multi-label": {"a": 3.0}, "values": "none"}[task.linear_kind()]
    return plain(
        strategy="full", optimizer="sgd", lr=0.05, momentum=0.0, clip_norm=0.0, class_weights=weights,
        batchnorm="frozen", batch_size=8, lora_rank=2,
    )  # fmt: skip


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Give a model of any family with a head for any kind of targets: opened once, then put back."""
    folder = tmp_path_factory.mktemp("models")
    opened: dict[tuple[Kind, str], tuple[Backbone, Task, dict[str, Tensor]]] = {}

    def made(kind: Kind, targets: str) -> Case:
        suffix, values = TARGETS[targets]
        if (kind, targets) not in opened:
            task = make_task(f"{modality_of(kind)}-{suffix}", values)
            backbone = tiny_backbone(kind, task.outputs, folder, task=task.name)
            opened[kind, targets] = backbone, task, copy.deepcopy(backbone.model.state_dict())
        backbone, task, state = opened[kind, targets]
        backbone.model.load_state_dict(state)
        backbone.model.requires_grad_(True)
        items = MemoryItems(random_raw(kind, COUNT), values)
        return backbone, task, items, settings_for(task)

    return made


def loader(case: Case, micro_batch: int | None) -> Loader:
    backbone, task, items, settings = case
    return Loader(
        items=items, encoded=task.encode(items.targets()), task=task, preprocessing=backbone.preprocessing,
        order=Order(COUNT, settings.batch_size, settings.seed), micro_batch=micro_batch,
    )  # fmt: skip


@contextmanager
def doubled(model: torch.nn.Module) -> Iterator[None]:
    """Compute in double precision, so that what differs by more than the last bits is a fault."""

    def cast(_: torch.nn.Module, args: Any, batch: Batch) -> tuple[Any, Batch]:
        return args, {name: one.double() if one.is_floating_point() else one for name, one in batch.items()}

    handle = model.double().register_forward_pre_hook(cast, with_kwargs=True)
    yield
    handle.remove()
    model.float()


def update(case: Case, micro_batch: int | None, step: int) -> tuple[float, dict[str, Tensor]]:
    """Make one update; give its loss and the gradients it was made with."""
    backbone, task, items, settings = case
    updater = Updater(
        forward=Forward(backbone), optimizer=make_optimizer(settings, parameter_groups(backbone, settings)),
        loss=task.make_loss(settings, task.encode(items.targets())), accelerator=Accelerator(cpu=True),
        items=items, seed=0, clip_norm=0.0,
    )  # fmt: skip
    with doubled(backbone.model):
        loss = updater(loader(case, micro_batch)(step), step=step, epoch=0)
        named = backbone.model.named_parameters()
        return loss, {name: one.grad.clone() for name, one in named if one.grad is not None}


def without_dropout(kind: Kind, backbone: Backbone, settings: Settings) -> None:
    """Train with frozen BatchNorm; dropout, whose draws depend on the micro-batch, is off."""
    set_mode(backbone, settings, epoch=0)
    assert any(module.training for module in backbone.model.modules())
    if kind != "resnet":  # the others drop out, some of them inside functions
        backbone.model.eval()


def evaluated(case: Case, batch_size: int) -> tuple[NDArray[np.float32], dict[str, float]]:
    backbone, task, items, _ = case
    backbone.model.eval()
    evaluator = Evaluator(
        task=task, items=items, encoded=task.encode(items.targets()), preprocessing=backbone.preprocessing,
        accelerator=Accelerator(cpu=True), batch_size=batch_size,
    )  # fmt: skip
    outputs = evaluator.outputs(Forward(backbone))
    return outputs, evaluator.figures(outputs)


def test_every_registered_task_is_met_here() -> None:
    met = {f"{modality_of(kind)}-{TARGETS[targets][0]}" for kind, targets in CASES}
    structured = {name for name in task_names() if issubclass(task_class(name), Structured)}
    assert met >= set(task_names()) - structured  # speech has its own: test_speech.py


@pytest.mark.parametrize(("kind", "targets"), CASES)
def test_micro_batches_give_the_loss_and_the_gradients_of_the_whole(
    kind: Kind, targets: str, make: Make
) -> None:
    for step, smaller in ((0, 4), (1, 2)):  # 8 as 4 + 4, and the last 5 as 2 + 2 + 1
        found = []
        for micro_batch in (None, smaller):
            case = make(kind, targets)
            without_dropout(kind, case[0], case[3])
            found.append(update(case, micro_batch, step))
        (loss, gradients), (other, parts) = found
        assert len(gradients) == len(list(case[0].model.parameters()))
        norm = torch.nn.utils.get_total_norm(gradients.values())
        assert norm > 1e-3
        assert other == pytest.approx(loss, rel=1e-6)
        apart = [parts[name] - gradients[name] for name in gradients]
        assert torch.nn.utils.get_total_norm(apart) <= 1e-6 * norm


@pytest.mark.parametrize(("kind", "targets"), CASES)
def test_evaluation_and_what_was_saved_equal_the_trained_model(
    kind: Kind, targets: str, make: Make, tmp_path: Path
) -> None:
    case = make(kind, targets)
    backbone, _, _, settings = case
    before, _ = evaluated(case, COUNT)
    set_mode(backbone, replace(settings, batchnorm="train"), epoch=0)
    update(case, 4, 0)
    outputs, figures = evaluated(case, COUNT)
    assert abs(outputs - before).max() > 1e-3
    others, other_figures = evaluated(case, 4)  # 4 + 4 + 4 + 1
    np.testing.assert_allclose(others, outputs, rtol=0, atol=1e-5 * abs(outputs).max())
    assert other_figures == pytest.approx(figures, rel=1e-4, abs=1e-6)
    same_after_saving(case, outputs, tmp_path)


@pytest.mark.parametrize(("kind", "targets"), list(zip(KINDS, cycle(TARGETS), strict=False)))
def test_adapters_merged_and_saved_give_what_they_gave_before(
    kind: Kind, targets: str, make: Make, tmp_path: Path
) -> None:
    case = make(kind, targets)
    backbone, _, _, settings = case
    backbone.model.requires_grad_(False)
    add_adapters(backbone, settings)
    set_mode(backbone, replace(settings, strategy="lora"), epoch=0)
    before, _ = evaluated(case, COUNT)
    for step in (0, 1):
        set_mode(backbone, replace(settings, strategy="lora"), epoch=0)
        update(case, 4, step)
    outputs, _ = evaluated(case, COUNT)
    assert abs(outputs - before).max() > 1e-3
    merge_adapters(backbone)
    assert not [name for name in backbone.model.state_dict() if "lora" in name]
    same_after_saving(case, outputs, tmp_path)


def same_after_saving(case: Case, outputs: NDArray[np.float32], folder: Path) -> None:
    """Save, load, predict; compare with ``outputs`` of the model in training."""
    backbone, task, items, _ = case
    model = SavedModel(backbone=backbone, task=task, head=needed_head(backbone, task))
    save_model(model, folder / "model")
    again = load_model(folder / "model").outputs(items, engine="torch")
    np.testing.assert_allclose(again, outputs, rtol=0, atol=1e-5 * abs(outputs).max())
