"""What a run does about signals, memory, data workers, full disks and numbers that are not finite."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from crosstune.core.clock import Budget
from crosstune.core.errors import DiskFull, OutOfMemory
from crosstune.core.interruption import heeding
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.training import checkpoints
from crosstune.training.errors import DataWorkerFailed, NonFiniteLoss
from crosstune.training.forward import Forward
from crosstune.training.loader import Loader
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from crosstune.training.update import Updater
from tests.support.chaos import forked
from tests.training.small import coloured, convolutional, plain
from tests.training.test_resume import TASK, TRAIN, VALIDATION, child, run, signature

ROOT = Path(__file__).parents[2]
MEMORY = "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"


class Heard(Silent):
    """Remembers warnings."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def warn(self, text: str) -> None:
        """Remember."""
        self.warned.append(text)


def trained(
    work: Path, backbone: Backbone, reporter: Silent | None = None, *, seconds: float | None = None,
    **values: Any,
) -> TrainResult:  # fmt: skip
    fixed = {"strategy": "full", "lr": 0.03, "epochs": 2, "batch_size": 8, "checkpoint_every": 0.0}
    return train(
        backbone, TASK, TRAIN, VALIDATION, plain(**{**fixed, **values}), budget=Budget(seconds), work=work,
        reporter=reporter or Silent(),
    )  # fmt: skip


def weights(backbone: Backbone) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in backbone.model.state_dict().items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


# -------------------------------------------------------------------------------- signals


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_run_after_the_step_saved(
    number: int, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert child(tmp_path, "whole", epochs=2).code == 0
    plain_call = Updater.__call__

    def step_with_signals(self: Updater, *args: Any, step: int, **more: Any) -> float:
        if step == 3:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), signal.SIGTERM)  # a second one is harmless
        return plain_call(self, *args, step=step, **more)

    def work() -> None:
        monkeypatch.setattr(Updater, "__call__", step_with_signals)
        with heeding():
            run(tmp_path / "broken", epochs=2, checkpoint_every=1e9)

    ended = forked(work, tmp_path, under=tmp_path / "broken")
    assert ended.code == code, ended.error
    newest = checkpoints.newest(tmp_path / "broken" / "checkpoints", Silent())
    assert newest is not None
    assert newest.name == "step-000000004"
    assert child(tmp_path, "broken", epochs=2, resume=True).code == 0
    assert signature(tmp_path / "broken") == signature(tmp_path / "whole")


# -------------------------------------------------------------------------------- memory


def small_memory(monkeypatch: pytest.MonkeyPatch, room: Callable[[bool], int]) -> None:
    """Let memory run out where a forward pass has more examples than there is room for, late in the pass."""
    plain_forward = Forward.forward

    def forward(self: Forward, batch: dict[str, Tensor], activation: Tensor | None = None) -> Tensor:
        outputs = plain_forward(self, batch, activation)  # BatchNorm statistics have moved by now
        if len(outputs) > room(torch.is_grad_enabled()):
            raise RuntimeError(MEMORY)
        return outputs

    monkeypatch.setattr(Forward, "forward", forward)


def test_micro_batches_are_halved_and_the_result_is_that_of_small_ones_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = convolutional(3, dropout=0.3)
    trained(tmp_path / "small", expected, micro_batch=2)
    heard, found = Heard(), convolutional(3, dropout=0.3)
    small_memory(monkeypatch, lambda training: 3 if training else 5)
    result = trained(tmp_path / "large", found, heard)
    assert equal(weights(found), weights(expected))
    told = [line for line in heard.warned if "memory ran out in step 0" in line]
    assert [line.split("micro-batches of ")[1].split(" from")[0] for line in told] == [
        "4 instead of 8",
        "2 instead of 4",
    ]
    assert "the effective batch stays 8" in told[0]
    assert any("evaluation: batches of 4 instead of 8" in line for line in heard.warned)
    assert set(heard.warned) == set(result.warnings)


def test_memory_may_run_out_in_the_trial_steps_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = convolutional(3, dropout=0.3)
    trained(tmp_path / "small", expected, micro_batch=2)
    heard, found = Heard(), convolutional(3, dropout=0.3)
    small_memory(monkeypatch, lambda training: 3 if training else 5)
    trained(tmp_path / "large", found, heard, seconds=600.0)
    assert equal(weights(found), weights(expected))
    told = [line for line in heard.warned if "memory ran out" in line]
    assert ["micro-batches" in line for line in told[:3]] == [True, True, False]
    assert "micro-batches of 2 instead of 4" in told[1]
    assert "evaluation: batches of 4 instead of 8" in told[-1]
    small_memory(monkeypatch, lambda training: 0 if training else 64)
    with pytest.raises(OutOfMemory, match="1 example at once"):
        trained(tmp_path / "none", convolutional(3), seconds=600.0)


def test_where_one_example_does_not_fit_it_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_memory(monkeypatch, lambda training: 0 if training else 64)
    with pytest.raises(OutOfMemory, match="1 example at once"):
        trained(tmp_path / "work", convolutional(3))
    monkeypatch.undo()
    small_memory(monkeypatch, lambda training: 64 if training else 0)
    with pytest.raises(OutOfMemory, match="an evaluation"):
        trained(tmp_path / "work", convolutional(3))


def test_other_failures_are_not_taken_for_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Tensor:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(Forward, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        trained(tmp_path / "work", convolutional(3))


# -------------------------------------------------------------------------------- data workers


def train_with_harm(path: str, harm: str, every: str) -> None:
    """Train with a worker that comes to ``harm`` in its step 3, and write down what the error says."""
    folder, plain_call = Path(path), Loader.__call__

    def load(self: Loader, step: int) -> Any:
        if step == 3 and torch.utils.data.get_worker_info() is not None:
            exec(f"import os, time; {harm}")  # noqa: S102 - one of the two lines below
        return plain_call(self, step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loader, "__call__", load)
        with pytest.raises(DataWorkerFailed) as failure:
            trained(
                folder / "work", convolutional(3), workers=1, worker_timeout=2.0,
                checkpoint_every=float(every), evals_per_epoch=1,
            )  # fmt: skip
        (folder / "said").write_text(str(failure.value), encoding="utf-8")


@pytest.mark.parametrize(
    ("harm", "words", "every"),
    [
        # torch may notice a death in the middle of a step, where nothing can be saved: the last one stays
        ("os.kill(os.getpid(), 9)", "killed by signal|exited unexpectedly", 0.0),
        ("time.sleep(1000)", r"timed out after 2(\.0)? seconds", 1e9),
    ],
)
def test_a_worker_that_dies_or_hangs_is_an_error_and_the_run_was_saved(
    harm: str, words: str, every: float, tmp_path: Path
) -> None:
    # In a fresh process: torch's handler may raise once more, wherever the main thread is by then.
    script = (
        "from tests.training.test_recovery import train_with_harm; import sys; train_with_harm(*sys.argv[1:])"
    )
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), harm, str(every)], cwd=ROOT, check=True, timeout=150
    )
    assert re.search(words, (tmp_path / "said").read_text(encoding="utf-8"))
    newest = checkpoints.newest(tmp_path / "work" / "checkpoints", Silent())
    assert newest is not None
    assert newest.name <= "step-000000003"


# -------------------------------------------------------------------------------- disks


def test_a_full_disk_ends_the_run_with_the_checkpoint_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([10**12] * 4)
    monkeypatch.setattr(checkpoints, "free_bytes", lambda _: next(free, 100))
    with pytest.raises(DiskFull, match="100 bytes free"):
        trained(tmp_path / "work", convolutional(3))
    assert checkpoints.newest(tmp_path / "work" / "checkpoints", Silent()) is not None


# -------------------------------------------------------------------------------- numbers


def spoilt_once(monkeypatch: pytest.MonkeyPatch, *, step: int, times: int) -> None:
    """Let the loss of a step be NaN, the first ``times`` times that it is made."""
    plain_check, left = Updater._check, [times]

    def spoil(self: Updater, what: str, value: float, loaded: Any, number: int, epoch: int) -> None:
        if number == step and what == "loss" and left[0]:
            left[0] -= 1
            value = float("nan")
        plain_check(self, what, value, loaded, number, epoch)

    monkeypatch.setattr(Updater, "_check", spoil)


def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt_once(monkeypatch, step=5, times=1)
    with pytest.raises(NonFiniteLoss, match="memory:"):
        trained(tmp_path / "work", convolutional(3))
    newest = checkpoints.newest(tmp_path / "work" / "checkpoints", Silent())
    assert newest is not None
    assert newest.name == "step-000000005"


def test_one_retry_at_a_tenth_of_the_rate_where_the_settings_allow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    spoilt_once(monkeypatch, step=5, times=1)
    values = {"on_non_finite": "retry", "schedule": "constant"}
    result = trained(tmp_path / "work", convolutional(3), heard, **values)
    assert result.steps == 8
    assert [round(row["lr"], 6) for row in result.history] == [0.03, 0.003]
    assert any("going on from step 5 with 0.1 of the rate" in line for line in result.warnings)
    spoilt_once(monkeypatch, step=5, times=2)
    with pytest.raises(NonFiniteLoss):
        trained(tmp_path / "again", convolutional(3), **values)


def test_a_gradual_run_can_go_back_before_it_opened_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt_once(monkeypatch, step=6, times=1)
    values = {"on_non_finite": "retry", "strategy": "gradual", "checkpoint_every": 1e9, "epochs": 3}
    result = trained(tmp_path / "work", convolutional(3), **values)
    assert result.steps == 12


def test_the_data_of_these_tests_is_what_they_count_on() -> None:
    assert len(TRAIN) == len(coloured(30)) == 30
