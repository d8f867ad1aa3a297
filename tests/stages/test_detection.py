"""Boxes, from COCO files to a report: the whole path, boxes that are written, and the figures of them."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import crosstune
from crosstune.core.errors import DoesNotApply
from tests.data.making import encoded, write
from tests.support.detection import CLASSES, box_items

FAST: dict[str, Any] = {
    "budget": "none", "trials": 0, "strategy": "full", "batch_size": 8, "epochs": 15.0, "image_size": 64,
    "lr": 5e-3, "pretrained": False, "model": "timm:test_resnet",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for split, count, seed in (("train", 64, 0), ("val", 16, 1), ("test", 12, 2)):
        items = box_items(count, seed)
        images, rows = [], list[dict[str, Any]]()
        for number, (picture, target) in enumerate(zip(items.raw, items.targets(), strict=True)):
            write(root / split / f"{number}.png", encoded(picture))
            images.append(
                {"id": number, "file_name": f"{number}.png", "width": picture.width, "height": picture.height}
            )
            for box, name, left_out in zip(target.boxes(), target.labels(), target.ignored(), strict=True):
                left, top, right, bottom = box.tolist()
                sides = [left, top, right - left, bottom - top]
                rows.append({
                    "id": len(rows) + 1, "image_id": number, "category_id": CLASSES.index(name) + 1,
                    "bbox": sides, "area": sides[2] * sides[3], "iscrowd": int(left_out),
                })  # fmt: skip
        categories = [{"id": place + 1, "name": name} for place, name in enumerate(CLASSES)]
        whole = {"images": images, "annotations": rows, "categories": categories}
        write(root / f"{split}.json", json.dumps(whole).encode())
    return root


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    crosstune.fit(data, out=folder, **FAST)
    return folder


def test_a_run_says_what_it_came_to(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())
    assert (found["task"], found["primary_metric"]) == ("object-detection", "map")
    assert list(found["test"]) == [
        "map", "map-50", "map-75", "map-small", "map-medium", "map-large", "recall-100",
        *(f"ap/{name}" for name in CLASSES), "precision-50", "recall-50", "f1-50",
    ]  # fmt: skip
    assert found["test"]["map-50"]["value"] > 0.2
    assert found["test"]["map-large"] == {"value": None, "low": None, "high": None}  # pictures are too small
    page = (run / "report.html").read_text()
    for words in ("Worst pictures", "Precision by recall", "of the boxes without a partner", "background"):
        assert words in page
    assert page.count("data:image/jpeg") >= 1
    summary = json.loads((run / "summary.json").read_text())
    assert summary["confusion_names"] == [*CLASSES, "background"]
    assert np.array(summary["confusion"]).shape == (3, 3)
    assert [one["name"] for one in summary["precision_by_recall"]] == list(CLASSES)
    mean = np.mean(
        [sum(value or 0.0 for value in one["values"]) / 101 for one in summary["precision_by_recall"]]
    )
    assert mean == pytest.approx(found["test"]["map-50"]["value"])


def test_cocos_own_tool_gives_our_figures_of_the_file_that_is_written(
    run: Path, data: Path, tmp_path: Path
) -> None:
    broken = write(tmp_path / "broken.png", b"no picture")
    pictures = [str(data / "test" / f"{number}.png") for number in range(12)]
    forms = ["coco", "yolo", "pictures"]
    rows = crosstune.predict(run, [*pictures, str(broken)], out=tmp_path / "rows.jsonl", also=forms)
    assert [bool(row["error"]) for row in rows] == [False] * 12 + [True]
    path = tmp_path / "rows-coco.json"
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(data / "test.json"))
        judge = COCOeval(truth, truth.loadRes(json.loads(path.read_text())["annotations"]), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    test = json.loads((run / "metrics.json").read_text())["test"]
    names = ("map", "map-50", "map-75", "map-small")
    assert [test[name]["value"] for name in names] == pytest.approx(judge.stats[:4].tolist(), abs=1e-6)
    assert judge.stats[4:6].tolist() == [-1, -1]
    assert [one["file_name"] for one in json.loads(path.read_text())["images"]] == pictures
    assert test["recall-100"]["value"] == pytest.approx(judge.stats[8], abs=1e-6)
    again = crosstune.evaluate(run, data)
    for name in ("map", "f1-50"):
        assert again[name].value == pytest.approx(test[name]["value"], abs=1e-6)
    (choice,) = [
        one
        for one in json.loads((run / "plan.json").read_text())["decisions"]
        if one["setting"] == "threshold"
    ]
    assert choice["basis"] == "measured"
    assert all(value >= choice["value"] - 1e-4 for row in rows[:12] for value in row["box_scores"])
    for number, row in enumerate(rows[:12]):
        lines = (tmp_path / "rows-labels" / f"{number}.txt").read_text().splitlines()
        assert [CLASSES[int(line.split()[0])] for line in lines] == row["labels"]
        assert (tmp_path / "rows-pictures" / f"{number}.png").is_file()


def test_a_form_that_does_not_exist_is_refused_before_anything_is_predicted(
    run: Path, tmp_path: Path
) -> None:
    with pytest.raises(DoesNotApply, match="--out"):
        crosstune.predict(run, [str(tmp_path / "a.png")], also="coco")
    assert list(tmp_path.iterdir()) == []
