"""Conversations from a file and a model in a folder: findings of both kinds, and the first rows marked."""

import json
from pathlib import Path

import pytest

from crosstune.core.errors import BadValue
from crosstune.stages.show_mask import show_mask
from tests.support.chats import chat_tokenizer, talking_folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(talking_folder(tmp_path_factory.mktemp("model")))


def written(path: Path, *pairs: tuple[str, str]) -> str:
    rows = [{"prompt": prompt, "completion": completion} for prompt, completion in pairs]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return str(path)


PAIRS = [(f"question {number}", "yes") for number in range(12)]


def test_the_first_rows_are_marked(tmp_path: Path, model: str) -> None:
    report = show_mask(written(tmp_path / "c.jsonl", *PAIRS), model)
    assert [row.origin for row in report.rows] == ["c.jsonl:1", "c.jsonl:2", "c.jsonl:3"]
    first = report.rows[0]
    assert first.pieces == (
        ("<|im_start|>user\nquestion 0<|im_end|>\n<|im_start|>assistant\n", False),
        ("yes<|im_end|>", True),
        ("\n", False),
    )
    assert (first.tokens, first.trained) == (34, 4)
    assert report.notes == (
        "read as prompt and completion (prompt, completion): the completion is learnt, and nothing else",
        f"written by the chat template of {model}; 48 of 410 tokens are trained",
    )
    assert (report.findings, report.bad) == ((), ())


def test_findings_of_the_rows_and_of_the_tokenizer_stand_together(tmp_path: Path, model: str) -> None:
    path = written(tmp_path / "c.jsonl", *PAIRS, ("q", ""), ("long " * 30, "yes"))
    report = show_mask(path, model)
    assert {one.code: (one.severity, one.items) for one in report.findings} == {
        "empty-answer": ("warning", ("c.jsonl:13",)),
        "truncated-answer": ("warning", ("c.jsonl:14",)),
    }
    assert [bad.origin for bad in report.bad] == ["c.jsonl:13"]
    strict = show_mask(path, model, strict=True, max_bad=0.0)
    assert [one.severity for one in strict.findings] == ["error"] * 3


def test_max_length_cuts_what_is_shown(tmp_path: Path, model: str) -> None:
    report = show_mask(written(tmp_path / "c.jsonl", *PAIRS), model, max_length=31)
    assert [row.trained for row in report.rows] == [2, 2, 2]
    assert [one.code for one in report.findings] == ["truncated-answer"]
    with pytest.raises(BadValue, match="1 to 100 tokens"):
        show_mask(written(tmp_path / "c.jsonl", *PAIRS), model, max_length=101)


def test_a_model_without_a_template_is_said(tmp_path: Path) -> None:
    folder = talking_folder(tmp_path / "model", chat_tokenizer(None, end="</s>"))
    report = show_mask(written(tmp_path / "c.jsonl", *PAIRS), str(folder))
    assert "a plain template" in report.notes[1]
    assert report.rows[0].pieces[1] == ("yes</s>", True)
