"""A model that answers, from rows of conversations to a report, a folder and its answers."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import crosstune
from crosstune.artifacts.errors import NotAModel
from crosstune.core.errors import DoesNotApply
from tests.support.chats import LETTERS_ASKED, tiny_writer_dir

TASK = "text-generation"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("model") / "llama")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 60 questions for capitals, one row without an answer, and one too long to be read."""
    path = tmp_path_factory.mktemp("data") / "rows.jsonl"
    splits = ["train"] * 40 + ["validation"] * 8 + ["test"] * 12
    table: list[dict[str, Any]] = [
        {
            "prompt": f"say {LETTERS_ASKED[n % 4]} {n}",
            "completion": LETTERS_ASKED[n % 4].upper(),
            "split": split,
        }
        for n, split in enumerate(splits)
    ]
    table.append({"prompt": "say nothing", "completion": " ", "split": "train"})
    table.append({"prompt": "say much", "completion": "x" * 200, "split": "train"})
    path.write_text("".join(f"{json.dumps(row)}\n" for row in table), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def run(rows: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    crosstune.fit(
        rows, task=TASK, model=str(model), out=out, budget="none", trials=0, epochs=12.0, lr=3e-3,
        batch_size=8, strategy="full", max_bad=0.2, engine="torch",
    )  # fmt: skip
    return out


def test_it_has_learnt_and_the_figures_are_those_of_the_predictions(run: Path) -> None:
    found = json.loads((run / "metrics.json").read_text())
    assert (found["task"], found["primary_metric"]) == (TASK, "token-loss")
    table = pd.read_parquet(run / "predictions.parquet")
    hits = (table["text"] == table["target"]).mean()
    assert found["test"]["exact-match"]["value"] == pytest.approx(hits)
    assert hits == 1.0
    untuned = found["baselines"]["pretrained model, not tuned"]
    assert untuned["token-loss"]["value"] > 2 * found["test"]["token-loss"]["value"]
    assert untuned["exact-match"]["value"] < 0.5


def test_rows_that_cannot_be_learnt_are_set_aside_and_named(run: Path) -> None:
    bad = pd.read_csv(run / "bad_items.csv")
    found = dict(zip(bad["code"], bad["split"], strict=True))
    assert found == {"empty-answer": "train", "truncated-answer": "train"}
    assert "truncated-answer" in (run / "report.html").read_text()


def test_predict_and_transformers_answer_the_same(run: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    asked = [f"say {letter} 99" for letter in LETTERS_ASKED]
    path = tmp_path / "asked.jsonl"
    path.write_text("".join(f"{json.dumps({'prompt': one})}\n" for one in asked), encoding="utf-8")
    ours = [row["text"] for row in crosstune.predict(run, asked)]
    assert ours == [row["text"] for row in crosstune.predict(run, [str(path)])]
    assert ours == ["A", "B", "C", "D"]
    tokenizer = AutoTokenizer.from_pretrained(run / "model")
    theirs: Any = AutoModelForCausalLM.from_pretrained(run / "model")
    for question, answer in zip(asked, ours, strict=True):
        batch = tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], add_generation_prompt=True, return_tensors="pt",
            return_dict=True,
        )  # fmt: skip
        written = theirs.generate(**batch)[0, batch["input_ids"].shape[1] :]
        assert tokenizer.decode(written, skip_special_tokens=True) == answer


def test_the_figures_of_a_saved_run_come_again(run: Path, rows: Path) -> None:
    again = crosstune.evaluate(run, rows, max_bad=0.2)
    first = json.loads((run / "metrics.json").read_text())["test"]
    for name, metric in again.items():
        assert metric.value == pytest.approx(first[name]["value"], rel=1e-4), name


def test_another_template_than_that_of_training_is_refused(run: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(run / "model", copy)
    place = copy / "chat_template.jinja"
    place.write_text(place.read_text() + " ")
    with pytest.raises(NotAModel, match="template"):
        crosstune.load(copy)


def test_columns_are_not_named(rows: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(DoesNotApply, match="target=completion"):
        crosstune.fit(rows, task=TASK, target="completion", model=str(model), out=tmp_path / "run")
