"""A whole run by two processes, started as the guide says: it equals the run of one, also after a kill."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import crosstune
from crosstune.artifacts.model import load_model
from crosstune.core.progress import Silent
from crosstune.core.settings import Settings
from crosstune.stages import company as companies
from crosstune.stages import ship
from crosstune.stages.company import Company, company
from crosstune.training.errors import FirstProcessFailed, TooFewProcesses, WrongWorldSize
from tests.stages.killed_fit import STEPS
from tests.support.published import ROOT
from tests.support.sets import write_pictures
from tests.training.small import plain

GUIDE = ROOT / "docs" / "guides" / "several-processes.md"
SMALL: dict[str, Any] = {
    "strategy": "full", "epochs": 3, "batch_size": 16, "optimizer": "sgd", "lr": 0.01, "batchnorm": "frozen",
    "pretrained": "false", "image_size": 64, "precision": "fp32", "memory_format": "contiguous",
    "checkpoint_every": 0, "trials": 0,
    "features": "head", "engine": "torch",
}  # fmt: skip
MODEL = "timm:test_resnet"


def reopened_here(model: Path, parts: Any, *, engine: str = "auto") -> list[Any]:
    """Stand in for a fresh process, which costs seconds."""
    return [load_model(model).outputs(items, engine=engine) for items in parts]


def shown() -> list[list[str]]:
    """Give the words of the commands that the guide shows."""
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    return [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ torchrun")]


def start(words: list[str], place: Path, *, module: str = "crosstune", small: bool = True) -> Any:
    """Run a command of the guide in ``place``, with a small model and small settings where it fits one."""
    start, rest = words[: words.index("--module")], words[words.index("--module") + 2 :]
    assert start[0] == "torchrun"
    sets = [f"--set={name}={value}" for name, value in SMALL.items()]
    more = [f"--model={MODEL}", "--budget=none", *sets] if small else []
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", *start[1:]]
    path = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    environment = os.environ | {
        "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        "CROSSTUNE_CACHE": str(place / "cache"),
    }  # fmt: skip
    command = [*torchrun, "--module", module, *rest, *more]
    return subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, timeout=500, check=False
    )


@pytest.mark.slow
def test_the_commands_of_the_guide_equal_one_process_also_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pictures(tmp_path / "digits", 40)
    _, spread, resume = shown()
    assert "parallel=fsdp" in spread
    begun = [resume[-1] if word == spread[-1] else word for word in spread]
    root = tmp_path / resume[-1]
    assert start(begun, tmp_path, module="tests.stages.killed_fit").returncode != 0
    kept = sorted(path.name for path in (root / "work" / "checkpoints").glob("step-*"))
    assert kept == [f"step-{STEPS - 1:09d}", f"step-{STEPS:09d}"]
    done = start(resume, tmp_path, small=False)
    assert done.returncode == 0, done.stderr[-5000:]
    assert done.stdout.count("run directory:") == 1, "the first process alone speaks"

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ship, "fresh_outputs", reopened_here)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    values = SMALL | {"pretrained": False}
    alone = crosstune.fit("digits", model=MODEL, budget="none", out="runs/alone", reporter=Silent(), **values)
    torch.set_num_threads(threads)
    ours, theirs = (load_file(one / "model" / "model.safetensors") for one in (root, alone.root))
    assert max(float((ours[name] - theirs[name]).abs().max()) for name in ours) <= 1e-6
    files = sorted(map(str, (tmp_path / "digits").rglob("*.png")))[:10]
    again, other = (pd.DataFrame(crosstune.predict(one, files)) for one in (root, alone.root))
    numbers = again.select_dtypes("number").columns
    assert len(numbers)
    np.testing.assert_allclose(again[numbers], other[numbers], atol=1e-5)


def test_a_run_that_trains_nothing_or_fails_lets_the_others_go(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: dict[str, bytes] = {}
    monkeypatch.setattr(companies, "call", messages.__setitem__)
    monkeypatch.setattr(companies, "wait", messages.__getitem__)
    monkeypatch.setattr(companies, "arrive", lambda _: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    with company(plain()) as first:
        assert first.leads
        first.root = "/runs/a"
        assert "WORLD_SIZE" not in os.environ
        key = first.key
    assert os.environ["WORLD_SIZE"] == "2"
    other = Company(key)
    assert other.told() is None
    assert other.ended().root == Path("/runs/a")
    broken = company(plain())
    second = broken.__enter__()
    assert second.key != key
    assert not broken.__exit__(RuntimeError, RuntimeError("broken"), None)
    other = Company(second.key)
    assert other.told() is None
    with pytest.raises(FirstProcessFailed):
        other.ended()


def test_what_the_first_tells_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    messages: dict[str, bytes] = {}
    monkeypatch.setattr(companies, "call", messages.__setitem__)
    monkeypatch.setattr(companies, "wait", messages.__getitem__)
    Company("run")._tell({"left": float("inf"), "head": np.eye(3, dtype=np.float32)})
    told = Company("run").told()
    assert told is not None
    assert told["left"] == float("inf")
    np.testing.assert_array_equal(told["head"], np.eye(3))


def test_left_over_variables_of_a_launcher_are_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    write_pictures(tmp_path / "digits", 8)
    with pytest.raises(WrongWorldSize, match="2, as the environment variable WORLD_SIZE says"):
        crosstune.fit(str(tmp_path / "digits"), out=tmp_path / "run", reporter=Silent())
    assert not (tmp_path / "run").exists()


def test_a_way_that_needs_others_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    write_pictures(tmp_path / "digits", 8)
    with pytest.raises(TooFewProcesses):
        crosstune.fit(str(tmp_path / "digits"), out=tmp_path / "run", parallel="fsdp", reporter=Silent())
    assert not (tmp_path / "run").exists()
    assert Settings().parallel == "auto"
