"""The grid of the regret benchmark: enough configurations, names that can be taken apart, a useful order."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crosstune.core.errors import BadValue
from crosstune.core.run_dir import RunDir
from crosstune.options import FitOptions
from tests.support.benchmark_scripts import benchmark_script

grid = benchmark_script("regret_grid")
sets = benchmark_script("regret_sets")


@pytest.mark.parametrize("name", sorted(sets.SETS))
def test_every_set_has_24_different_configurations_that_fit_accepts(name: str) -> None:
    found = grid.configurations(sets.SETS[name])
    small = [keywords for keywords in found if keywords["model"] != grid.SMOLLM]
    assert len(small) >= 24
    assert len({grid.written(keywords) for keywords in found}) == len(found)
    for keywords in found:
        FitOptions(data="here", **keywords)
    trained = [keywords for keywords in small if keywords["strategy"] != "closed-form"]
    assert {keywords["strategy"] for keywords in trained} >= {"last", "lp-ft"}
    cuts = {grid.written({**keywords, "lr": 0}) for keywords in trained}
    assert len(trained) == 3 * len(cuts), "each cut at three rates"


def test_a_name_can_be_taken_apart() -> None:
    keywords = {"model": "package:minilm", "lr": 2e-4, "strategy": "full"}
    assert grid.written(keywords) == "lr=0.0002 model=package:minilm strategy=full"
    assert grid.parts_of(grid.written(keywords)) == {key: str(value) for key, value in keywords.items()}


def test_closed_form_heads_of_all_sets_come_first_then_the_middle_rate() -> None:
    ordered = grid.in_order(sets.SETS.values(), grid.configurations)
    kinds = [keywords["strategy"] == "closed-form" for _, keywords in ordered]
    assert kinds == sorted(kinds, reverse=True)
    assert {one.name for (one, _), closed in zip(ordered, kinds, strict=True) if closed} == set(sets.SETS)
    rates = [keywords["lr"] for one, keywords in ordered[sum(kinds) :] if one.modality == "image"]
    assert rates == sorted(rates, key=grid.PICTURE_RATES.index)


def test_what_moves_more_and_sees_more_is_estimated_to_take_longer() -> None:
    one = sets.SETS["fashion-2000"]
    small = {
        "model": grid.LITE.format(0),
        "strategy": "last",
        "last_blocks": 3,
        "epochs": 4,
        "image_size": 64,
    }

    def seconds(**changes: Any) -> float:
        return float(grid.estimated_seconds(one, {**small, **changes}))

    assert (
        seconds() < seconds(last_blocks=8) < seconds(strategy="lp-ft") < seconds(strategy="lp-ft", epochs=9)
    )
    assert seconds() < seconds(image_size=96)


def test_a_configuration_becomes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sets.RealSet(
        name="made", modality="text", source="made", metric="pearson", target="rating",
        train=1, validation=1, test=1,
    )  # fmt: skip
    asked: dict[str, Any] = {}

    def fit(data: Path, target: str, *, out: Path, **keywords: Any) -> RunDir:
        asked.update(keywords, data=data, target=target)
        out.mkdir()
        figure = {"value": 0.5, "low": 0.25, "high": 0.75}
        metrics = {"test": {"pearson": figure}, "validation": {"pearson": {**figure, "value": 0.625}}}
        (out / "metrics.json").write_text(json.dumps(metrics))
        return RunDir(out)

    monkeypatch.setattr(grid, "crosstune", SimpleNamespace(fit=fit, __version__="1.2"))
    monkeypatch.setattr(grid, "write_set", lambda _: tmp_path / "data")
    keywords = {"model": "m", "strategy": "full", "lr": 0.1}
    row = grid.run_one(one, keywords, tmp_path)
    assert (row.set, row.configuration, row.metric) == ("made", "lr=0.1 model=m strategy=full", "pearson")
    assert (row.validation, row.test, row.test_low, row.test_high) == (0.625, 0.5, 0.25, 0.75)
    assert (row.version, row.error) == ("1.2", "")
    assert (asked["budget"], asked["target"], asked["lr"]) == ("none", "rating", 0.1)
    assert not (tmp_path / "run").exists()

    def fails(*_: Any, **__: Any) -> RunDir:
        raise BadValue("no", found="a", expected="b", fix="c")

    monkeypatch.setattr(grid, "crosstune", SimpleNamespace(fit=fails, __version__="1.2"))
    row = grid.run_one(one, keywords, tmp_path)
    assert (row.test, row.error) == (None, "bad-value")
