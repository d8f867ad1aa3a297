"""A detection model of transformers, from COCO files to a folder that its own pipeline reads."""

import json
from pathlib import Path
from typing import Any

import pytest

import crosstune
from tests.stages.test_detection import data  # noqa: F401 - a fixture
from tests.support.detection import CLASSES
from tests.support.query_detectors import tiny_detector_dir


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811 - the same
    root = tmp_path_factory.mktemp("runs")
    model = tiny_detector_dir(root / "start", "rt_detr", classes=CLASSES[::-1])
    settings: dict[str, Any] = {
        "budget": "none", "trials": 0, "strategy": "full", "batch_size": 8, "epochs": 20.0, "lr": 5e-3,
        "model": str(model),
    }  # fmt: skip
    crosstune.fit(data, out=root / "run", **settings)
    return root / "run"


def test_a_run_says_what_it_came_to(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())
    assert (found["task"], found["primary_metric"]) == ("object-detection", "map")
    assert 0.0 < found["test"]["map-50"]["value"] <= 1.0
    assert "class layers are new" not in (run / "run.log").read_text()
    assert "pipeline" in (run / "README.md").read_text()


def test_transformers_finds_the_boxes_that_predict_gives(run: Path, data: Path) -> None:  # noqa: F811
    from PIL import Image
    from transformers import pipeline

    pictures = [data / "test" / f"{number}.png" for number in range(12)]
    rows = crosstune.predict(run, [str(one) for one in pictures])
    about = json.loads((run / "model" / "crosstune-model.json").read_text())
    least = about["task"]["threshold"]
    find = pipeline("object-detection", model=str(run / "model"))
    assert any(row["labels"] for row in rows)
    for path, row in zip(pictures, rows, strict=True):
        with Image.open(path) as picture:
            found = sorted(find(picture, threshold=least), key=lambda one: -one["score"])
        assert [one["label"] for one in found] == row["labels"]
        assert [one["score"] for one in found] == pytest.approx(row["box_scores"], abs=1e-4)
        for one, box in zip(found, row["boxes"], strict=True):
            assert list(one["box"].values()) == pytest.approx(box, abs=1.01)
