"""``crosstune cache`` lists in a table or as JSON, and clears."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import crosstune
from crosstune.cli.main import app
from crosstune.core.cache import room
from crosstune.core.files import write_json


def test_the_cache_is_listed_and_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CROSSTUNE_CACHE", str(tmp_path))
    monkeypatch.setenv("CROSSTUNE_CACHE_SIZE", "20GB")
    folder = room("features") / ("a" * 32)
    folder.mkdir()
    write_json(folder / "about.json", {"model": "[red]m\x1b[31m", "examples": 10})
    run = CliRunner()
    shown = run.invoke(app, ["cache"]).stdout
    assert "frozen pass" in shown
    assert "[red]m\\x1b[31m, 10 examples" in shown
    assert f"(at most 20.0 GB) in {tmp_path}" in shown
    assert json.loads(run.invoke(app, ["cache", "--json"]).stdout)["limit"] == 20_000_000_000
    assert crosstune.cache().entries[0].path == folder
    done = run.invoke(app, ["cache", "--older-than", "1d"])
    assert (done.exit_code, folder.exists()) == (2, True)
    assert "removed 0 entries" in run.invoke(app, ["cache", "--clear", "--older-than", "1d"]).stdout
    assert "removed 1 entries" in run.invoke(app, ["cache", "--clear"]).stdout
    assert not folder.exists()
