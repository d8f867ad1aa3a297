"""``crosstune-model.json``: what joins a body, a head and a task, read as if a stranger had written it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosstune.artifacts.errors import NotAModel
from crosstune.core.errors import UserError
from crosstune.core.files import damaged, read_object, write_json
from crosstune.core.schema import misfit
from crosstune.tasks.base import Task
from crosstune.tasks.registry import task_from_json

FORMAT = 1
"""Version of the file."""
MANIFEST = "crosstune-model.json"
MOST_CLASSES = 100_000
"""Outputs that a label map may name."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The fields of the file that loading needs; others (``model``, ``licence`` ...) are for people."""

    form: str
    """``native`` or ``linear``."""
    task: dict[str, Any]
    inputs: tuple[str, ...]
    target: str | None
    head: dict[str, str | float | None] | None


def read_manifest(folder: Path, *, root: Path) -> tuple[Manifest, Task]:
    """Read the manifest of a ``model/`` folder, and the task that it describes.

    Raises:
        NotAModel: another version of the format.
        DamagedFile: a field is missing or of another type, or the label map is none.
        UnknownName: the task is none of the known ones.
    """
    file = folder / MANIFEST
    raw = read_object(file)
    if raw.get("format") != FORMAT:
        raise NotAModel(str(root), missing=f"format {FORMAT} (found {raw.get('format')!r:.40})")
    try:
        about = Manifest(
            form=raw["form"],
            task=raw["task"],
            inputs=tuple(raw["inputs"]),
            target=raw["target"],
            head=raw["head"],
        )
        wrong = misfit(about, Manifest) or _oddities(about)
        if wrong:
            raise damaged(file, wrong)
        return about, task_from_json(about.task)
    except UserError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise damaged(file, f"{type(error).__name__}: {' '.join(str(error).split())[:200]}") from error


def write_task(folder: Path, task: Task) -> None:
    """Describe the task of a ``model/`` folder anew, and leave everything else of it; atomic."""
    file = folder / MANIFEST
    write_json(file, {**read_object(file), "task": task.to_json()})


def _oddities(about: Manifest) -> str | None:
    """Say what the types alone do not show."""
    if (about.form, about.head is None) not in {("native", True), ("linear", False)}:
        return f"the form {about.form[:40]!r} {'without' if about.head is None else 'with'} a head"
    if not isinstance(about.task.get("task"), str):
        return "a task without a name"
    classes = about.task.get("classes", [])
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        return "class names that are no list of texts"
    if len(set(classes)) < len(classes):
        return "a class that is named twice"
    if len(classes) > MOST_CLASSES:
        return f"{len(classes):,} classes; {MOST_CLASSES:,} are the most"
    return None
