"""K4 on a real file system: a run on a disk of a few MiB ends by name, loses nothing, and goes on with room.

The disk is a tmpfs, which only root may mount. Where that is refused the tests are skipped, and a skipped one
proves nothing; ``tests/training/test_checkpoints.py`` then holds with errors that are made up.
"""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from crosstune import pipeline
from crosstune.artifacts.model import load_model
from crosstune.core.errors import DiskFull
from crosstune.options import FitOptions
from crosstune.reports.live import make_reporter
from crosstune.stages import ship
from crosstune.stages.resume import NotARun
from crosstune.training import checkpoints
from tests.support.chaos import sha256
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir

ROOMY = 64 << 20
SHARES = (0.03, 0.4, 0.85)
"""Of the bytes that the run takes at most on a roomy disk. The smallest cannot even hold what was asked."""


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """Mount a file system of ``size`` bytes; skip the test where that is not allowed."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("nothing is proven: there is no `mount` here")
    if done.returncode:
        pytest.skip(f"nothing is proven: no small disk may be mounted here ({done.stderr.strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def grown(place: Path) -> None:
    """Give the disk room."""
    subprocess.run(["mount", "-o", f"remount,size={ROOMY}", str(place)], check=True)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_texts(folder / "texts.csv", 90)
    tiny_bert_dir(folder / "bert", layers=2)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _steady(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ship, "fresh_outputs", reopened_here)


def reopened_here(model: Path, parts: Any, *, engine: str = "auto") -> list[Any]:
    """Stand in for a fresh process, which costs seconds."""
    return [load_model(model).outputs(items, engine=engine) for items in parts]


def fit(data: Path, out: Path) -> None:
    settings = {
        "strategy": "full", "epochs": 2, "lr": 1e-3, "batch_size": 16, "precision": "fp32", "engine": "torch",
        "features": "head", "closed_form": "ridge", "checkpoint_every": 0, "budget": "none", "trials": 0,
    }  # fmt: skip
    options = FitOptions(data=data / "texts.csv", model=str(data / "bert"), out=out, **settings)
    pipeline.fit(options, reporter=make_reporter(quiet=True))  # a log is written, on the same disk


def results(root: Path) -> dict[str, Any]:
    metrics = json.loads((root / "metrics.json").read_text())
    history = pd.read_csv(root / "history.csv").drop(columns="seconds").to_csv()
    names = ("model/model.safetensors", "predictions.parquet")
    return {name: sha256(root / name) for name in names} | {"metrics": metrics["test"], "history": history}


def used(place: Path) -> int:
    about = os.statvfs(place)
    return (about.f_blocks - about.f_bfree) * about.f_frsize


def whole_checkpoints(root: Path) -> list[str]:
    """Name the checkpoints, each of which must be whole."""
    found = sorted((root / "work" / "checkpoints").glob("step-*"))
    assert [checkpoints.flaw(one) for one in found] == [""] * len(found)
    return [one.name for one in found]


@pytest.fixture(scope="module")
def roomy(data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], int]:
    """Give the results of the run with room, and the most that it took."""
    place = tmp_path_factory.mktemp("roomy") / "disk"
    most, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.002):
            most[0] = max(most[0], used(place))

    with small_disk(place, ROOMY), pytest.MonkeyPatch.context() as patch:
        patch.setattr(ship, "fresh_outputs", reopened_here)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            fit(data, place / "run")
        finally:
            ended.set()
            watcher.join()
        return results(place / "run"), most[0]


@pytest.mark.parametrize("share", SHARES)
def test_a_run_on_a_small_disk_ends_by_name_and_goes_on_with_room(
    share: float, data: Path, roomy: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    expected, most = roomy
    with small_disk(tmp_path / "disk", int(share * most)) as place:
        with pytest.raises(DiskFull):
            fit(data, place / "run")
        before = whole_checkpoints(place / "run")
        grown(place)
        try:
            pipeline.resume(place / "run")
        except NotARun:
            assert share == min(SHARES)
            assert not before
            fit(data, place / "again")
        root = place / "again" if (place / "again").exists() else place / "run"
        assert results(root) == expected


def test_a_disk_that_fills_up_while_training_keeps_the_checkpoints_before(
    data: Path, roomy: tuple[dict[str, Any], int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Room is looked for before a save; here something else takes it then, and the write itself fails."""
    expected, _ = roomy
    with small_disk(tmp_path / "disk", ROOMY) as place:
        saves, save = iter(range(100)), checkpoints.save

        def save_and_fill(*arguments: Any, **named: Any) -> Path:
            if next(saves) == 3:
                (place / "ballast").write_bytes(b"x" * (ROOMY - used(place) - 65536))
            return save(*arguments, **named)

        with monkeypatch.context() as patch:
            patch.setattr(checkpoints, "save", save_and_fill)
            patch.setattr(checkpoints, "free_bytes", lambda _: 1 << 40)
            with pytest.raises(DiskFull):
                fit(data, place / "run")
        assert whole_checkpoints(place / "run") == ["step-000000002", "step-000000003"]
        (place / "ballast").unlink()
        pipeline.resume(place / "run")
        assert results(place / "run") == expected
