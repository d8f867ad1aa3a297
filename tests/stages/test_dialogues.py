"""Conversations by the template of an opened model: rows set aside, rows that are several sequences."""

from pathlib import Path
from typing import Any

import pytest

from crosstune.core.conversation import Conversation
from crosstune.core.conversation_text import to_text
from crosstune.data.check import CheckReport
from crosstune.data.conversations.labelled import CONVERSATION, PROMPT, table_of
from crosstune.data.items import SplitItems
from crosstune.data.labelled import LabelledData
from crosstune.options import FitOptions
from crosstune.planning.facts import DataFacts, ModelFacts
from crosstune.stages.dialogues import apart, with_dialogue
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.text_generation import TextGeneration
from tests.support.chats import FORGETFUL, chat_tokenizer, dialogue_of, open_writer, talk, tiny_writer_dir

LONG, TURNS = talk("hi", "x" * 90), talk("a", "b=c", "d", "e=f", "g", "h")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("tiny") / "llama", chat_tokenizer(FORGETFUL))


def test_a_conversation_of_several_sequences_comes_apart(folder: Path) -> None:
    dialogue = dialogue_of(open_writer(folder))
    whole = dialogue.examples(TURNS)
    assert len(whole) > 1
    parts = [dialogue.examples(one) for one in apart(TURNS, dialogue)]
    assert [one for part in parts for one in part] == list(whole)


def test_a_conversation_of_one_sequence_stays_whole(folder: Path) -> None:
    plain = talk("a", "b", "c", "d")
    assert apart(plain, dialogue_of(open_writer(folder))) == [plain]


def prepared_of(**splits: list[Conversation]) -> Prepared:
    task = TextGeneration()
    tables = {split: table_of((f"{split}:{row}", one, None) for row, one in enumerate(conversations))
              for split, conversations in splits.items()}  # fmt: skip
    items = {split: SplitItems(dataset=table, inputs=(PROMPT,), target=CONVERSATION, modality="text")
             for split, table in tables.items()}  # fmt: skip
    data = LabelledData(source="here", splits=tables, inputs=(PROMPT,), target=CONVERSATION, modality="text")
    report = CheckReport(data=data, task=task.name, findings=(), bad=(), digests={}, alike={}, facts={},
                         class_counts={})  # fmt: skip
    facts = DataFacts(
        task=task.name, modality="text", train_rows=len(tables["train"]), validation_rows=1, test_rows=1,
        outputs=1, imbalance=1.0, median_side=None, long_text=None, domains=None, closed_form=False,
    )  # fmt: skip
    encoded = {split: task.encode(one.targets()) for split, one in items.items()}
    return Prepared(data=data, report=report, task=task, items=items, encoded=encoded, facts=facts)


def test_rows_are_set_aside_and_others_become_several(folder: Path, tmp_path: Path) -> None:
    from crosstune.core.clock import Budget
    from crosstune.core.plan import Plan
    from crosstune.core.progress import Silent
    from crosstune.core.run_dir import RunDir

    backbone = open_writer(folder)
    facts = ModelFacts(
        name="tiny", width=32, shares=(1.0,), convolutional=False, pretrained=True, pass_seconds=1.0
    )
    opened = Opened(backbone=backbone, plan=Plan(()), facts=facts)
    said: list[str] = []

    class Told(Silent):
        def warn(self, text: str) -> None:
            said.append(text)

    options: Any = FitOptions(data="here", out=tmp_path, max_bad=0.5)
    run = Run(options, RunDir(tmp_path), Budget(), Told())
    good = [talk(f"number {n}", str(n)) for n in range(6)]
    before = prepared_of(train=[*good, TURNS, LONG], validation=[good[0], LONG], test=[good[1], LONG])
    found = with_dialogue(run, before, opened)
    assert isinstance(found.task, TextGeneration)
    assert found.task.dialogue is backbone.dialogue
    assert {item.code for item in found.report.bad} == {"truncated-answer"}
    assert [len(found.items[split]) for split in ("train", "validation", "test")] == [9, 1, 2]
    texts = found.encoded["train"].tolist()
    assert texts == found.items["train"].targets()
    assert [to_text(one) for one in apart(TURNS, dialogue_of(backbone))] == [*texts[7:], texts[6]]
    assert found.items["train"].origins()[7:] == ["train:6, turn 2", "train:6, turn 4"]
    assert found.facts.train_rows == 9
    assert any("truncated-answer" in text for text in said)
