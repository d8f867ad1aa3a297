"""SIGKILL at any file event, then resume: weights, optimizer and history of the run without a break."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from crosstune.core.clock import Budget
from crosstune.core.domains import Domains
from crosstune.core.head import HeadWeights
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task
from crosstune.training.errors import ResumeMismatch
from crosstune.training.run import train
from tests.support.chaos import Ended, final_state, forked, sha256
from tests.support.tiny import Kind, MemoryItems, random_raw, tiny_backbone
from tests.training.small import coloured, convolutional, plain

TRAIN, VALIDATION = coloured(30), coloured(18, seed=1)
SOURCES = MemoryItems(TRAIN.raw, TRAIN.values, Domains(("a", "b"), np.arange(30) // 3 % 2))
TASK = make_task("image-classification", TRAIN.targets())
HEAD = HeadWeights(
    features="head", kind="ridge", weight=np.random.default_rng(0).normal(size=(3, 8)), bias=np.zeros(3),
    penalty=1.0,
)  # fmt: skip

CASES: dict[str, dict[str, Any]] = {
    "full, augmentation, dropout": {"augment": "flip+crop+mixup", "schedule": "cosine", "warmup": 0.2},
    "two workers": {"augment": "flip+crop", "workers": 2},
    "accumulation and a moving average": {"micro_batch": 3, "average": "ema", "ema_decay": 0.9},
    "schedule-free and a soup": {"optimizer": "schedule-free", "average": "soup", "evals_per_epoch": 2},
    "a suffix on the cache": {
        "strategy": "last",
        "cache": "on",
        "augment": "flip",
        "stored_augmentations": 2,
    },
    "gradual with momentum": {"strategy": "gradual", "optimizer": "sgd"},
    "orca: new parts first": {"strategy": "orca", "new_parts_first": 0.5, "augment": "shift", "warmup": 0.2},
    "lora in bf16": {"strategy": "lora", "precision": "bf16"},
    "dora": {"strategy": "lora", "lora_variant": "dora", "augment": "flip", "weight_decay": 0.1},
    "rslora": {"strategy": "lora", "lora_variant": "rslora"},
    "domains weighed and aligned": {"group_dro": 0.5, "coral": 1.0, "micro_batch": 3, "train_items": SOURCES},
    "the middle, pulled to its start": {"strategy": "surgical", "surgical_part": "middle", "l2_sp": 0.1},
    "sounds, masks and speed": {"kind": "wav2vec2", "augment": "speed+specaugment", "epochs": 2},
    "a window of sound on the cache": {"kind": "whisper", "strategy": "last", "cache": "on", "epochs": 2},
    "lp-ft, patience, channels last": {"strategy": "lp-ft", "patience": 2, "memory_format": "channels-last"},
}


def heard(kind: Kind, folder: Path) -> tuple[Backbone, MemoryItems, MemoryItems, Task]:
    """Open a tiny model of sounds, with dropout, and its examples."""
    train, validation = (
        MemoryItems(random_raw(kind, len(one), seed), one.values)
        for seed, one in enumerate((TRAIN, VALIDATION))
    )
    task = make_task("audio-classification", train.targets())
    return tiny_backbone(kind, 3, folder), train, validation, task


def run(
    work: Path, *, resume: bool = False, train_items: Any = TRAIN, kind: Kind | None = None, **values: Any
) -> None:
    """Train, and leave the weights beside the checkpoints."""
    torch.set_num_threads(1)
    settings = plain(**{"strategy": "full", "lr": 0.03, "epochs": 3, "batch_size": 8, "checkpoint_every": 0.0,
                        "engine": "torch", **values})  # fmt: skip
    backbone, validation, task = convolutional(3, dropout=0.3), VALIDATION, TASK
    if kind is not None:
        backbone, train_items, validation, task = heard(kind, work.parent)
    backbone.new_parts = ("stem",) if settings.strategy == "orca" else ()
    result = train(
        backbone, task, train_items, validation, settings, budget=Budget(), work=work, reporter=Silent(),
        head=HEAD if settings.strategy == "lp-ft" else None, resume=resume,
    )  # fmt: skip
    save_file({name: one.contiguous() for name, one in backbone.model.state_dict().items()}, work / "model")
    rows = [{key: repr(value) for key, value in row.items() if key != "seconds"} for row in result.history]
    (work / "result.json").write_text(json.dumps([rows, repr(result.best), result.best_step, result.steps]))


def signature(work: Path) -> dict[str, str]:
    return dict(final_state(work)) | {name: sha256(work / name) for name in ("model", "result.json")}


@pytest.fixture(scope="module", autouse=True)
def _imported_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import in the parent what every child would import again."""
    import peft.tuners.lora  # noqa: F401

    run(tmp_path_factory.mktemp("warm"), epochs=1, optimizer="schedule-free")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))


def child(
    tmp_path: Path, name: str, kill_at: int | None = None, *, resume: bool = False, **values: Any
) -> Ended:
    work = tmp_path / name
    return forked(lambda: run(work, resume=resume, **values), tmp_path, under=work, kill_at=kill_at)


@pytest.mark.parametrize("name", CASES)
def test_a_killed_run_ends_as_if_it_had_not_been_killed(name: str, tmp_path: Path) -> None:
    whole = child(tmp_path, "whole", **CASES[name])
    assert whole.code == 0, whole.error
    expected = signature(tmp_path / "whole")
    count = len(whole.events)
    for number, moment in enumerate((count // 3, (3 * count) // 4)):
        broken = f"broken-{number}"
        assert child(tmp_path, broken, moment, **CASES[name]).killed
        again = child(tmp_path, broken, resume=True, **CASES[name])
        assert again.code == 0, again.error
        assert signature(tmp_path / broken) == expected, whole.events[moment]


def test_a_run_may_be_killed_twice_and_go_on_with_other_workers(tmp_path: Path) -> None:
    values = {"augment": "flip+crop", "epochs": 2}
    whole = child(tmp_path, "whole", **values)
    assert child(tmp_path, "twice", len(whole.events) // 3, **values).killed
    assert child(tmp_path, "twice", len(whole.events) // 3, resume=True, **values).killed
    assert child(tmp_path, "twice", resume=True, workers=1, **values).code == 0
    assert signature(tmp_path / "twice") == signature(tmp_path / "whole")


def test_resuming_what_has_ended_makes_no_step(tmp_path: Path) -> None:
    assert child(tmp_path, "whole", epochs=1).code == 0
    expected = signature(tmp_path / "whole")
    again = child(tmp_path, "whole", resume=True, epochs=1)
    assert again.code == 0, again.error
    assert not [event for event in again.events if "step-" in event and event.startswith("os.mkdir")]
    assert signature(tmp_path / "whole") == expected


@pytest.mark.parametrize(
    ("values", "named"),
    [({"lr": 0.01}, "setting lr"), ({"train_items": coloured(30, seed=5)}, "training data")],
)
def test_another_run_is_not_gone_on_with(values: dict[str, Any], named: str, tmp_path: Path) -> None:
    run(tmp_path / "work", epochs=1)
    with pytest.raises(ResumeMismatch, match=named):
        run(tmp_path / "work", resume=True, **{"epochs": 1, **values})


def test_without_resume_older_checkpoints_are_removed(tmp_path: Path) -> None:
    run(tmp_path / "work", epochs=3)
    run(tmp_path / "work", epochs=1)
    assert {path.name for path in (tmp_path / "work" / "checkpoints").iterdir()} == {
        "step-000000004", "step-000000004-end"
    }  # fmt: skip


EXTENDED: dict[str, dict[str, Any]] = {
    "full, augmentation, dropout": {"augment": "flip+crop+mixup"},
    "a moving average, two workers": {"average": "ema", "ema_decay": 0.9, "workers": 2},
    "schedule-free and a soup": {"optimizer": "schedule-free", "average": "soup", "evals_per_epoch": 2},
    "a suffix on the cache": {
        "strategy": "last",
        "cache": "on",
        "augment": "flip",
        "stored_augmentations": 2,
    },
    "lora": {"strategy": "lora"},
}


@pytest.mark.parametrize("name", EXTENDED)
def test_at_a_constant_rate_a_run_that_is_extended_is_one_that_was_asked_for_it_all(
    name: str, tmp_path: Path
) -> None:
    values = {"schedule": "constant", **EXTENDED[name]}
    assert child(tmp_path, "whole", **values, epochs=4).code == 0
    assert child(tmp_path, "parts", **values, epochs=2).code == 0
    before = signature(tmp_path / "parts")
    killed = child(tmp_path, "parts", 12, resume=True, **values, epochs=4)
    assert killed.killed, killed.error
    again = child(tmp_path, "parts", resume=True, **values, epochs=4)
    assert again.code == 0, again.error
    after = signature(tmp_path / "parts")
    assert after == signature(tmp_path / "whole")
    assert after != before


def test_an_extended_run_takes_up_the_schedule_of_the_longer_one(tmp_path: Path) -> None:
    values = {"schedule": "linear", "evals_per_epoch": 4}
    run(tmp_path / "work", **values, epochs=2)
    run(tmp_path / "work", **values, epochs=4, resume=True)
    rows = json.loads((tmp_path / "work" / "result.json").read_text())[0]
    rates = [round(float(row["lr"]) / 0.03, 6) for row in rows]
    wanted = [1 - step / 8 for step in range(8)] + [1 - step / 16 for step in range(8, 16)]
    assert rates == [round(rate, 6) for rate in wanted]


def test_a_run_that_has_ended_does_not_become_a_shorter_one(tmp_path: Path) -> None:
    run(tmp_path / "work", epochs=2)
    with pytest.raises(ResumeMismatch, match="setting epochs"):
        run(tmp_path / "work", epochs=1, resume=True)
