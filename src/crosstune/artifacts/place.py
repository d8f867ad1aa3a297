"""Putting a new ``model/`` in the place of the old one, so that a kill leaves one of the two.

The new one is written beside its place as ``.model.new``; then the old one becomes ``.model.old``, and the
new one takes the place. A kill between these two renames leaves no ``model/``, but both of the others whole:
``present`` (``model.py``) finds the new one, and :func:`heal` finishes what was begun.
"""

import os
import shutil
from pathlib import Path

from crosstune.artifacts.model import SavedModel, save_model
from crosstune.core.errors import DiskFull
from crosstune.core.files import free_bytes, is_disk_full, sync_folder


def put_model(model: SavedModel, target: Path) -> None:
    """Write ``model`` to the folder ``target``, in place of what is there.

    Raises:
        DiskFull: there is no room; what is in ``target`` stays.

    Checked by: ``tests/artifacts/test_place.py``, with a kill at every file event.
    """
    heal(target.parent)
    fresh, old = _beside(target.parent)
    try:
        save_model(model, fresh)
        for path in fresh.rglob("*"):
            if path.is_file():
                with path.open("rb") as handle:
                    os.fsync(handle.fileno())
    except Exception as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if is_disk_full(error):
            raise DiskFull(str(target), needed=None, free=free_bytes(target.parent)) from error
        raise
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    sync_folder(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def heal(root: Path) -> bool:
    """Finish or undo a replacement of ``root/model`` that was broken off; say whether one was."""
    target, (fresh, old) = root / "model", _beside(root)
    if not (fresh.exists() or old.exists()):
        return False
    if not target.exists() and old.exists():  # between the two renames: the new one is whole
        (fresh if fresh.exists() else old).rename(target)
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    return True


def _beside(root: Path) -> tuple[Path, Path]:
    return root / ".model.new", root / ".model.old"
