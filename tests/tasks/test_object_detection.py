"""Detection as a task: classes, targets, collating, mirroring, answers, rows."""

import numpy as np
import pytest
import torch

from crosstune.core.errors import DoesNotApply, UnknownName
from crosstune.core.labels import UnknownClass
from crosstune.core.overlaps import overlaps
from crosstune.core.picture_move import PictureMove
from crosstune.core.place_grid import place_grid
from crosstune.core.settings import Settings
from crosstune.tasks.box_answers import MOST, OVERLAP
from crosstune.tasks.box_rows import BoxRows, as_array, from_array, moved
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.object_detection import FILLED, HUNGARIAN, SHOWN, ObjectDetection
from crosstune.tasks.place_loss import PlaceLoss
from crosstune.tasks.registry import make_task, task_from_json
from tests.support.detection import CLASSES, Objects, box_items

ITEMS = box_items(8)
TASK = ObjectDetection.from_targets(ITEMS.targets()).at(64, (4, 2))


def objects(*named: tuple[str, bool], size: tuple[int, int] = (40, 20)) -> Objects:
    boxes = np.array([[4.0 * n, 2, 4.0 * n + 8, 12] for n in range(len(named))])
    return Objects(size, boxes, tuple(name for name, _ in named), tuple(left for _, left in named))


def test_classes_are_those_of_objects_that_count() -> None:
    task = make_task("object-detection", [objects(("b", False), ("crowd", True)), objects(("a", False))])
    assert isinstance(task, ObjectDetection)
    assert task.classes == ("a", "b")
    declared = make_task("object-detection", [objects(("b", False))], declared=("z", "b"))
    assert declared.outputs == 2
    with pytest.raises(ConstantTarget):
        make_task("object-detection", [objects(), objects(("crowd", True))])
    with pytest.raises(BadTarget):
        make_task("object-detection", ["cat"])


def test_it_is_written_and_read() -> None:
    assert task_from_json(TASK.to_json()) == TASK
    assert TASK.classes == CLASSES


def test_targets_keep_every_number() -> None:
    encoded = TASK.encode(ITEMS.targets())
    assert encoded.shape == (8,)
    for one, rows in zip(ITEMS.targets(), from_array(encoded), strict=True):
        assert rows.size == one.size()
        assert np.array_equal(rows.boxes, one.boxes())
        assert [CLASSES[place] for place in rows.classes] == list(one.labels())
        assert np.array_equal(rows.values == 0, one.ignored())
    both = np.concatenate([encoded[:1], encoded[3:4]])  # of different width
    assert len(from_array(both)[1]) == len(from_array(encoded)[3])


def test_unknown_classes_are_named_and_ignored_ones_left_out() -> None:
    with pytest.raises(UnknownClass, match="bird"):
        TASK.encode([objects(("cat", False), ("bird", False))])
    (rows,) = from_array(TASK.encode([objects(("crowd", True), ("cat", True), ("dog", False))]))
    assert rows.classes.tolist() == [0, 1]
    assert rows.values.tolist() == [0, 1]
    assert rows.boxes[0, 0] == 4


def test_collated_targets_are_shares_of_the_sides() -> None:
    found = TASK.collate(TASK.encode([objects(("dog", False), ("cat", True)), objects()]))
    assert found.shape == (2, 2, 6)
    assert torch.allclose(found[0, 0], torch.tensor([0, 0.1, 0.2, 0.6, 1, 1]))
    assert torch.allclose(found[0, 1], torch.tensor([0.1, 0.1, 0.3, 0.6, 0, 0]))
    assert (found[1, :, 5] == FILLED).all()
    mirror, keep = (lambda _: PictureMove(mirrored=True)), (lambda _: PictureMove())
    encoded = TASK.encode([objects(("dog", False), ("cat", True)), objects()])
    mirrored = TASK.collate_moved(encoded, [mirror, keep])
    assert torch.allclose(mirrored[0, 0], torch.tensor([0.8, 0.1, 1.0, 0.6, 1, 1]))
    assert torch.equal(mirrored[1], found[1])


def test_boxes_are_cut_as_their_pictures_are() -> None:
    places = np.array([[0.0, 0, 10, 10], [12, 4, 20, 8], [19, 0, 29, 10], [30, 10, 40, 20]])
    rows = BoxRows((40.0, 20.0), places, np.arange(4), np.array([1.0, 1, 1, 0]))
    cut = moved(rows, PictureMove(window=(8, 2, 12, 10)))
    assert cut.size == (12, 10)
    assert cut.boxes.tolist() == [[0, 0, 2, 8], [4, 2, 12, 6], [11, 0, 12, 8]]
    assert cut.classes.tolist() == [0, 1, 2]
    assert cut.values.tolist() == [0, 1, 0]  # less than a quarter of the first and of the third is left
    turned = moved(rows, PictureMove(mirrored=True, window=(0, 10, 12, 10)))
    assert turned.boxes.tolist() == [[0, 0, 10, 10]]
    assert (turned.classes.tolist(), turned.values.tolist()) == ([3], [0])
    assert moved(rows, PictureMove()).boxes.tolist() == places.tolist()


def test_answers_leave_out_what_overlaps_a_surer_box_of_its_class() -> None:
    outputs = torch.full((1, 20, 6), -20.0)
    outputs[..., 2:] = torch.tensor([0.0, 0.0, 0.5, 0.5])
    outputs[0, 3, 0], outputs[0, 4, 0], outputs[0, 5, 1] = 2.0, 1.0, 0.0
    outputs[0, 6] = torch.tensor([0.5, -20, 0.4, 0.4, 1.5, 0.9])
    (rows,) = from_array(TASK.answers_at(outputs, torch.tensor([[20.0, 40.0]])))
    assert rows.classes.tolist() == [0, 0, 1]
    assert rows.values == pytest.approx(torch.tensor([2.0, 0.5, 0.0]).sigmoid().tolist())
    assert rows.boxes == pytest.approx(np.array([[0, 0, 20, 10], [16, 8, 40, 18], [0, 0, 20, 10]]))
    row = TASK.decode(as_array([rows]))[0]
    assert row["labels"] == ["cat", "cat", "dog"]
    assert row["box_scores"][0] == pytest.approx(0.880797)
    assert row["boxes"][1] == pytest.approx([16, 8, 40, 18])


def test_answers_are_no_more_than_coco_counts() -> None:
    levels = (12, 6)
    places = torch.from_numpy(place_grid(levels))
    outputs = torch.cat([torch.zeros(180, 2), places[:, :2] - 0.01, places[:, :2] + 0.01], dim=1)[None]
    (rows,) = from_array(TASK.answers_at(outputs, torch.tensor([[50.0, 50.0]])))
    assert len(rows) == MOST
    for kind in (0, 1):
        own = rows.boxes[rows.classes == kind]
        assert (overlaps(own, own) - np.eye(len(own)) <= OVERLAP).all()


def test_a_loss_is_chosen_by_what_answers() -> None:
    encoded = TASK.encode(ITEMS.targets())
    plain = TASK.make_loss(Settings(), encoded)
    assert isinstance(plain, PlaceLoss)
    assert not plain.focal
    focal = TASK.make_loss(Settings(loss="focal+giou", class_weights="auto"), encoded)
    assert isinstance(focal, PlaceLoss)
    assert focal.focal
    assert focal.weights is not None
    assert not torch.allclose(focal.weights, torch.ones(2, dtype=torch.float64))
    queries = TASK.at(64, ())
    assert queries.losses == (HUNGARIAN,)
    with pytest.raises(UnknownName):
        queries.make_loss(Settings(loss="focal+giou"), encoded)
    with pytest.raises(DoesNotApply, match="class"):
        queries.make_loss(Settings(class_weights="auto"), encoded)


def test_words_about_answers() -> None:
    truth = TASK.encode(ITEMS.targets())
    right = truth  # values of 1 are scores of 1; ignored ones are not sure enough
    assert TASK.alarm(right, truth) is None
    weak = as_array(
        [BoxRows(one.size, one.boxes, one.classes, one.values * SHOWN / 2) for one in from_array(truth)]
    )
    assert "[no-object]" in str(TASK.alarm(weak, truth))
    assert TASK.badness(right, truth) == pytest.approx(np.zeros(8))
    assert (TASK.badness(weak, truth) > 0).sum() == sum(map(bool, map(len, TASK.boxes(truth))))
    assert TASK.disagreement(right, right) == 0
    assert TASK.disagreement(right, weak) > 0.3
    assert TASK.truths(truth)[1] == list(ITEMS.targets()[1].labels())
