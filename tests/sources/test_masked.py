"""The head of a masked language model: the checkpoint's own or a new, tied one, on the backbone's body."""

from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune.core.errors import DoesNotApply
from crosstune.sources.base import OpenOptions
from crosstune.sources.masked import masked_model, require_masked
from crosstune.sources.registry import open_model
from tests.support.tiny import random_texts, tiny_backbone, tiny_bert_dir

OPTIONS = OpenOptions(task="text-classification", outputs=2)


def test_a_new_head_is_tied_to_the_embeddings_of_the_body(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    body: Any = backbone.model
    made = masked_model(backbone, seed=0)
    assert made.model.base_model is body.base_model
    table = body.get_input_embeddings().weight
    decoder = made.model.get_output_embeddings().weight
    assert made.tied
    assert decoder.data_ptr() == table.data_ptr()
    with torch.no_grad():
        table[5, 3] = 42.0
    assert decoder[5, 3] == 42.0
    assert "cls.predictions.transform.dense.weight" in made.new
    assert set(made.new) == set(made.head_names())
    assert not any("decoder.weight" in name for name in made.new)
    again = masked_model(backbone, seed=0).model.cls.predictions.transform.dense.weight
    assert torch.equal(again, made.model.cls.predictions.transform.dense.weight)
    other = masked_model(backbone, seed=1).model.cls.predictions.transform.dense.weight
    assert not torch.equal(again, other)


def test_the_checkpoints_own_head_is_taken(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForMaskedLM

    folder = tiny_bert_dir(tmp_path / "bert")
    config = BertConfig.from_pretrained(folder)
    config.architectures = None
    own = BertForMaskedLM(config)
    own.save_pretrained(folder)
    made = masked_model(open_model(str(folder), OPTIONS), seed=0)
    assert made.new == ()
    for name, value in own.state_dict().items():
        assert torch.equal(made.model.state_dict()[name], value), name


def test_logits_of_chosen_tokens_are_those_of_the_whole_model(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    made = masked_model(backbone, seed=0)
    batch = backbone.preprocessing(random_texts(3))
    chosen = torch.zeros(batch["input_ids"].shape, dtype=torch.bool)
    chosen[0, 2] = chosen[2, 1] = chosen[2, 3] = True
    whole = made.model(**batch).logits
    torch.testing.assert_close(made.logits(batch, chosen), whole[chosen])
    torch.testing.assert_close(made.model(**batch).logits, whole)  # the hook is gone


@pytest.mark.parametrize(
    ("kind", "words"),
    [("llama", "model type `llama`"), ("vit", "reads images"), ("bert-patches", "reads images")],
)
def test_what_cannot_name_tokens_is_refused(kind: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(DoesNotApply, match=words):
        require_masked(tiny_backbone(kind, 2, tmp_path))


def test_a_tokenizer_without_a_mask_token_is_refused(tmp_path: Path) -> None:
    backbone = tiny_backbone("bert", 2, tmp_path)
    backbone.preprocessing.tokenizer.mask_token = None  # type: ignore[attr-defined]
    with pytest.raises(DoesNotApply, match="without a mask token"):
        require_masked(backbone)
