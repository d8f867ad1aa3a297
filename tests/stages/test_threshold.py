"""The score from which on boxes are shown: chosen on validation, said, and kept in the model folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from crosstune.artifacts.manifest import MANIFEST
from crosstune.core.files import write_json
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.stages.threshold import settle_threshold
from crosstune.tasks.box_rows import BoxRows, as_array
from crosstune.tasks.object_detection import SHOWN, ObjectDetection
from crosstune.tasks.registry import task_from_json

TASK = ObjectDetection(("cat",), (4,))
OTHERS = {"format": 1, "form": "native", "inputs": ["picture"]}


@dataclass(frozen=True)
class Model:
    """A model, as far as it is asked."""

    task: Any


@dataclass(frozen=True)
class Made:
    """What was trained."""

    model: Model
    plan: Plan
    candidates: dict[str, NDArray[Any]]
    shipped: str = "fine-tuned"


@dataclass(frozen=True)
class Data:
    """Rows."""

    task: Any
    encoded: dict[str, NDArray[Any]]


def boxes(places: list[int], values: list[float]) -> BoxRows:
    sides = np.array([[20.0 * place, 0, 20 * place + 10, 10] for place in places]).reshape(-1, 4)
    return BoxRows((100.0, 50.0), sides, np.zeros(len(places), np.int64), np.array(values, float))


def settled(
    folder: Path, task: Any, found: BoxRows, truth: BoxRows
) -> tuple[Data, Made, list[Decision], dict[str, Any]]:
    (folder / "model").mkdir()
    write_json(folder / "model" / MANIFEST, {**OTHERS, "task": TASK.to_json()})
    said = list[Decision]()
    run: Any = SimpleNamespace(folder=SimpleNamespace(model=folder / "model"), decided=said.append)
    data: Any = Data(task, {"validation": as_array([truth])})
    made: Any = Made(
        Model(task), Plan(), {"other": as_array([boxes([], [])]), "fine-tuned": as_array([found])}
    )
    prepared, tuned = settle_threshold(run, data, made)
    return prepared, tuned, said, json.loads((folder / "model" / MANIFEST).read_text())  # type: ignore[return-value]


def test_it_is_chosen_said_and_written(tmp_path: Path) -> None:
    found, truth = boxes([0, 1, 2], [0.9, 0.7, 0.1]), boxes([0, 1], [1, 1])
    prepared, tuned, said, written = settled(tmp_path, TASK, found, truth)
    assert prepared.task.threshold == tuned.model.task.threshold == pytest.approx(0.4)
    assert (said[0].basis, said[0].value) == (Basis.MEASURED, 0.4)
    assert "1.000" in said[0].because
    assert tuned.plan["threshold"] == 0.4
    assert task_from_json(written["task"]) == prepared.task
    assert {key: written[key] for key in OTHERS} == OTHERS
    assert len(prepared.task.boxes(as_array([found]))[0]) == 2


def test_where_nothing_is_right_it_stays_and_says_so(tmp_path: Path) -> None:
    prepared, _, said, written = settled(tmp_path, TASK, boxes([0], [0.9]), boxes([1], [1.0]))
    assert prepared.task.threshold == written["task"]["threshold"] == SHOWN
    assert said[0].basis is Basis.ASSUMED


def test_tasks_that_show_everything_stay_as_they_are(tmp_path: Path) -> None:
    other = SimpleNamespace(name="image-classification")
    _, tuned, said, _ = settled(tmp_path, other, boxes([], []), boxes([], []))
    assert said == []
    assert tuned.plan == Plan()


def test_a_folder_from_before_has_the_old_threshold_and_a_wrong_one_is_damage() -> None:
    raw = {key: value for key, value in TASK.to_json().items() if key != "threshold"}
    assert task_from_json(raw) == TASK
    for value in (0.0, 1.5, float("nan")):
        with pytest.raises(ValueError, match="threshold"):
            task_from_json({**raw, "threshold": value})
