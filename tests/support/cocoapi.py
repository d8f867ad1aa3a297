"""Figures of boxes as pycocotools gives them."""

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from crosstune.tasks.box_rows import BoxRows


def judged(found: Sequence[BoxRows], truth: Sequence[BoxRows], classes: int) -> COCOeval:
    """Run COCO's own evaluation on pictures in their order; nothing is printed."""
    rows, answers = [], []
    for picture, (ours, theirs) in enumerate(zip(found, truth, strict=True)):
        for box, kind, value in zip(theirs.boxes, theirs.classes, theirs.values, strict=True):
            rows.append({
                "id": len(rows) + 1, "image_id": picture, "category_id": int(kind), "bbox": _sides(box),
                "iscrowd": int(value == 0), "area": float((box[2] - box[0]) * (box[3] - box[1])),
            })  # fmt: skip
        for box, kind, value in zip(ours.boxes, ours.classes, ours.values, strict=True):
            answers.append({
                "image_id": picture, "category_id": int(kind), "bbox": _sides(box), "score": float(value)
            })  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        reference = COCO()
        reference.dataset = {
            "info": {}, "images": [{"id": place} for place in range(len(truth))], "annotations": rows,
            "categories": [{"id": place, "name": str(place)} for place in range(classes)],
        }  # fmt: skip
        reference.createIndex()
        results = COCO()
        results.dataset = {
            **reference.dataset,
            "annotations": [
                {**one, "id": place + 1, "iscrowd": 0, "area": one["bbox"][2] * one["bbox"][3]}
                for place, one in enumerate(answers)
            ],
        }
        results.createIndex()
        judge = COCOeval(reference, results, "bbox")
        judge.evaluate()
        judge.accumulate()
    return judge


def figures(found: Sequence[BoxRows], truth: Sequence[BoxRows], classes: Sequence[str]) -> dict[str, float]:
    """Give what ``box_metrics`` promises, NaN where pycocotools has -1."""
    judge = judged(found, truth, len(classes))
    precision, recall = (
        judge.eval["precision"][..., -1],
        judge.eval["recall"][..., -1],
    )  # (T, R, K, A), (T, K, A)
    wanted = {
        "map": precision[..., 0], "map-50": precision[:1, ..., 0], "map-75": precision[5:6, ..., 0],
        "map-small": precision[..., 1], "map-medium": precision[..., 2], "map-large": precision[..., 3],
        "recall-100": recall[..., 0],
        **{f"ap/{name}": precision[:, :, place, 0] for place, name in enumerate(classes)},
    }  # fmt: skip
    return {
        name: float(some[some > -1].mean()) if (some > -1).any() else np.nan for name, some in wanted.items()
    }


def _sides(box: np.ndarray) -> list[float]:
    left, top, right, bottom = box.tolist()
    return [left, top, right - left, bottom - top]
