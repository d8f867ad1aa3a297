"""Two processes that train together end with the weights of one (K11: 8 x 1 = 2 processes x 4)."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.tasks.registry import make_task
from crosstune.training.run import train
from tests.support.published import ROOT
from tests.support.tiny import MemoryItems
from tests.training.small import coloured, flat, plain


def main(folder: Path) -> None:
    """Train a linear model on classes of uneven weight, the last batch not a multiple of anything."""
    torch.set_num_threads(1)
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


@pytest.mark.slow
def test_two_processes_equal_one(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [*torchrun, "--module", "tests.training.test_processes", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-2000:]
    main(tmp_path)
    alone = load_file(tmp_path / "alone.safetensors")
    for rank in ("0", "1"):
        for name, tensor in load_file(tmp_path / f"{rank}.safetensors").items():
            torch.testing.assert_close(tensor, alone[name], rtol=0, atol=1e-6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
