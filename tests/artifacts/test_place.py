"""Putting a model in place: a kill leaves the old or the new one, and both loading and resuming find it."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from crosstune.artifacts import place
from crosstune.artifacts.model import MANIFEST, present
from crosstune.artifacts.place import heal, put_model
from crosstune.core.errors import DiskFull
from tests.support.chaos import forked


def save(model: Any, path: Path) -> None:
    path.mkdir(parents=True)
    for name in ("weights", MANIFEST):
        (path / name).write_text(model.text)


def put(root: Path, text: str) -> None:
    put_model(cast(Any, SimpleNamespace(text=text)), root / "model")


def content(folder: Path) -> set[str]:
    return {path.read_text() for path in folder.iterdir()}


def test_a_kill_at_any_file_event_leaves_the_old_or_the_new_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "save_model", save)

    def work(root: Path) -> Callable[[], object]:
        return lambda: put(root, "new")

    (tmp_path / "whole").mkdir()
    put(tmp_path / "whole", "old")
    events = forked(work(tmp_path / "whole"), tmp_path, under=tmp_path / "whole").events
    seen = []
    for moment, event in enumerate(events):
        root = tmp_path / str(moment)
        root.mkdir()
        put(root, "old")
        assert forked(work(root), tmp_path, under=root, kill_at=moment).killed
        found = content(present(root))
        assert found in ({"old"}, {"new"}), event
        heal(root)
        assert content(root / "model") == found
        assert [path.name for path in root.iterdir()] == ["model"]
        seen.append(found)
    assert {"old"} in seen
    assert {"new"} in seen


def test_a_full_disk_leaves_the_old_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "save_model", save)
    put(tmp_path, "old")

    def full(_: Any, path: Path) -> None:
        path.mkdir()
        raise RuntimeError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(place, "save_model", full)
    with pytest.raises(DiskFull, match="model"):
        put(tmp_path, "new")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert content(tmp_path / "model") == {"old"}
