"""Talking to a saved model: every answer is that of transformers and of predict to the same messages."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from crosstune import pipeline
from crosstune.artifacts.model import SavedModel, save_model
from crosstune.cli.console import harmless
from crosstune.cli.main import app
from crosstune.core.conversation import USER, Message
from crosstune.core.errors import DoesNotApply
from crosstune.sources.errors import ConversationRefused
from crosstune.sources.writer import Writer
from crosstune.stages.chat import open_chat
from crosstune.tasks.registry import make_task
from crosstune.tasks.text_generation import TextGeneration
from tests.support.chats import CHATML, chat_tokenizer, dialogue_of, open_writer, tiny_writer_dir
from tests.support.tiny import tiny_backbone

Said = list[dict[str, str]]


def saved(folder: Path, template: str = CHATML, **config: Any) -> Path:
    """Save a model with random weights, which answers something of its own to everything."""
    backbone = open_writer(tiny_writer_dir(folder / "llama", chat_tokenizer(template), **config))
    assert isinstance(backbone.model, Writer)
    backbone.model.write_at_most(6)
    save_model(SavedModel(backbone=backbone, task=TextGeneration.of(dialogue_of(backbone))), folder / "model")
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("run"))


def by_transformers(run: Path, said: Said) -> str:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    model: Any = AutoModelForCausalLM.from_pretrained(run / "model")
    batch = tokenizer.apply_chat_template(
        said, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    written = model.generate(**batch)[0, batch["input_ids"].shape[1] :]
    return str(tokenizer.decode(written, skip_special_tokens=True))


def test_the_first_answer_is_that_of_predict(run: Path) -> None:
    (row,) = pipeline.predict(run, ["hello"])
    reply = open_chat(run).answer("hello")
    assert (reply.text, reply.problem) == (row["text"], "")
    assert reply.text


@pytest.mark.parametrize("system", [None, "be short"])
def test_every_answer_is_that_to_the_whole_conversation(run: Path, system: str | None) -> None:
    chat = open_chat(run, system)
    said: Said = [{"role": "system", "content": system}] if system else []
    for text in ("hi", "so"):
        said.append({"role": "user", "content": text})
        answer = chat.answer(text).text
        assert answer == by_transformers(run, said)
        said.append({"role": "assistant", "content": answer})
    assert answer != open_chat(run, system).answer("so").text
    chat.begin_again()
    assert chat.answer("so").text == open_chat(run, system).answer("so").text
    if system:
        assert chat.answer("hi").text != open_chat(run).answer("hi").text


def test_a_blank_system_says_nothing(run: Path) -> None:
    assert open_chat(run, "  ").answer("hi").text == open_chat(run).answer("hi").text


def test_what_the_model_could_not_read_as_a_whole_is_not_asked(run: Path) -> None:
    chat = open_chat(run)
    longest = chat.dialogue.longest
    reply = chat.answer("x" * longest)
    assert not reply.text
    assert "say it in fewer words" in reply.problem
    assert chat.answer("hi").text
    before = list(chat.said)
    reply = chat.answer("x" * (longest - 30))
    assert "with this message the conversation has " in reply.problem
    assert reply.problem.endswith(f"and the model reads {longest - 1}: /new begins another one")
    assert chat.said == before
    chat.begin_again()
    assert not chat.answer("x" * (longest - 40)).problem


def test_the_longest_message_that_is_read_is_asked_in_whole(run: Path) -> None:
    chat = open_chat(run)
    room = chat.dialogue.longest - 1 - len(chat.dialogue.whole_prompt(chat._with(_user(""))))
    assert chat.answer("x" * (room + 1)).problem
    assert not chat.answer("x" * room).problem


def _user(text: str) -> Message:
    return Message(USER, text)


def test_a_template_that_takes_no_system_says_so_at_once(tmp_path: Path) -> None:
    strict = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}" + CHATML
    folder = saved(tmp_path, strict)
    assert open_chat(folder).answer("hi").text is not None
    with pytest.raises(ConversationRefused, match="no system"):
        open_chat(folder, "be short")


def test_a_run_of_another_task_is_an_error(tmp_path: Path) -> None:
    task = make_task("text-classification", list("ab"))
    backbone = tiny_backbone("bert", task.outputs, tmp_path, task=task.name)
    save_model(SavedModel(backbone=backbone, task=task), tmp_path / "model")
    with pytest.raises(DoesNotApply, match="a run of the task text-classification") as caught:
        open_chat(tmp_path)
    assert caught.value.code == "does-not-apply"


def test_through_the_command_line(run: Path) -> None:
    done = CliRunner().invoke(app, ["chat", str(run)], input="hi\nso\n/new\nso\n")
    chat = open_chat(run)
    expected = [chat.answer("hi").text, chat.answer("so").text, open_chat(run).answer("so").text]
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [harmless(text.replace("\n", "\\n")) for text in expected]
