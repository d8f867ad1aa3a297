"""Masking: BERT's shares over many draws, nothing special hidden, and draws that belong to the example."""

import pytest
import torch

from crosstune.sources.base import Backbone
from crosstune.training.masking import Masker
from tests.support.tiny import random_texts, tiny_backbone


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return tiny_backbone("bert", 2, tmp_path_factory.mktemp("mask"))


def masker(backbone: Backbone, share: float = 0.15, seed: int = 0) -> Masker:
    tool = backbone.preprocessing.tokenizer  # type: ignore[attr-defined]
    return Masker(tool, share, seed)


def test_the_shares_are_those_of_bert(backbone: Backbone) -> None:
    hide, batch = masker(backbone), backbone.preprocessing(random_texts(400))
    free = ~torch.isin(batch["input_ids"], torch.from_numpy(hide.special))
    hidden = kept = 0
    chosen = expected = 0
    for epoch in range(10):
        one = hide(batch, range(400), epoch=epoch)
        now = one.batch["input_ids"][one.chosen]
        chosen += len(one.labels)
        hidden += int((now == hide.tokenizer.mask_token_id).sum())
        kept += int((now == one.labels).sum())
        counts = free.sum(dim=1).tolist()
        assert one.chosen.sum(dim=1).tolist() == [max(1, round(0.15 * count)) for count in counts]
        expected += sum(max(1, round(0.15 * count)) for count in counts)
    assert chosen == expected
    assert hidden / chosen == pytest.approx(0.8, abs=0.02)
    words = len(hide.ordinary)  # a random token is by chance the true one
    assert kept / chosen == pytest.approx(0.1 + 0.1 / words, abs=0.015)


def test_only_chosen_tokens_change_and_the_labels_are_what_they_were(backbone: Backbone) -> None:
    hide, batch = masker(backbone, 0.4), backbone.preprocessing(random_texts(50))
    before = batch["input_ids"].clone()
    one = hide(batch, range(50))
    assert torch.equal(batch["input_ids"], before)
    assert torch.equal(one.batch["input_ids"][~one.chosen], before[~one.chosen])
    assert torch.equal(one.labels, before[one.chosen])
    assert len(one.labels) == int(one.chosen.sum())
    assert one.batch["attention_mask"] is batch["attention_mask"]


def test_special_tokens_and_padding_are_never_hidden_and_never_put_in(backbone: Backbone) -> None:
    texts = ["good", "[MASK] ☃ a good day", *random_texts(99)]
    hide, batch = masker(backbone, 0.9), backbone.preprocessing(texts)
    special = torch.from_numpy(hide.special)
    untouchable = torch.isin(batch["input_ids"], special)
    assert untouchable[:, 0].all()  # [CLS]
    assert (batch["attention_mask"] == 0).any()  # there is padding to be spared
    for epoch in range(30):
        one = hide(batch, range(101), epoch=epoch)
        assert not (one.chosen & untouchable).any()
        put_in = one.batch["input_ids"][one.chosen]
        odd = torch.isin(put_in, special) & (put_in != hide.tokenizer.mask_token_id)
        assert not odd.any()


def test_what_is_drawn_belongs_to_seed_epoch_and_example(backbone: Backbone) -> None:
    texts = random_texts(20)
    hide, batch = masker(backbone), backbone.preprocessing(texts)
    one = hide(batch, range(20), epoch=3)
    alone = hide(backbone.preprocessing([texts[7]]), [7], epoch=3)  # other padding, no other rows
    width = alone.chosen.shape[1]
    assert torch.equal(one.chosen[7, :width], alone.chosen[0])
    assert torch.equal(one.batch["input_ids"][7, :width], alone.batch["input_ids"][0])
    for other in (hide(batch, range(20), epoch=4), masker(backbone, seed=1)(batch, range(20), epoch=3),
                  hide(batch, range(1, 21), epoch=3)):  # fmt: skip
        assert not torch.equal(one.chosen, other.chosen)


def test_a_text_without_ordinary_tokens_has_nothing_to_name(backbone: Backbone) -> None:
    one = masker(backbone)(backbone.preprocessing(["☃", "a good day"]), [0, 1])
    assert not one.chosen[0].any()
    assert len(one.labels) == 1
