"""The run directory is never written over, and stages are timed."""

from pathlib import Path

import pytest

from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages.run import Run, new_folder


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(BadValue, match="not empty"):
        new_folder(tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.write_text("a file")
    with pytest.raises(BadValue):
        new_folder(path)


def test_a_new_folder_is_made_with_its_parents(tmp_path: Path) -> None:
    assert new_folder(tmp_path / "a" / "b").root.is_dir()


def test_stages_of_one_name_add_up(tmp_path: Path) -> None:
    run = Run(FitOptions(data="x.csv"), new_folder(tmp_path / "run"), Budget(None), Silent())
    with run.stage("one"):
        pass
    first = run.seconds["one"]
    with run.stage("one"):
        pass
    assert run.seconds["one"] >= first
