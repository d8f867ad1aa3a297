"""Language models that answer: what is opened, asked, written, saved, and loaded by transformers alone."""

from pathlib import Path
from typing import Any

import pytest
import torch

from crosstune.core.conversation import Conversation, Message
from crosstune.core.conversation_text import to_text
from crosstune.core.errors import BadValue
from crosstune.sources.base import Backbone
from crosstune.sources.errors import ConversationRefused, UnsupportedModel
from crosstune.sources.saved import open_saved
from crosstune.sources.writer import Writer
from tests.support.chats import (
    chat_tokenizer,
    dialogue_items,
    dialogue_of,
    open_writer,
    talk,
    tiny_writer_dir,
)
from tests.support.tiny import MemoryItems, tiny_bert_dir

ASKED = [Conversation((Message("user", text),)) for text in ("hi", "what is it?", "a")]
RAW = [to_text(one) for one in ASKED]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("tiny") / "llama")


def writer(backbone: Backbone, most: int = 6) -> Writer:
    assert isinstance(backbone.model, Writer)
    backbone.model.write_at_most(most)
    return backbone.model


def test_a_batch_gives_what_each_prompt_gives_alone(folder: Path) -> None:
    backbone = open_writer(folder)
    model, preprocessing = writer(backbone), backbone.preprocessing
    batch = preprocessing(RAW)
    assert batch["attention_mask"].sum(dim=1).tolist() == preprocessing.lengths(RAW)
    with torch.no_grad():
        together, written = model(**batch), model.write(**batch)
        for row, one in enumerate(RAW):
            alone = preprocessing([one])
            torch.testing.assert_close(together[row], model(**alone)[0], rtol=1e-4, atol=1e-5)
            again = model.write(**alone)[0]
            assert written[row, : len(again)].tolist() == again.tolist()


def test_places_are_those_of_the_whole_and_padding_has_none(folder: Path) -> None:
    backbone = open_writer(folder)
    model = writer(backbone)
    ids = torch.tensor([[5, 6, 7, 8, 9]])
    mask = torch.ones_like(ids)
    with torch.no_grad():
        whole = model.inner(input_ids=ids).logits
        torch.testing.assert_close(model(ids, mask, torch.tensor([[1, 3]])), whole[:, [1, 3]])
        torch.testing.assert_close(model(ids, mask), whole[:, -1:])
        padded = torch.tensor([[0, 0, 5, 6, 7, 8, 9]])
        marks = torch.tensor([[0, 0, 1, 1, 1, 1, 1]])
        torch.testing.assert_close(model(padded, marks), whole[:, -1:], rtol=1e-4, atol=1e-5)


def test_the_saved_folder_is_asked_and_answers_alike_without_us(folder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    backbone = open_writer(folder)
    model = writer(backbone)
    backbone.save(tmp_path / "saved", {"id2label": {}, "label2id": {}})
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "saved")
    theirs: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    for one, raw in zip(ASKED, RAW, strict=True):
        said = [{"role": "user", "content": one.messages[0].content}]
        batch = tokenizer.apply_chat_template(
            said, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        ours = backbone.preprocessing([raw])
        assert batch["input_ids"].tolist() == ours["input_ids"].tolist()
        written = theirs.generate(**batch)[0, batch["input_ids"].shape[1] :]
        assert written.tolist() == model.write(**ours)[0].long().tolist()


def test_a_saved_folder_is_opened_again_as_it_was(folder: Path, tmp_path: Path) -> None:
    backbone = open_writer(folder, max_length=40)
    writer(backbone, 5)
    backbone.save(tmp_path / "saved", {"id2label": {}, "label2id": {}})
    again = open_saved(tmp_path / "saved")
    one, other = dialogue_of(backbone), dialogue_of(again)
    assert (one.told, one.size, one.longest) == (other.told, other.size, other.longest)
    assert again.preprocessing.describe() == backbone.preprocessing.describe()
    assert writer(again).inner.generation_config.eos_token_id == sorted(one.chat.ends)
    for name, tensor in backbone.model.state_dict().items():
        assert torch.equal(tensor, again.model.state_dict()[name]), name
    third = open_writer(tmp_path / "saved")  # to be trained on
    assert third.head_trained


def test_a_model_without_a_template_is_saved_with_the_plain_one(tmp_path: Path) -> None:
    folder = tiny_writer_dir(tmp_path / "base", chat_tokenizer(None))
    backbone = open_writer(folder)
    assert any("no chat template" in note for note in backbone.notes)
    backbone.save(tmp_path / "saved", {"id2label": {}, "label2id": {}})
    again = open_saved(tmp_path / "saved")
    assert dialogue_of(again).told == dialogue_of(backbone).told
    assert dialogue_of(again).chat.own


def test_nothing_of_it_can_be_stored_and_every_parameter_is_in_a_block(folder: Path) -> None:
    backbone = open_writer(folder)
    assert len(backbone.blocks) == 4
    assert not any(block.cut for block in backbone.blocks)
    assert backbone.head == "inner.lm_head"
    assert backbone.head_rests


def test_texts_are_cut_at_the_front_of_prompts_and_the_end_of_conversations(folder: Path) -> None:
    dialogue = dialogue_of(open_writer(folder, max_length=20))
    long = talk("x" * 50, "y" * 50)
    whole = dialogue.chat.prompt(long.messages[:1])
    assert dialogue.prompt(Conversation(long.messages[:1])) == whole[-19:]
    assert len(dialogue.sequence(long)[0]) == 20


def test_what_stops_an_answer_is_not_part_of_it(folder: Path) -> None:
    dialogue = dialogue_of(open_writer(folder))
    ids = dialogue.chat.tokenizer("yes<|im_end|>no", add_special_tokens=False)["input_ids"]
    assert dialogue.decode(ids) == "yes"
    assert dialogue.decode(ids[:2]) == "ye"


def test_a_template_that_refuses_is_an_error_with_its_words(tmp_path: Path) -> None:
    refusing = chat_tokenizer("{{ raise_exception('only poems') }}")
    tiny_writer_dir(tmp_path / "model", refusing)
    with pytest.raises(ConversationRefused, match="only poems"):
        open_writer(tmp_path / "model")


@pytest.mark.parametrize("length", [1, 101])
def test_a_length_that_cannot_be_read_is_refused(folder: Path, length: int) -> None:
    with pytest.raises(BadValue, match="max_length"):
        open_writer(folder, max_length=length)


def test_an_encoder_does_not_answer(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedModel, match="does not write"):
        open_writer(tiny_bert_dir(tmp_path / "bert"))


def test_answers_are_scored_by_the_model_that_is_told_them(folder: Path) -> None:
    """Order, batches, and the loss of each row against the model's own, computed row by row."""
    from crosstune.artifacts.model import SavedModel
    from crosstune.tasks.text_generation import TextGeneration

    backbone = open_writer(folder)
    model = writer(backbone, 4)
    saved = SavedModel(backbone=backbone, task=TextGeneration.of(dialogue_of(backbone)))
    rows = [talk("hi", "hello you"), talk("a", "b", "c", "dd"), talk("what is it?", "no")]
    items = dialogue_items(rows)
    found = saved.outputs(items)
    unscored = saved.outputs(MemoryItems(items.raw))
    assert found[:, 0].tolist() == unscored[:, 0].tolist()
    assert unscored[:, 1].tolist() == ["nan"] * 3
    for row, one in enumerate(rows):
        ids, trained = dialogue_of(backbone).sequence(one)
        with torch.no_grad():
            chances = model.inner(input_ids=torch.tensor([ids])).logits[0].double().log_softmax(-1)
        loss = -sum(float(chances[place - 1, ids[place]]) for place, yes in enumerate(trained) if yes)
        assert float(found[row, 1]) == pytest.approx(loss, rel=1e-5)
        assert int(found[row, 2]) == sum(trained)
