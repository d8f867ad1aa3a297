"""Soups of runs: the greedy rule on files, and what a file leaves out comes from the start."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.sources.base import Backbone
from crosstune.tasks.registry import make_task
from crosstune.training.judge import put, whole
from crosstune.training.snapshot import Weights, mean, write
from crosstune.training.soups import RunsSoup, soup_of_runs
from tests.training.small import coloured, flat, plain

TRAIN, VALIDATION = coloured(24), coloured(60, seed=1)
TASK = make_task("image-classification", TRAIN.targets())


def good(size: float, noise: float, seed: int) -> torch.Tensor:
    """Weights that add up each class's own channel, and noise."""
    torch.manual_seed(seed)
    return size * torch.eye(3).repeat_interleave(64, dim=1) + noise * torch.randn(3, 192)


def brewed(backbone: Backbone, start: Weights, files: list[Path], *, budget: Budget) -> RunsSoup:
    return soup_of_runs(
        backbone, TASK, TRAIN, VALIDATION, plain(strategy="head", batch_size=8), start=start, files=files,
        budget=budget, reporter=Silent(),
    )  # fmt: skip


def accuracy(backbone: Backbone, weights: Weights) -> float:
    put(backbone, weights)
    outputs = backbone.model(**backbone.preprocessing(VALIDATION.batch(range(60)))).detach().numpy()
    return float((outputs.argmax(1) == TASK.encode(VALIDATION.targets())).mean())


def test_the_soup_follows_the_greedy_rule(tmp_path: Path) -> None:
    backbone = flat(3)
    start = {**whole(backbone), "head.bias": torch.zeros(3)}
    files, runs = [], []
    for number, noise in enumerate((3.0, 2.0, 4.0, 40.0)):
        weights = {"head.weight": good(0.3, noise, number)}  # the bias did not move
        write(tmp_path / f"{number}.safetensors", weights)
        files.append(tmp_path / f"{number}.safetensors")
        runs.append({**start, **weights})
    found = brewed(backbone, start, files, budget=Budget())
    scores = [accuracy(flat(3), run) for run in runs]
    assert found.scores == pytest.approx(scores)
    kept, best = [], -1.0
    for position in sorted(range(4), key=lambda one: (-scores[one], one)):  # brute force
        score = accuracy(flat(3), mean([runs[one] for one in (*kept, position)]))
        if score >= best:
            kept, best = [*kept, position], score
    assert found.kept == tuple(kept)
    assert 1 < len(kept) < 4
    assert found.score == pytest.approx(best)
    held = whole(backbone)
    assert accuracy(backbone, held) == found.score
    torch.testing.assert_close(held["head.weight"], mean([runs[one] for one in kept])["head.weight"])
    assert torch.equal(held["head.bias"], start["head.bias"])


def test_one_run_and_no_time_are_that_run(tmp_path: Path) -> None:
    backbone = flat(3)
    start = {**whole(backbone), "head.bias": torch.zeros(3)}
    files = [tmp_path / "a.safetensors", tmp_path / "b.safetensors"]
    for number, path in enumerate(files):
        write(path, {"head.weight": good(0.3, 1.0, number)})
    for chosen, budget in ((files[:1], Budget()), (files, Budget(0.0))):
        found = brewed(backbone, start, chosen, budget=budget)
        assert found.kept == (0,)
        assert torch.equal(whole(backbone)["head.weight"], good(0.3, 1.0, 0))
        assert len(found.scores) == len(chosen)
    assert np.isneginf(found.scores[1])


def test_no_file_and_adapters_are_refused(tmp_path: Path) -> None:
    backbone = flat(3)
    start = {**whole(backbone), "head.bias": torch.zeros(3)}
    with pytest.raises(ValueError, match="at least one"):
        brewed(backbone, start, [], budget=Budget())
    write(tmp_path / "lora.safetensors", {"head.lora_A.weight": torch.zeros(2)})
    with pytest.raises(ValueError, match="not those of small"):
        brewed(backbone, start, [tmp_path / "lora.safetensors"], budget=Budget())
