"""Two processes that train together end with the weights of one (K11: 8 x 1 = 2 processes x 4)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.tasks.registry import make_task
from crosstune.training.forward import Forward
from crosstune.training.run import train
from tests.support.published import ROOT
from tests.support.tiny import MemoryItems
from tests.training.small import coloured, flat, plain

MEMORY = "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: 12345 bytes"


def memory_runs_out(*_: Any, **__: Any) -> Tensor:
    """Stand in for a forward pass."""
    raise RuntimeError(MEMORY)


def main(folder: Path, *, small: str = "") -> None:
    """Train a linear model on classes of uneven weight, the last batch not a multiple of anything.

    In the process ``small`` memory runs out.
    """
    torch.set_num_threads(1)
    if small and small == os.environ["RANK"]:
        Forward.forward = memory_runs_out  # type: ignore[method-assign]
    items = coloured(29)
    values = ["rare" if index % 7 == 0 else "common" for index in range(29)]
    items = MemoryItems(items.raw, values)
    task = make_task("image-classification", values)
    torch.manual_seed(0)
    backbone = flat(2)
    settings = plain(
        strategy="full", optimizer="sgd", lr=0.1, epochs=3, batch_size=8, micro_batch=3, class_weights="auto"
    )
    train(
        backbone, task, items, items, settings,
        budget=Budget(), work=folder / "work", reporter=Silent(),
    )  # fmt: skip
    rank = os.environ.get("RANK", "alone")
    save_file(backbone.model.state_dict(), folder / f"{rank}.safetensors")


def two_processes(*arguments: str) -> "subprocess.CompletedProcess[str]":
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [*torchrun, "--module", "tests.training.test_processes", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.slow
def test_memory_that_runs_out_in_one_of_two_processes_ends_both_by_name(tmp_path: Path) -> None:
    ended = two_processes(str(tmp_path), "1")
    assert ended.returncode != 0
    assert "[out-of-memory] memory ran out in a training step of 3 examples at once" in ended.stderr
    assert "with several processes a smaller --set micro_batch=N" in ended.stderr
    assert not list(tmp_path.glob("*.safetensors"))


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    done = two_processes(str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]
    main(tmp_path)
    alone = load_file(tmp_path / "alone.safetensors")
    for rank in ("0", "1"):
        for name, tensor in load_file(tmp_path / f"{rank}.safetensors").items():
            torch.testing.assert_close(tensor, alone[name], rtol=0, atol=1e-6)


if __name__ == "__main__":
    main(Path(sys.argv[1]), small="".join(sys.argv[2:3]))
