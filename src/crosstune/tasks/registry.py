"""Every task by name: the built-in ones and those that installed packages bring."""

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from crosstune.core.errors import UnknownName
from crosstune.tasks.audio_classification import AudioClassification
from crosstune.tasks.audio_regression import AudioRegression
from crosstune.tasks.base import Task
from crosstune.tasks.errors import TaskNameClash
from crosstune.tasks.image_classification import ImageClassification
from crosstune.tasks.image_regression import ImageRegression
from crosstune.tasks.image_segmentation import ImageSegmentation
from crosstune.tasks.object_detection import ObjectDetection
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.tasks.text_classification import TextClassification
from crosstune.tasks.text_generation import TextGeneration
from crosstune.tasks.text_regression import TextRegression
from crosstune.tasks.token_classification import TokenClassification
from crosstune.tasks.transcription import Transcription

GROUP = "crosstune.tasks"
"""Entry points of this group name a task and point to its class."""

TASKS: dict[str, type[Task]] = {
    "image-classification": ImageClassification,
    "text-classification": TextClassification,
    "image-regression": ImageRegression,
    "text-regression": TextRegression,
    "audio-classification": AudioClassification,
    "audio-regression": AudioRegression,
    "automatic-speech-recognition": SpeechRecognition,
    "token-classification": TokenClassification,
    "text-generation": TextGeneration,
    "image-segmentation": ImageSegmentation,
    "object-detection": ObjectDetection,
}
"""The built-in tasks."""

FORMS: dict[str, type[Task]] = {Transcription.form: Transcription}
"""What a task becomes once its model is known, by what ``to_json`` calls its ``form``."""


def task_names() -> tuple[str, ...]:
    """Every task name, the built-in ones first; raises ``TaskNameClash``."""
    return (*TASKS, *_plugins())


def task_class(name: str) -> type[Task]:
    """Find a task by name; a package's task is imported here and not before.

    Raises:
        UnknownName: no such task.
        TaskNameClash: a name is provided twice.
    """
    plugins = _plugins()
    if name in TASKS:
        return TASKS[name]
    if name not in plugins:
        raise UnknownName("task", name, (*TASKS, *plugins))
    found: type[Task] = plugins[name].load()
    return found


def make_task(name: str, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Task:
    """Fit the task called ``name`` on the training targets.

    Args:
        name: the Hub's pipeline name, or ours.
        targets: raw training targets, none missing.
        declared: class names in their order, where the user or the data declares them.

    Raises:
        UnknownName: no such task.
        BadTarget: targets are missing or of the wrong kind.
        ConstantTarget: there is nothing to learn.
    """
    return task_class(name).from_targets(targets, declared=declared)


def task_from_json(raw: Mapping[str, Any]) -> Task:
    """Read a fitted task from what its ``to_json`` gave: its name is under ``task``."""
    form = raw.get("form")
    if form is None:
        return task_class(raw["task"]).from_json(raw)
    if form not in FORMS:
        raise UnknownName("form of a task", str(form), tuple(FORMS))
    return FORMS[form].from_json(raw)


def _plugins() -> dict[str, EntryPoint]:
    """Entry points by name, not yet imported."""
    places: dict[str, list[str]] = {name: [place.__module__] for name, place in TASKS.items()}
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        places.setdefault(point.name, []).append(point.value)
        found[point.name] = point
    if clashes := {name: modules for name, modules in places.items() if len(modules) > 1}:
        raise TaskNameClash(clashes)
    return found
