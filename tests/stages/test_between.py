"""The point that is taken: the best that keeps the share that was asked for, else only a sure gain."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crosstune.core.clock import Budget
from crosstune.core.errors import CannotKeep
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.progress import Silent
from crosstune.data.unrelated import choose
from crosstune.options import FitOptions
from crosstune.planning.make import with_defaults
from crosstune.stages.between import BODY, Line, draw_line, take_best_between
from crosstune.stages.opening import Opened, open_planned
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.run import Run, new_folder
from crosstune.training.interpolate import ALPHAS, between
from crosstune.training.judge import put, whole
from crosstune.training.snapshot import Weights
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("between")
    write_texts(folder / "texts.csv", 120)
    tiny_bert_dir(folder / "bert", layers=2)
    return folder


def made(place: Path, out: Path, least: float | None) -> tuple[Run, Prepared, Opened, Plan]:
    options = FitOptions(data=place / "texts.csv", model=str(place / "bert"), out=out, engine="torch",
                         budget="none", strategy="full", precision="fp32", keep_at_least=least)  # fmt: skip
    run = Run(options, new_folder(out), Budget(None), Silent())
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    return run, prepared, opened, with_defaults(opened.plan, options.settings_overrides())


def moved(start: Weights, size: float) -> Weights:
    torch.manual_seed(1)
    return {
        name: tensor + size * torch.randn_like(tensor) if tensor.is_floating_point() else tensor
        for name, tensor in start.items()
    }


def drawn(run: Run, prepared: Prepared, opened: Opened, plan: Plan) -> Line:
    line = draw_line(run, prepared, opened, plan, None)
    assert line is not None
    return line


def test_the_best_of_those_that_keep_the_share_is_taken(place: Path, tmp_path: Path) -> None:
    least = 0.97
    run, prepared, opened, plan = made(place, tmp_path / "run", least)
    line = drawn(run, prepared, opened, plan)
    end = moved(line.start, 0.2)
    put(opened.backbone, end)
    found = take_best_between(run, prepared, opened, plan, line, deadline=Budget(None))
    points = [(row.metric.value, (row.detail or {})["alpha"], (row.detail or {})["kept"])
              for row in run.measurements if row.name.startswith("interpolation/")]  # fmt: skip
    assert len(points) == len(ALPHAS)
    assert min(kept for _, _, kept in points) < least  # otherwise nothing is chosen here
    able = [(score, alpha) for score, alpha, kept in points if alpha == 0 or kept >= least]
    assert found["alpha"] == max(able)[1]
    assert found.decision("alpha").basis is Basis.MEASURED
    head = f"{opened.backbone.head}."
    start = {name: end[name] if name.startswith(head) else tensor for name, tensor in line.start.items()}
    expected = between(start, end, found["alpha"])
    held = whole(opened.backbone)
    assert all(torch.equal(held[name], expected[name]) for name in held)
    assert line.words == BODY


def test_without_a_share_the_tuned_weights_stay_unless_surely_worse(place: Path, tmp_path: Path) -> None:
    run, prepared, opened, plan = made(place, tmp_path / "run", None)
    line = drawn(run, prepared, opened, plan)
    put(opened.backbone, line.start)  # equal ends: no point can be better
    found = take_best_between(run, prepared, opened, plan, line, deadline=Budget(None))
    assert found is plan
    assert take_best_between(run, prepared, opened, plan, None, deadline=Budget(None)) is plan
    before = len(run.measurements)
    assert take_best_between(run, prepared, opened, plan, line, deadline=Budget(0.0)) is plan
    assert len(run.measurements) == before  # no time: nothing was judged


def test_training_leaves_time_for_the_line_where_a_share_is_asked_for(place: Path, tmp_path: Path) -> None:
    run, prepared, opened, plan = made(place, tmp_path / "run", 0.9)
    line = replace(drawn(run, prepared, opened, plan), point=1.0, probes=1.0)
    budget = Budget(1000.0)
    assert budget.left() - line.reserved(run, budget).left() == pytest.approx(23.0, abs=1.0)
    short = Budget(10.0)
    assert short.left() - line.reserved(run, short).left() == pytest.approx(3.0, abs=0.5)
    free, *_ = made(place, tmp_path / "other", None)
    assert line.reserved(free, budget) is budget


def test_nothing_is_drawn_where_no_body_weight_moves(place: Path, tmp_path: Path) -> None:
    run, prepared, opened, plan = made(place, tmp_path / "run", None)
    head = plan.extended(Decision("strategy", "head", Basis.USER, "so"))
    assert draw_line(run, prepared, opened, head, None) is None
    random = replace(opened, backbone=replace(opened.backbone, pretrained=False))
    assert draw_line(run, prepared, random, plan, None) is None


def test_without_a_set_a_share_cannot_be_promised(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose, "unrelated_sets", lambda *_args, **_more: ([], [("digits", "too near")]))
    run, prepared, opened, plan = made(place, tmp_path / "run", 0.9)
    with pytest.raises(CannotKeep, match="digits: too near"):
        draw_line(run, prepared, opened, plan, None)
