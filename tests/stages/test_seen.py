"""Rows that are evaluated and were trained on, or that are there twice."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from safetensors.numpy import save_file

from crosstune.core.progress import Silent
from crosstune.core.run_dir import RunDir
from crosstune.data.items import SplitItems
from crosstune.stages.seen import between_rows, keep_seen, repeated_rows, seen_rows
from crosstune.tasks.registry import make_task


def items(texts: list[str], labels: list[Any] | None = None) -> SplitItems:
    dataset = Dataset.from_dict({"text": texts, "label": labels or ["a"] * len(texts)})
    return SplitItems(dataset=dataset, inputs=("text",), target="label", modality="text")


def test_what_was_trained_and_validated_on_is_known_again(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    fresh = items(["one", "two", "Two", "six", "four"])
    assert seen_rows(tmp_path, fresh) is None, "a run that keeps nothing knows nothing"
    keep_seen(
        folder, {"train": items(["two", "three"]), "validation": items(["four"]), "test": items(["one"])}
    )
    found = seen_rows(tmp_path, fresh)
    assert found is not None
    assert found.tolist() == [False, True, False, False, True]
    assert folder.seen.stat().st_size < 200


def test_a_damaged_table_says_nothing(tmp_path: Path) -> None:
    for content in (b"", b"\x80\x04 no safetensors", json.dumps({}).encode()):
        RunDir(tmp_path).seen.write_bytes(content)
        assert seen_rows(tmp_path, items(["one"])) is None
    save_file({"keys": np.zeros((2, 2), np.float32)}, RunDir(tmp_path).seen)
    assert seen_rows(tmp_path, items(["one"])) is None


def test_repetitions_and_contradictions_are_counted() -> None:
    assert repeated_rows(items(["x", "y", "x", "x", "z"], ["a", "b", "a", "b", "c"])) == (2, 1)
    assert repeated_rows(items(["x", "x"], [["a", "b"], ["b", "a"]])) == (1, 0)
    assert repeated_rows(items(["x", "y"])) == (0, 0)


def test_figures_leave_out_what_was_seen(tmp_path: Path) -> None:
    texts = [f"text {row}" for row in range(24)]
    labels = ["a", "b"] * 12
    keep_seen(RunDir(tmp_path), {"train": items(texts[:4]), "validation": items(["else"])})
    task = make_task("text-classification", labels)
    encoded = task.encode(labels)
    outputs = np.eye(2)[encoded] * 5.0
    outputs[4:6] = outputs[4:6, ::-1]  # two of the others are wrong
    said: list[str] = []

    class Listener(Silent):
        def warn(self, text: str) -> None:
            said.append(text)

    found = between_rows(tmp_path, items(texts, labels), task, outputs, encoded, Listener())
    assert (found["seen"], found["repeated"], found["contradicting"]) == (4, 0, 0)
    assert found["without_seen"]["accuracy"]["value"] == 0.9
    (words,) = said
    assert words.startswith("4 of 24 rows have exactly the content of a row that the run was trained")
    RunDir(tmp_path).seen.write_bytes(b"no table")
    assert between_rows(tmp_path, items(texts, labels), task, outputs, encoded, Listener())["seen"] is None
    assert "is damaged" in said.pop()
    keep_seen(RunDir(tmp_path), {"train": items(texts[:4]), "validation": items(["else"])})
    few = between_rows(tmp_path, items(texts[:6], labels[:6]), task, outputs[:6], encoded[:6], Listener())
    assert few["without_seen"] == {}
