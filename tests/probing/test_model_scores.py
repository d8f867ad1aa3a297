"""All scores of one model: what decides, what is reported, groups, and the awkward samples."""

import numpy as np
import pytest

from crosstune.core.errors import BadValue
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.probing.model_scores import ModelScores, score_model
from crosstune.tasks.base import Task
from crosstune.tasks.registry import make_task
from tests.support.pooled import Pooled, pooled

ROWS = 120


def three_classes(rows: int = ROWS) -> tuple[Task, np.ndarray]:
    labels = np.random.default_rng(0).integers(0, 3, rows)
    return make_task("image-classification", ["a", "b", "c"]), labels


def scored(features: Pooled, task: Task, encoded: np.ndarray, **more: object) -> ModelScores:
    return score_model("lite", task, features, encoded, **more)  # type: ignore[arg-type]


def test_the_user_s_metric_of_both_answers_decides() -> None:
    task, labels = three_classes()
    found = scored(pooled(np.eye(3)[labels] * 0.3, native=False), task, labels)
    assert found.figure == "accuracy"
    accuracy = [
        (outputs.argmax(axis=1) == labels).mean() for outputs in (found.outputs, found.neighbours_outputs)
    ]
    assert [found.ridge.value, found.neighbours.value] == pytest.approx(accuracy)
    assert found.deciding.value == pytest.approx(np.mean(accuracy))
    assert found.deciding.low < found.deciding.value < found.deciding.high
    by_name = {row.name.removeprefix("rank/lite/"): row for row in found.measurements}
    assert len(by_name) == len(found.measurements)
    for kind, best in (("ridge", found.reads), ("neighbours", found.neighbours_read)):
        values = {read: by_name[f"{kind}@{read}"].metric.value for read in ("head", "last", "all")}
        assert values[best] == max(values.values())
    assert {"deciding", "logme@head", "h-score@head", "depth@layer.0"} <= set(by_name)
    assert set(found.beside) == {"logme@head", "h-score@head"}
    assert all(row.examples == ROWS for row in found.measurements)
    assert found.encoded is labels


def test_the_depth_curve_rises_with_what_blocks_see() -> None:
    task, labels = three_classes(300)
    found = scored(pooled(np.eye(3)[labels] * 3), task, labels)
    assert [point.block for point in found.depth] == ["layer.0", "layer.1", "layer.2"]
    values = [point.metric.value for point in found.depth]
    assert values == sorted(values)
    assert values[-1] - values[0] > 0.2
    assert [point.width for point in found.depth] == [4, 6, 8]


def test_a_good_block_before_noise_is_heard_where_single_blocks_compete() -> None:
    task, labels = three_classes()
    draw = np.random.default_rng(1)
    noise = draw.normal(size=(ROWS, 400)).astype(np.float32)
    good = (np.eye(3)[labels] @ draw.normal(size=(3, 5)) + 0.3 * draw.normal(size=(ROWS, 5))).astype(
        np.float32
    )
    features = Pooled(noise, (good, noise), ("block 3", "tail"))
    plain, single = scored(features, task, labels), scored(features, task, labels, singles=True)
    assert (single.reads, single.neighbours_read) == ("block 3", "block 3")
    assert single.deciding.value > plain.deciding.value + 0.1
    assert single.depth == plain.depth


def test_the_mean_over_layers_is_read_where_widths_agree() -> None:
    task, labels = three_classes()
    found = scored(pooled(np.eye(3)[labels], (5, 5, 5), native=False), task, labels)
    assert {"logme@head", "logme@mean", "h-score@mean"} <= set(found.beside)
    assert "rank/lite/ridge@mean" in {row.name for row in found.measurements}


def test_values_and_labels_are_scored_by_their_own_metrics() -> None:
    draw = np.random.default_rng(0)
    signal = draw.normal(size=(ROWS, 2))
    values = make_task("text-regression", (signal[:, 0] * 3 + 9).tolist())
    found = scored(pooled(signal), values, signal[:, 0])
    assert found.figure == "pearson"
    assert found.deciding.value > 0.8
    assert set(found.beside) == {"logme@head"}
    labels = make_task("image-classification", [["a"], ["b"], []])
    found = scored(pooled(signal), labels, (signal > 0).astype(np.float32))
    assert found.figure == "macro-f1"
    assert found.deciding.value > 0.75
    assert found.outputs.shape == (ROWS, 2)


def test_groups_take_the_praise_from_copies() -> None:
    task, labels = three_classes(60)
    draw = np.random.default_rng(0)
    noise, labels = np.repeat(draw.normal(size=(60, 40)), 4, axis=0), np.repeat(labels, 4)
    features = pooled(noise, (40,))
    alone = scored(features, task, labels)
    grouped = scored(features, task, labels, groups=np.repeat(np.arange(60), 4))
    assert alone.neighbours.value > 0.9
    assert alone.ridge.value > 0.5
    assert grouped.deciding.value < 0.5
    assert len(np.unique(grouped.units)) == 60
    assert grouped.deciding.high - grouped.deciding.low > 0.1


def test_a_model_s_own_classes_are_reported_beside() -> None:
    task, labels = three_classes()
    features = pooled(np.eye(3)[labels])
    found = scored(features, task, labels, source_probabilities=np.eye(3)[labels])
    assert found.beside["leep"].value == found.beside["nce"].value == pytest.approx(0)


def test_noise_scores_like_a_constant_answer() -> None:
    draw = np.random.default_rng(0)
    labels = (draw.random(400) < 0.2).astype(np.int64)
    features = pooled(draw.normal(size=(400, 3)), (6, 6))
    found = scored(features, make_task("image-classification", ["a", "b"]), labels)
    assert found.ridge.value == pytest.approx(0.8, abs=0.03)
    task = make_task("text-regression", [0.0, 1.0])
    assert abs(scored(features, task, draw.normal(size=400)).ridge.value) < 0.25


@pytest.mark.parametrize(("rows", "width"), [(8, 50), (30, 1), (1, 3), (2, 2)])
def test_few_rows_and_one_column(rows: int, width: int) -> None:
    task, labels = three_classes(rows)
    draw = np.random.default_rng(0)
    found = scored(pooled(draw.normal(size=(rows, 3)), (width, width)), task, labels)
    assert 0 <= found.deciding.value <= 1
    assert np.isfinite(found.outputs).all()


def test_a_class_with_one_row_is_missed() -> None:
    task = make_task("image-classification", ["a", "b", "c"])
    labels = np.array([2, *[0, 1] * 20])
    found = scored(pooled(np.eye(3)[labels] * 9), task, labels)
    assert found.outputs[0].argmax() != 2
    assert found.neighbours_outputs[0].argmax() != 2
    assert found.ridge.value == pytest.approx(40 / 41)


def test_one_class_in_the_sample_says_nothing_about_any_model() -> None:
    task, _ = three_classes()
    labels = np.ones(20, np.int64)
    found = scored(pooled(np.random.default_rng(0).normal(size=(20, 3))), task, labels)
    assert (found.deciding.value, found.deciding.low, found.deciding.high) == (1, 1, 1)
    assert found.beside == {}


def test_constant_features_answer_like_the_mean() -> None:
    task, _ = three_classes()
    labels = np.array([0] * 30 + [1] * 10)
    constant = np.full((40, 4), 7.0, np.float32)
    found = scored(Pooled(constant, (constant,), ("only",)), task, labels)
    assert found.deciding.value == 0.75
    features = pooled(np.eye(3)[labels])
    more = tuple(np.concatenate([block, constant], axis=1) for block in features.blocks)
    padded = Pooled(more[-1], more, features.names)
    assert scored(padded, task, labels).deciding == scored(features, task, labels).deciding


def test_ten_thousand_classes() -> None:
    labels = np.repeat(np.arange(0, 10_000, 1_000), 4)
    task = make_task("image-classification", [f"c{one:05}" for one in range(10_000)])
    features = pooled(np.eye(10)[labels // 1_000] * 9, (30,))
    found = scored(features, task, labels)
    assert found.outputs.shape == (40, 10_000)
    assert found.deciding.value > 0.5


def test_features_that_are_no_numbers_are_refused() -> None:
    task, labels = three_classes()
    features = pooled(np.eye(3)[labels])
    features.blocks[0][3, 1] = np.nan
    with pytest.raises(NonFiniteFeatures, match=r"layer\.0, computed by lite, for row 3"):
        scored(features, task, labels)


def test_samples_that_do_not_fit_are_refused() -> None:
    task, labels = three_classes()
    features = pooled(np.eye(3)[labels])
    with pytest.raises(ValueError, match="120 rows of features of lite, but 119 targets"):
        scored(features, task, labels[1:])
    with pytest.raises(BadValue, match="one group"):
        scored(features, task, labels, groups=["same"] * ROWS)
    values = make_task("text-regression", [0.0, 1.0])
    with pytest.raises(ValueError, match="targets that are not finite"):
        scored(features, values, np.full(ROWS, np.nan))
    nothing = Pooled(np.zeros((0, 2), np.float32), (np.zeros((0, 2), np.float32),), ("only",))
    with pytest.raises(ValueError, match="0 rows"):
        scored(nothing, task, labels[:0])
