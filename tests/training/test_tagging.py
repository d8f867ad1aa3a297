"""Taggers of three kinds train, save, go on bit for bit, are reloaded and predict; batches; stored blocks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.artifacts.model import SavedModel, load_model, save_model
from crosstune.core.clock import Budget
from crosstune.core.interruption import Interrupted
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.token_classification import TokenClassification
from crosstune.training.result import TrainResult
from crosstune.training.run import train
from tests.support.tagging import FAMILIES, TAGS, Family, open_tagger, tagged_items, tiny_tagger_dir
from tests.training.small import plain
from tests.training.test_speech import Ends, distance, weights

TRAIN, VALIDATION = tagged_items(24), tagged_items(10, seed=1)
TASK = TokenClassification.from_targets(TRAIN.targets())
STILL: dict[str, Any] = {"epochs": 1, "optimizer": "sgd", "lr": 0.1, "momentum": 0.0, "dropout": False}


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_tagger_dir(tmp_path_factory.mktemp("tiny") / request.param, request.param)


def trained(
    folder: Path, work: Path, *, resume: bool = False, reporter: Any = None, dropout: bool = True,
    **values: Any,
) -> tuple[Backbone, TrainResult]:  # fmt: skip
    backbone = open_tagger(folder)
    for module in backbone.model.modules() if not dropout else ():  # it is drawn for each micro-batch
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    settings = plain(**{"strategy": "full", "lr": 1e-3, "epochs": 2, "batch_size": 8, "engine": "torch",
                        "checkpoint_every": 0.0, **values})  # fmt: skip
    result = train(
        backbone, TASK, TRAIN, VALIDATION, settings, budget=Budget(), work=work,
        reporter=reporter or Silent(), resume=resume,
    )  # fmt: skip
    return backbone, result


@pytest.mark.filterwarnings("ignore:Tokenizer does not support real words")  # of the pipeline, on bytes
def test_it_goes_on_bit_for_bit_and_is_reloaded(folder: Path, tmp_path: Path) -> None:
    from transformers import pipeline

    assert TASK.tags == TAGS
    start = weights(open_tagger(folder))
    whole, one = trained(folder, tmp_path / "whole")
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(4))
    again, two = trained(folder, tmp_path / "broken", resume=True)
    assert one.steps == two.steps == 6
    assert [row["f1"] for row in one.history] == [row["f1"] for row in two.history]
    found = weights(whole)
    assert distance(found, start) > 0
    for name, tensor in weights(again).items():
        assert torch.equal(tensor, found[name]), name
    save_model(SavedModel(backbone=whole, task=TASK), tmp_path / "model")
    saved, ours = load_model(tmp_path / "model"), SavedModel(backbone=again, task=TASK)
    with torch.no_grad():
        logits = [
            one.backbone.logits(one.backbone.model(**one.backbone.preprocessing(VALIDATION.raw)))
            for one in (saved, ours)
        ]
    torch.testing.assert_close(*logits, atol=1e-6, rtol=0)
    rows = saved.predict(VALIDATION, engine="torch")
    assert rows == ours.predict(VALIDATION, engine="torch")
    assert [len(row["tags"]) for row in rows] == [len(tags) for tags in VALIDATION.targets()]
    tag = pipeline(TASK.name, model=str(tmp_path / "model"), aggregation_strategy="first")
    for text, row in zip(VALIDATION.raw, rows, strict=True):  # no sign touches a word in them
        theirs = [
            (text[one["start"] : one["end"]].strip(), one["entity_group"], one["end"]) for one in tag(text)
        ]
        assert [(one["text"], one["label"], one["end"]) for one in row["entities"]] == theirs


def test_micro_batches_of_uneven_word_counts_change_nothing(folder: Path, tmp_path: Path) -> None:
    counts = [len(tags) for tags in TRAIN.targets()]
    assert min(counts) < max(counts) / 2
    runs = [trained(folder, tmp_path / str(size), micro_batch=size, **STILL)[0] for size in (8, 2, 1)]
    found = [weights(one) for one in runs]
    moved = distance(found[0], weights(open_tagger(folder)))
    assert moved > 0
    assert max(distance(found[0], other) for other in found[1:]) < 1e-4 * moved


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_a_suffix_on_stored_activations_gives_the_same_weights(family: Family, tmp_path: Path) -> None:
    """DeBERTa is not among them: all its blocks read what the stem makes, so nothing can be cut there."""
    folder = tiny_tagger_dir(tmp_path / "model", family)
    settings = {"strategy": "last", "last_blocks": 2, **STILL}
    cached, one = trained(folder, tmp_path / "cached", cache="on", **settings)
    plainly, two = trained(folder, tmp_path / "plain", cache="off", **settings)
    assert one.cached
    assert not two.cached
    start, found = weights(open_tagger(folder)), weights(plainly)
    still = [name for name, tensor in found.items() if torch.equal(tensor, start[name])]
    assert any("embeddings" in name for name in still)
    assert distance(found, start) > 0
    assert distance(found, weights(cached)) < 1e-4 * distance(found, start)
    np.testing.assert_allclose([row["f1"] for row in one.history], [row["f1"] for row in two.history])
