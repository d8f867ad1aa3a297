"""Saved models: what is reloaded predicts what was saved, in both forms, and damage is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from crosstune.artifacts.errors import NotAModel
from crosstune.artifacts.fresh import load_items, save_items
from crosstune.artifacts.model import (
    SavedModel,
    head_features,
    load_model,
    needed_head,
    put_head,
    save_model,
)
from crosstune.core.errors import BadValue, DoesNotApply
from crosstune.core.head import HeadWeights
from crosstune.data.read import read
from crosstune.frozen.passes import frozen_pass
from crosstune.tasks.registry import make_task
from tests.support.sets import write_texts
from tests.support.tiny import MemoryItems, random_images, random_texts, tiny_backbone

KINDS = ("bert", "vit", "efficientnet")


def a_head(features: str, width: int, outputs: int) -> HeadWeights:
    draw = np.random.default_rng(0)
    weight, bias = draw.normal(size=(outputs, width)), draw.normal(size=outputs)
    return HeadWeights(features=features, kind="ridge", weight=weight, bias=bias, penalty=1.0)


def a_model(kind: str, tmp_path: Path, features: str) -> tuple[SavedModel, MemoryItems]:
    text = kind == "bert"
    task = make_task(
        "text-regression" if text else "image-classification", [1.0, 4.0, 2.5] if text else list("abc")
    )
    backbone = tiny_backbone(kind, task.outputs, tmp_path, task=task.name)
    items = MemoryItems(random_texts(9) if text else random_images(9))
    width = backbone.head_module().in_features
    if features == "all":
        width = sum(backbone.pooled_widths)
    head = a_head(features, width, task.outputs)
    if features == "head":
        put_head(backbone, head)
        return SavedModel(backbone=backbone, task=task), items
    return SavedModel(backbone=backbone, task=task, head=head), items


def test_only_what_writes_texts_searches_for_them(tmp_path: Path) -> None:
    model, _ = a_model("bert", tmp_path, "head")
    assert model.with_beams(1) is model
    with pytest.raises(DoesNotApply, match="beams=4 with a model for text-regression"):
        model.with_beams(4)
    with pytest.raises(BadValue, match="from 1 on"):
        model.with_beams(0)


@pytest.mark.parametrize("features", ["head", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_reloaded_model_gives_the_same_outputs(kind: str, features: str, tmp_path: Path) -> None:
    model, items = a_model(kind, tmp_path, features)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    expected = model.outputs(items, engine="torch")
    assert np.allclose(again.outputs(items, engine="torch"), expected, atol=1e-4 * np.abs(expected).max())
    assert [set(row) for row in again.predict(items, engine="torch")] == [
        set(row) for row in model.task.decode(expected)
    ]


def test_a_head_without_an_intercept_is_saved_natively_where_nothing_is_shifted(tmp_path: Path) -> None:
    task = make_task("text-classification", list("abc"))
    backbone = tiny_backbone("llama", task.outputs, tmp_path, task=task.name)
    assert not backbone.has_intercept
    assert needed_head(backbone, task) is None
    with pytest.raises(ValueError, match="no intercept"):
        put_head(backbone, a_head("head", 32, 3))
    model, items = SavedModel(backbone=backbone, task=task), MemoryItems(random_texts(7))
    save_model(model, tmp_path / "model")
    expected = model.outputs(items, engine="torch")
    assert np.allclose(load_model(tmp_path / "model").outputs(items, engine="torch"), expected, atol=1e-5)


def test_a_trained_head_without_an_intercept_is_shipped_beside_the_body_where_targets_have_a_mean(
    tmp_path: Path,
) -> None:
    task = make_task("text-regression", [11.0, 14.0, 12.5])
    backbone = tiny_backbone("llama", task.outputs, tmp_path, task=task.name)
    items = MemoryItems(random_texts(7))
    native = SavedModel(backbone=backbone, task=task)
    with pytest.raises(ValueError, match="no intercept"):
        save_model(native, tmp_path / "wrong")
    model = SavedModel(backbone=backbone, task=task, head=needed_head(backbone, task))
    outputs = model.outputs(items, engine="torch")
    assert np.allclose(outputs, native.outputs(items, engine="torch"), atol=1e-5)
    save_model(model, tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert np.allclose(again.outputs(items, engine="torch"), outputs, atol=1e-5)
    values = [row["value"] for row in again.predict(items, engine="torch")]
    assert np.allclose(values, task.affine()[0] * outputs[:, 0] + task.affine()[1], atol=1e-4)


def test_saving_leaves_the_model_in_memory_as_it_was(tmp_path: Path) -> None:
    model, _ = a_model("bert", tmp_path, "head")
    before = model.backbone.head_module().weight.detach().clone()
    save_model(model, tmp_path / "model")
    assert (model.backbone.head_module().weight == before).all()


def test_a_head_reads_what_it_names(tmp_path: Path) -> None:
    model, items = a_model("bert", tmp_path, "all")
    features = frozen_pass(model.backbone, items, engine="torch", exact=True)
    assert head_features(features, "all").shape[1] == sum(model.backbone.pooled_widths)
    assert (head_features(features, "last") == features.blocks[-1]).all()
    assert (head_features(features, "head") == features.head_input).all()


def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(NotAModel, match=r"crosstune-model\.json"):
        load_model(tmp_path)
    model, _ = a_model("bert", tmp_path, "all")
    save_model(model, tmp_path / "model")
    (tmp_path / "model" / "head.safetensors").unlink()
    with pytest.raises(NotAModel, match=r"head\.safetensors"):
        load_model(tmp_path / "model")
    manifest = tmp_path / "model" / "crosstune-model.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(NotAModel, match="found 99"):
        load_model(tmp_path / "model")


def test_a_head_with_numbers_that_are_not_finite_is_refused(tmp_path: Path) -> None:
    model, _ = a_model("bert", tmp_path, "all")
    assert model.head is not None
    model.head.weight[0, 0] = np.nan
    save_model(model, tmp_path / "model")
    with pytest.raises(NotAModel, match="finite"):
        load_model(tmp_path / "model")


def test_items_travel_to_another_process_unchanged(tmp_path: Path) -> None:
    data = read(write_texts(tmp_path / "texts.csv", 20))
    items = data.items(next(iter(data.splits)))
    save_items(items, tmp_path / "rows")
    again = load_items(tmp_path / "rows")
    assert again.batch(range(20)) == items.batch(range(20))
    assert again.digest == items.digest
