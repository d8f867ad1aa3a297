"""Words and pieces: which piece begins which word, logits by word, parts of long texts."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.targets import NO_WORD
from crosstune.core.words import marked, unmarked
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.registry import open_model
from crosstune.sources.tagger import BEGINS, WordPreprocessing, begins
from tests.support.tagging import FAMILIES, tiny_tagger_dir

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
TEXTS = ["the film.", marked("mary,byron!"), "alan was seen in oslo - rome", "\u00e9 \u200b the"]


@pytest.fixture(scope="module", params=FAMILIES)
def backbone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    folder = tiny_tagger_dir(tmp_path_factory.mktemp("models") / request.param, request.param)
    return open_model(str(folder), OpenOptions(task="token-classification", outputs=5, symbols=TAGS))


def test_each_word_has_the_logits_of_its_first_piece(backbone: Backbone) -> None:
    with torch.no_grad():
        found = backbone.logits(backbone.model(**backbone.preprocessing(TEXTS)))
        tokenizer = backbone.preprocessing.tokenizer  # type: ignore[attr-defined]
        for row, text in enumerate(TEXTS):
            encoded = tokenizer(unmarked(text), return_tensors="pt", return_offsets_mapping=True)
            offsets = encoded.pop("offset_mapping")[0].tolist()
            alone = backbone.model.inner(**encoded).logits[0]  # type: ignore[operator,union-attr]
            place = 0
            for number, word in enumerate(text.split()):
                place = unmarked(text).index(word, place)
                first = [i for i, (_, end) in enumerate(offsets) if end > place and offsets[i][0] < end]
                covers = offsets[first[0]][0] < place + len(word) if first else False
                if covers:
                    torch.testing.assert_close(found[row, number], alone[first[0]], atol=1e-5, rtol=1e-4)
                place += len(word)
            assert bool((found[row, len(text.split()) :] == NO_WORD).all())
            assert bool((found[row, : len(text.split())] > NO_WORD / 2).all())


def test_batches_are_as_wide_as_the_pieces(backbone: Backbone) -> None:
    batch = backbone.preprocessing(TEXTS)
    assert batch[BEGINS].shape == batch["input_ids"].shape
    assert batch[BEGINS].sum(dim=1).tolist() == [len(text.split()) for text in TEXTS]
    assert backbone.preprocessing.lengths(TEXTS) == batch["attention_mask"].sum(dim=1).tolist()


def test_words_that_the_tokenizer_joins_drops_or_cuts_off() -> None:
    assert begins("a b", [(0, 0), (0, 3), (0, 0)], [1, 0, 1]) == [0, 2, 0]  # one piece for both
    assert begins("a x b", [(0, 0), (0, 1), (4, 5), (0, 0)], [1, 0, 0, 1]) == [0, 2, 1, 0]
    assert begins("ab cd", [(0, 1), (1, 2), (3, 4), (4, 5)], [0] * 4) == [1, 0, 1, 0]
    assert begins("a b c", [(0, 0), (0, 1), (0, 0)], [1, 0, 1]) == [0, 3, 0]


@given(st.lists(st.sampled_from(["the", "mary", "x" * 30, "."]), min_size=1, max_size=60), st.booleans())
def test_parts_fit_and_cover_every_word(words: list[str], again: bool) -> None:
    preprocessing = _shared()
    text = " ".join(words)
    cuts = preprocessing.windows(text, 0.25 if again else 0.0)
    assert (cuts[0][0], cuts[-1][1]) == (0, len(words))
    for (start, end), (later, further) in pairwise(cuts):
        assert start < later <= end < further
        assert again or later == end
    parts = [" ".join(words[start:end]) for start, end in cuts]
    assert max(len(ids) for ids in preprocessing.tokenizer(parts)["input_ids"]) <= preprocessing.max_length


_HELD: list[WordPreprocessing] = []


def _shared() -> WordPreprocessing:
    from tests.support.tagging import _pieces

    if not _HELD:
        _HELD.append(WordPreprocessing(_pieces(), 40))
    return _HELD[0]


def test_a_cut_and_a_reloaded_model_give_the_same_logits(backbone: Backbone, tmp_path: Path) -> None:
    from crosstune.frozen.cut import check_cut
    from crosstune.sources.saved import open_saved

    batch = backbone.preprocessing(TEXTS)
    cuts = [number for number, block in enumerate(backbone.blocks, start=1) if block.cut]
    for cut in cuts:
        check_cut(backbone, cut, batch)
    labels = dict(enumerate(TAGS))
    backbone.save(tmp_path / "model", {"id2label": labels, "label2id": {}, "problem_type": None})
    again = open_saved(tmp_path / "model")
    assert again.head_trained
    with torch.no_grad():
        ours, theirs = (one.logits(one.model(**one.preprocessing(TEXTS))) for one in (backbone, again))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_a_head_for_the_same_tags_is_kept_in_their_order(tmp_path: Path) -> None:
    other = ("I-LOC", "O", "B-PER", "B-LOC", "I-PER")
    folder = tiny_tagger_dir(tmp_path / "model", tags=other)
    options = OpenOptions(task="token-classification", outputs=5, symbols=TAGS)
    kept, plain = open_model(str(folder), options), tiny_model(folder)
    assert kept.head_trained
    order = [other.index(tag) for tag in TAGS]
    assert torch.equal(kept.head_module().weight, plain.classifier.weight[order])
    new = open_model(str(folder), OpenOptions(task=options.task, outputs=3, symbols=("O", "B-X", "I-X")))
    assert not new.head_trained
    assert any("the head is new" in note for note in new.notes)


def test_simple_aggregation_breaks_words_of_several_pieces_and_first_does_not(tmp_path: Path) -> None:
    """Every piece says ``B-PER``: one entity for each word is right."""
    from transformers import pipeline

    folder = tiny_tagger_dir(tmp_path / "model", tags=TAGS)
    model = tiny_model(folder)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.eye(len(TAGS))[TAGS.index("B-PER")])
    model.save_pretrained(folder)
    found = {
        (strategy, text): [(one["start"], one["end"]) for one in tag(text)]
        for strategy in ("first", "simple")
        for tag in [pipeline("token-classification", model=str(folder), aggregation_strategy=strategy)]
        for text in ("ada, london", "ada mary", "a_b")
    }
    assert found["first", "ada, london"] == found["simple", "ada, london"] == [(0, 3), (3, 4), (5, 11)]
    assert found["first", "ada mary"] == [(0, 3), (4, 8)]
    assert found["simple", "ada mary"] == [(0, 3), (4, 5), (5, 6), (6, 7), (7, 8)]
    assert found["first", "a_b"] == [(0, 1), (1, 2), (2, 3)]  # as the guide says: one word for us
    assert marked("a_b").split() == ["a_b"]


def tiny_model(folder: Path) -> Any:
    from transformers import AutoModelForTokenClassification

    return AutoModelForTokenClassification.from_pretrained(folder)
