"""FSDP: two processes that hold a part of the model each end with the weights of DDP and of one process.

Two real processes (torchrun, gloo) train every case once; see ``together.py``. Nothing here needs a GPU, and
nothing here says that it works on one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from tests.support.published import ROOT
from tests.training.together import BETWEEN_WAYS, FAMILIES, SMALL, model_of, train_case

pytestmark = pytest.mark.slow
TOLERANCE = 1e-6
"""Largest difference of a weight, and of a loss: sums in another order."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let two processes train everything; give the folder of their results."""
    folder = tmp_path_factory.mktemp("together")
    for name in FAMILIES:
        model_of(name, folder)  # writes it, so that the processes only read it
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [*torchrun, "--module", "tests.training.together", str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=550)
    assert done.returncode == 0, done.stderr[-5000:]
    return folder


def results(folder: Path, name: str) -> list[dict[str, Tensor]]:
    return [load_file(folder / f"{name} {rank}.safetensors") for rank in "01"]


def apart(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    """Give the largest difference between weights and losses of the same names."""
    assert first.keys() == second.keys()
    return max(
        float((first[name].double() - second[name].double()).nan_to_num().abs().max()) for name in first
    )


@pytest.mark.parametrize("name", [*SMALL, *FAMILIES])
def test_fsdp_equals_ddp_and_one_process(name: str, made: Path, tmp_path: Path) -> None:
    spread, twin = results(made, f"{name} fsdp")
    whole, _ = results(made, f"{name} ddp")
    assert apart(spread, twin) == 0.0
    assert apart(spread, whole) <= TOLERANCE
    alone = train_case(name, "alone", made, work=tmp_path)
    if name not in BETWEEN_WAYS:
        assert apart(spread, alone) <= TOLERANCE


def test_clipping_takes_the_norm_over_all_parts(made: Path) -> None:
    """The cases are equal among the ways, and clipping is not idle in them."""
    assert apart(results(made, "adamw fsdp")[0], results(made, "unclipped fsdp")[0]) > 1e-3


def test_a_run_that_is_taken_up_ends_bit_for_bit(made: Path) -> None:
    resumed, other = results(made, "resumed")
    assert apart(resumed, results(made, "ema fsdp")[0]) == 0.0
    assert apart(resumed, other) == 0.0


def test_checkpoints_hold_whole_tensors_and_no_pickle(made: Path) -> None:
    for way in ("fsdp", "ddp"):
        root = made / f"ema {way}" / "checkpoints"
        assert {path.suffix for path in root.rglob("*") if path.is_file()} == {".json", ".safetensors"}
    shapes: dict[str, Any] = {}
    for way in ("fsdp", "ddp"):
        newest = max((made / f"ema {way}" / "checkpoints").glob("step-*"))
        shapes[way] = {name: one.shape for name, one in load_file(newest / "state.safetensors").items()}
    assert shapes["fsdp"] == shapes["ddp"]
    assert any(name.startswith("optimizer/") for name in shapes["fsdp"])


def test_each_process_holds_about_half(made: Path) -> None:
    shares = [json.loads((made / f"facts {rank}.json").read_text())["share"] for rank in "01"]
    assert sum(shares) == pytest.approx(1.0)
    assert max(shares) < 0.6


def test_errors_come_by_name_in_both_processes(made: Path) -> None:
    for rank in "01":
        facts = json.loads((made / f"facts {rank}.json").read_text())
        assert facts["non-finite"].startswith("non-finite-loss: ")
        assert facts["cache"].startswith("bad-value: cache=on with fsdp")
        assert facts["memory format"].startswith("bad-value: memory_format=channels-last with fsdp")


def test_the_parent_trains_alone() -> None:
    assert not torch.distributed.is_initialized()
