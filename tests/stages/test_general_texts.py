"""The loss of a model that answers on general texts: within a budget, whatever its answers cost."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import crosstune
from crosstune.artifacts.model import load_model
from crosstune.core.forgetting import Forgetting
from crosstune.core.run_dir import RunDir
from crosstune.data.unrelated import choose
from crosstune.frozen.next_token import TextLosses, next_token_losses
from crosstune.sources.writer import Writer
from crosstune.stages import general_texts, ship
from crosstune.stages.general_texts import ROWS, language_loss
from crosstune.stages.untuned import STRETCH, answer_seconds
from crosstune.training.update import Updater
from tests.support.chats import LETTERS_ASKED, open_writer, tiny_writer_dir

BUDGET = 400.0
READING = 7.0
"""Seconds of the clock for the general texts."""


class Clock:
    """The real clock, and what the test has put on top of it."""

    def __init__(self) -> None:
        self.real, self.extra = time.monotonic, 0.0

    def __call__(self) -> float:
        """Seconds, as ``time.monotonic``."""
        return self.real() + self.extra

    def slow(self, function: Callable[..., Any], seconds: Callable[[Any], float]) -> Callable[..., Any]:
        """Let a function take more time, as what it gives says."""

        def slowed(*arguments: Any, **named: Any) -> Any:
            found = function(*arguments, **named)
            self.extra += seconds(found)
            return found

        return slowed


def fitted(out: Path, monkeypatch: pytest.MonkeyPatch, *, late: float = 0.0) -> tuple[RunDir, float]:
    """Tune with answers that take a tenth of a second for each token; ``late`` is added to those of the end.

    Returns the run, and how many seconds it took.
    """
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(Writer, "write", clock.slow(Writer.write, written))
    monkeypatch.setattr(Updater, "__call__", clock.slow(Updater.__call__, lambda _: 3.0))
    slow = clock.slow(next_token_losses, lambda _: READING)
    monkeypatch.setattr(general_texts, "next_token_losses", slow)

    def here(model: Path, parts: Any, *, engine: str = "auto", targets: bool = False) -> list[Any]:
        clock.extra += late
        return [load_model(model).outputs(items, engine=engine) for items in parts]

    monkeypatch.setattr(ship, "fresh_outputs", here)
    began = clock()
    splits = ["train"] * 24 + ["validation"] * 8 + ["test"] * 12
    rows = [
        {"prompt": f"say {LETTERS_ASKED[n % 4]}", "completion": LETTERS_ASKED[n % 4].upper(), "split": split}
        for n, split in enumerate(splits)
    ]
    data = out / "rows.jsonl"
    data.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    run = crosstune.fit(
        data, task="text-generation", model=str(tiny_writer_dir(out / "model")), out=out / "run",
        budget=f"{BUDGET:.0f}s", trials=0, epochs=1000.0, lr=3e-3, batch_size=8, strategy="full",
        engine="torch", max_bad=0.0, precision="fp32",
    )  # fmt: skip
    return run, clock() - began


def written(tokens: Tensor) -> float:
    """A tenth of a second for each token of each answer."""
    return 0.1 * tokens.numel()


def found_in(run: RunDir) -> Forgetting:
    return Forgetting.from_json(json.loads(run.summary.read_text())["forgetting"])


def test_a_run_with_a_budget_says_what_its_model_has_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seconds = fitted(tmp_path, monkeypatch)
    found = found_in(run)
    assert found.language
    assert found.language.texts <= 2 * ROWS
    assert found.probes  # what was reserved for them was not needed by the answers
    base, tuned = open_writer(tmp_path / "model"), load_model(run.model).backbone
    texts = [one.sample(choose.ROWS).sample(ROWS) for one in choose.text_sets()]
    losses = [next_token_losses(one, general_texts.joined(texts)) for one in (base, tuned)]
    assert language_loss(*losses) == found.language
    assert seconds < BUDGET
    said = run.log.read_text(encoding="utf-8")
    assert f"of {found.language.texts} general texts" in said
    assert "As a language model" in run.report.read_text(encoding="utf-8")
    rows = {row["name"]: row for row in json.loads(run.evidence.read_text())}
    assert rows["forgetting/language"]["metric"]["value"] == pytest.approx(found.language.rise.value)


def test_it_is_known_where_the_answers_take_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = fitted(tmp_path, monkeypatch, late=BUDGET)
    found = found_in(run)
    assert found.language
    assert not found.probes
    assert "the budget had no room" in found.unprobed
    page = run.report.read_text(encoding="utf-8")
    assert "As a language model" in page
    assert "was not tried by probes" in page


def test_an_answer_is_reckoned_from_the_tokens_that_are_due(tmp_path: Path) -> None:
    backbone = open_writer(tiny_writer_dir(tmp_path / "model"))
    kept: dict[str, Any] = {}
    run: Any = SimpleNamespace(journal=SimpleNamespace(recall=kept.get))
    assert answer_seconds(run, backbone) is None
    for texts, due, seconds in (
        (["abc", "abcde"], 2, 10.0 / 2 * 2 / 5),  # one token for each letter, and the end: 5 on average
        (["a" * 99, "a" * 99], 2, 10.0 / 2 / STRETCH),
        (["", ""], 50, 10.0 / 2 * STRETCH),
    ):
        answers = np.array([[text, "1.0", str(due)] for text in texts])
        kept["untuned answers"] = ((answers, 10.0), [], [])
        assert answer_seconds(run, backbone) == pytest.approx(seconds)


def test_texts_without_a_second_token_say_nothing() -> None:
    none = TextLosses(np.zeros(2), np.zeros(2, np.int64))
    assert language_loss(none, none) is None
    some = TextLosses(np.array([3.0, 0.0]), np.array([2, 0]))
    found = language_loss(some, TextLosses(np.array([5.0, 0.0]), np.array([2, 0])))
    assert found
    assert (found.texts, found.tokens) == (1, 2)
    assert (found.before.value, found.after.value, found.rise.value) == (1.5, 2.5, 1.0)


def test_torch_is_left_alone(tmp_path: Path) -> None:
    backbone = open_writer(tiny_writer_dir(tmp_path / "model"))
    backbone.model.train()
    before = torch.get_rng_state()
    next_token_losses(backbone, general_texts.joined([one.sample(3) for one in choose.text_sets()]))
    assert torch.equal(torch.get_rng_state(), before)
    assert backbone.model.training
