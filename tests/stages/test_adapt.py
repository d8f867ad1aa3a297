"""BatchNorm statistics of the target are shipped only where validation does not fall, and never ignored."""

from pathlib import Path

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Plan
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages import adapt
from crosstune.stages.opening import Opened, open_planned
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.run import Run, new_folder
from tests.support.sets import write_pictures

Parts = tuple[Run, Prepared, Opened]


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    data = write_pictures(tmp_path / "photos", 16)
    target = write_pictures(tmp_path / "target", 30, seed=9)
    options = FitOptions(
        data=data, model="timm:test_efficientnet", pretrained=False, image_size=64, engine="torch",
        adapt_to=str(target), out=tmp_path / "run", budget="none",
    )  # fmt: skip
    run = Run(options, new_folder(tmp_path / "run"), Budget(None), Silent())
    prepared = prepare(run)
    return run, prepared, open_planned(run, prepared)


@pytest.mark.parametrize("gain", [0.0, -0.01])
def test_the_statistics_stay_only_where_validation_does_not_fall(
    parts: Parts, gain: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, prepared, opened = parts
    monkeypatch.setattr(adapt, "difference", lambda *_: Metric(gain, gain - 0.1, gain + 0.1))
    before = {name: one.clone() for name, one in opened.backbone.model.state_dict().items()}
    plan = adapt.adapt_to_target(run, prepared, opened, Plan())
    after = opened.backbone.model.state_dict()
    moved = {name for name, one in after.items() if not torch.equal(one, before[name])}
    decision = plan.decision(adapt.SETTING)
    assert decision.basis is Basis.MEASURED
    assert decision.value == ("target" if gain >= 0 else "training")
    assert f"{gain}" in decision.because
    assert "90 rows" in decision.because
    if gain < 0:
        assert moved == set()
    else:
        assert any(name.endswith("running_mean") for name in moved)
        assert all("running_" in name or "num_batches" in name for name in moved)
    rows = {one.name: one for one in run.measurements if one.name.startswith("batchnorm/")}
    assert set(rows) == set(decision.evidence) == {"batchnorm/training", "batchnorm/target"}
    assert rows["batchnorm/training"].examples == len(prepared.items["validation"])


def test_the_difference_is_that_of_the_two_outputs(parts: Parts) -> None:
    run, prepared, opened = parts
    adapt.adapt_to_target(run, prepared, opened, Plan())
    before, after = (
        next(one.metric.value for one in run.measurements if one.name == f"batchnorm/{name}")
        for name in ("training", "target")
    )
    taken = bool(after >= before)
    state = opened.backbone.model.state_dict()
    fresh = next(one for name, one in state.items() if name.endswith("running_mean"))
    assert bool(fresh.any()) == taken  # an untrained model's means are zero


def test_without_the_option_nothing_happens(parts: Parts) -> None:
    run, prepared, opened = parts
    run.options = run.options.model_copy(update={"adapt_to": None})
    plan = Plan()
    assert adapt.adapt_to_target(run, prepared, opened, plan) is plan
    assert not [one for one in run.measurements if one.name.startswith("batchnorm")]
