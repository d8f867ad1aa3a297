"""Leave-one-domain-out: what is compared is the same rows, whatever their order, with an interval."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.support.benchmark_scripts import benchmark_script

script = benchmark_script("held_out_domain")
DRAW = np.random.default_rng(0)
TRUTH = DRAW.normal(size=80)


def write_run(folder: Path, noise: float) -> None:
    """Write predictions that are the truth with noise, in an order of their own."""
    folder.mkdir(parents=True)
    rows = pd.DataFrame({
        "origin": [f"row {number:03d}" for number in range(80)],
        "target": TRUTH,
        "value": TRUTH + noise * DRAW.normal(size=80),
    })  # fmt: skip
    rows.sample(frac=1.0, random_state=int(10 * noise)).to_parquet(
        folder / "predictions-out-of-domain.parquet"
    )


def test_the_difference_is_paired_by_row(tmp_path: Path) -> None:
    write_run(tmp_path / "plan" / "tweets", 0.2)
    write_run(tmp_path / "plain" / "tweets", 1.5)
    value, low, high = script.compare(tmp_path, {"plan": (), "plain": ()}, ["tweets"])["tweets"]["plain"]
    _, ours = script.answers(tmp_path / "plan" / "tweets", "predictions-out-of-domain")
    truth, theirs = script.answers(tmp_path / "plain" / "tweets", "predictions-out-of-domain")
    np.testing.assert_array_equal(truth, TRUTH)
    expected = np.corrcoef(TRUTH, ours)[0, 1] - np.corrcoef(TRUTH, theirs)[0, 1]
    assert value == pytest.approx(expected)
    assert 0.0 < low < value < high


def test_the_table_has_a_line_for_each_arm() -> None:
    figure = {"value": 0.8, "low": 0.7, "high": 0.9}
    found = {"shipped": "fine-tuned (full)", "in domain": figure, "out of domain": figure}
    rows = {"tweets": {"plan": found, "plain": found}}
    lines = script.table(rows, {"tweets": {"plain": (0.012, -0.001, 0.02)}}).splitlines()
    assert len(lines) == 4
    assert lines[2].endswith("| 0.800 (0.700 to 0.900) |  |")
    assert lines[3].endswith("| +0.012 (-0.001 to +0.020) |")
