"""The classifier that a model came with survives the new head, and answers as the model did."""

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification

from crosstune.frozen.direct import head_inputs
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from crosstune.sources.source_head import SourceHead, head_of, stored_head
from tests.support.tiny import MemoryItems, random_texts, tiny_backbone, tiny_bert_dir


def test_logits_are_those_of_the_model_before_its_head_was_replaced(tmp_path: Path) -> None:
    folder = tiny_bert_dir(tmp_path / "bert")
    backbone = open_model(str(folder), OpenOptions(task="text-classification", outputs=5))
    assert backbone.head_module().out_features == 5
    source = backbone.source_head
    assert source is not None
    texts = random_texts(4)
    original = BertForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        expected = original(**backbone.preprocessing(texts)).logits.numpy()
    found = source.logits(head_inputs(backbone, MemoryItems(texts)))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert source.classes == 2


def test_a_head_of_as_many_classes_is_kept_too(tmp_path: Path) -> None:
    folder = tiny_bert_dir(tmp_path / "bert")
    backbone = open_model(str(folder), OpenOptions(task="text-classification", outputs=2))
    original = BertForSequenceClassification.from_pretrained(folder)
    assert backbone.source_head is not None
    np.testing.assert_array_equal(backbone.source_head.weight, original.classifier.weight.detach().numpy())
    assert not np.array_equal(backbone.head_module().weight.detach().numpy(), backbone.source_head.weight)


def test_random_weights_have_none(tmp_path: Path) -> None:
    assert tiny_backbone("efficientnet", 3, tmp_path).source_head is None


def test_values_labels_and_missing_files_have_none(tmp_path: Path) -> None:
    folder = tiny_bert_dir(tmp_path / "bert")
    assert stored_head(folder, "classifier", 32, {"problem_type": None}) is not None
    assert stored_head(folder, "classifier", 32, {"problem_type": "regression"}) is None
    assert stored_head(folder, "classifier", 31, {}) is None
    assert stored_head(folder, "score", 32, {}) is None
    assert stored_head(tmp_path, "classifier", 32, {}) is None
    assert head_of(torch.nn.Linear(3, 1)) is None
    assert head_of(torch.nn.Identity()) is None


def test_probabilities_sum_to_one_and_a_missing_intercept_is_zero() -> None:
    head = head_of(torch.nn.Linear(3, 4, bias=False))
    assert isinstance(head, SourceHead)
    assert not head.bias.any()
    rows = head.probabilities(np.array([[1000.0, 0.0, -2.0], [0.0, 0.0, 0.0]]))
    np.testing.assert_allclose(rows.sum(axis=1), 1.0)
    np.testing.assert_allclose(rows[1], 0.25)


@pytest.mark.real
def test_the_thousand_classes_of_imagenet_are_there() -> None:
    options = OpenOptions(task="image-classification", outputs=3, image_size=32)
    head = open_model("package:efficientnet-lite0", options).source_head
    assert head is not None
    assert head.weight.shape == (1000, 1280)
    assert head.weight.std() > 0.01
