"""A run reaches no network, writes only to the run directory and the cache, and leaves the data as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from crosstune.core.extras import installed
from tests.support.published import ROOT
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Give size and time of every file."""
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.slow
@pytest.mark.skipif(not installed("openvino"), reason="the engine that would report is not installed")
def test_a_run_reaches_nothing_and_writes_only_where_it_says(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("base", "home", "tmp", "cwd", "cache", "run")}
    for name, place in places.items():
        if name != "run":
            place.mkdir()
    write_texts(places["base"] / "texts.csv", 80)
    tiny_bert_dir(places["base"] / "bert", layers=1)
    before = state(places["base"])
    kept = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "OMP_NUM_THREADS")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(places["home"]),
        "TMPDIR": str(places["tmp"]),
        "CROSSTUNE_CACHE": str(places["cache"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "tests/safety/no_network"), str(ROOT / "src"), str(ROOT)]),
        "REACHED": str(tmp_path / "reached"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # neither CI nor any variable that switches reporting off: what users have
    command = [sys.executable, "-m", "tests.safety.a_run", str(places["base"]), str(places["run"])]
    done = subprocess.run(command, cwd=places["cwd"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert not (tmp_path / "reached").exists(), (tmp_path / "reached").read_text()
    assert state(places["base"]) == before
    assert {name: state(places[name]) for name in ("home", "tmp", "cwd")} == {
        "home": {},
        "tmp": {},
        "cwd": {},
    }
    assert {path.name for path in places["cache"].iterdir() if path.is_dir()} <= {"features", "temporary"}
    assert [path.name for path in (places["cache"] / "temporary").iterdir()] == ["CACHEDIR.TAG"]
    # The engine that reports was really there: without it this test would prove nothing.
    assert "openvino" in (places["run"] / "run.log").read_text()
