"""Masks, from two folders to a report: the whole path, masks that are written, and the figures of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import crosstune
from crosstune.stages.mask_pictures import beside, palette
from tests.data.making import encoded, write
from tests.support.segmentation import CLASSES, mask_items

FAST: dict[str, Any] = {
    "budget": "none", "trials": 0, "strategy": "full", "batch_size": 8, "epochs": 12.0, "image_size": 64,
    "lr": 5e-3, "pretrained": False, "model": "timm:test_resnet",
}  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    for split, count, seed in (("train", 48, 0), ("val", 12, 1), ("test", 10, 2)):
        items = mask_items(count, seed)
        for number, (picture, mask) in enumerate(zip(items.raw, items.targets(), strict=True)):
            write(root / "images" / split / f"{number}.png", encoded(picture))
            write(root / "masks" / split / f"{number}.png", encoded(Image.fromarray(mask.values)))
    write(root / "masks" / "classes.txt", "".join(f"{n} {name}\n" for n, name in enumerate(CLASSES)))
    return root


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    crosstune.fit(data, out=folder, **FAST)
    return folder


def test_a_run_says_what_it_came_to(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())
    assert (found["task"], found["primary_metric"]) == ("image-segmentation", "mean-iou")
    assert list(found["test"]) == [
        "mean-iou", "pixel-accuracy", "boundary-f1", *(f"iou/{name}" for name in CLASSES)
    ]  # fmt: skip
    assert found["test"]["mean-iou"]["value"] > 0.5
    plan = {one["setting"]: one["value"] for one in json.loads((run / "plan.json").read_text())["decisions"]}
    assert (plan["image_size"], plan["augment"]) == (64, "none")
    assert "mask_side = 64" in (run / "run.log").read_text()
    page = (run / "report.html").read_text()
    assert "Worst masks" in page
    assert page.count("data:image/png") >= 3
    table = pd.read_parquet(run / "predictions.parquet")
    assert len(table) == 10
    assert set(table["target"].iloc[0]) <= set(CLASSES)
    assert "crosstune.load" in (run / "README.md").read_text()


def test_masks_are_written_and_the_figures_are_those_of_the_files(
    run: Path, data: Path, tmp_path: Path
) -> None:
    broken = write(tmp_path / "broken.png", b"no picture")
    pictures = [str(data / "images" / "test" / f"{number}.png") for number in range(10)]
    rows = crosstune.predict(run, [*pictures, str(broken)], out=tmp_path / "rows.csv")
    assert [row["origin"] for row in rows] == [*pictures, str(broken)]
    assert [bool(row["error"]) for row in rows] == [False] * 10 + [True]
    assert len(pd.read_csv(tmp_path / "rows.csv")) == 11
    both, either = np.zeros(3), np.zeros(3)
    for number, row in enumerate(rows[:10]):
        with Image.open(row["mask"]) as image, Image.open(pictures[number]) as picture:
            assert (image.mode, image.size) == ("P", picture.size)
            ours = np.asarray(image)
        with Image.open(data / "masks" / "test" / f"{number}.png") as image:
            truth = np.asarray(image)
        assert row["shares"][0] == pytest.approx(
            float(np.mean(ours == CLASSES.index(row["classes"][0]))), abs=1e-6
        )
        for kind in range(3):
            inside = truth != 255
            both[kind] += ((ours == kind) & (truth == kind)).sum()
            either[kind] += (((ours == kind) | (truth == kind)) & inside).sum()
    found = json.loads((run / "metrics.json").read_text())["test"]
    assert found["mean-iou"]["value"] == pytest.approx(float((both / either).mean()))
    assert found["iou/cat"]["value"] == pytest.approx(both[1] / either[1])
    again = crosstune.evaluate(run, data)
    assert again["mean-iou"].value == pytest.approx(found["mean-iou"]["value"])


def test_without_a_file_rows_name_the_classes(run: Path, data: Path) -> None:
    (row,) = crosstune.predict(run, [str(data / "images" / "test" / "0.png")])
    assert "mask" not in row
    assert sum(row["shares"]) == pytest.approx(1.0, abs=1e-5)


def test_splits_are_made_by_the_classes_in_the_masks(data: Path, tmp_path: Path) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).symlink_to(data / kind / "train")
    write(tmp_path / "classes.txt", (data / "masks" / "classes.txt").read_text())
    done = crosstune.fit(tmp_path, out=tmp_path / "run", **{**FAST, "epochs": 1.0})
    counts = json.loads((done.root / "summary.json").read_text())["counts"]
    assert counts["train"] + counts["validation"] + counts["test"] == 48
    assert min(counts["validation"], counts["test"]) >= 5


def test_a_plan_is_made(data: Path) -> None:
    plan = crosstune.plan(data, **FAST)
    assert (plan["strategy"], plan["augment"], plan["image_size"]) == ("full", "none", 64)
    assert plan["head_lr"] == 8e-3


def test_pictures_stand_beside_their_masks() -> None:
    items = mask_items(1)
    mask = items.targets()[0].values
    address = beside(items.raw[0], [mask, mask], CLASSES, 20)
    assert address.startswith("data:image/png;base64,")
    shades = palette(CLASSES)
    assert len(shades) == 768
    assert shades[-3:] == [255, 255, 255]
    assert len({tuple(shades[3 * one : 3 * one + 3]) for one in range(3)}) == 3
