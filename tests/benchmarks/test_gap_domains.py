"""The table of transfer losses, its rank correlation with distances, and what counts as found and named."""

from dataclasses import replace
from pathlib import Path

import pytest

from crosstune.core.gap import GapLevel
from tests.support.benchmark_scripts import benchmark_script
from tests.support.sample_gap import picture_gap, text_gap

script = benchmark_script("gap_domains")


def write_losses(path: Path) -> Path:
    rows = ["trained_on,tested_on,metric,value"]
    names = script.DOMAINS
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            rows += [f"{one},{other},f1,{0.9 - 0.1 * abs(i - j) - 0.01 * j}"]
    rows += ["tweets,tweets,pearson,0.9", "VADER,tweets,f1,0.96", "tweets,movies,f1,0.79"]
    path.write_text("\n".join(rows), encoding="utf-8")
    return path


def test_the_loss_of_a_pair_is_the_mean_of_both_directions(tmp_path: Path) -> None:
    losses = script.read_losses(write_losses(tmp_path / "losses.csv"))
    assert set(losses) == {"f1"}
    assert losses["f1"]["tweets", "movies"] == pytest.approx(0.1)
    assert losses["f1"]["tweets", "editorials"] == pytest.approx(0.3)
    assert len(losses["f1"]) == 6


def test_the_rank_correlation_is_over_the_pairs(tmp_path: Path) -> None:
    losses = script.read_losses(write_losses(tmp_path / "losses.csv"))
    distances = {pair: dict.fromkeys(script.MEASURES, lost**2) for pair, lost in losses["f1"].items()}
    assert script.correlations(distances, losses)["mmd ~ f1"] == pytest.approx(1.0)
    assert script.correlations(distances, {}) == {}


def test_a_planted_shift_must_be_found_and_named() -> None:
    blur = script.Planted("blur", None, None, "sharpness")
    same = script.Planted("same", None, None, "", differs=False)
    assert blur.holds(picture_gap())
    assert not script.Planted("blur", None, None, "size").holds(picture_gap())
    assert not blur.holds(replace(picture_gap(), level=GapLevel.NONE))
    assert same.holds(text_gap())
    assert not same.holds(picture_gap())
    unseen = script.Planted("capitals", None, None, "sharpness", differs=None)
    assert unseen.holds(replace(picture_gap(), level=GapLevel.NONE))
    assert not unseen.holds(text_gap())
