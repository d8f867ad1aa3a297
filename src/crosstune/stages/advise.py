"""Advice without a run: which model, and what a run would do.

Nothing is trained, and nothing is kept but the cache of frozen features, which a run then finds.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from crosstune.core.cache import temporary_dir
from crosstune.core.clock import Budget
from crosstune.core.errors import BadValue, DoesNotApply, shown
from crosstune.core.plan import Plan
from crosstune.core.progress import Reporter
from crosstune.core.ranking import RankRow
from crosstune.core.run_dir import RunDir
from crosstune.options import FitOptions
from crosstune.stages.methods import hold_model_to_what_was_asked, hold_to_what_was_asked
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.probe import probe, unprobed
from crosstune.stages.rank_sample import is_comparable
from crosstune.stages.ranking import Ranking, choose_by_ranking, measure, propose
from crosstune.stages.reserve import kept_for_pretraining, reserve_seconds
from crosstune.stages.run import Run
from crosstune.stages.timing import timed
from crosstune.stages.tokens import with_tokens
from crosstune.stages.trials import Chosen
from crosstune.stages.tune import plan_training


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What a run would do."""

    plan: Plan
    ranking: tuple[RankRow, ...]
    skipped: tuple[tuple[str, str], ...]
    """Models that were not compared, and why."""


def rank_data(options: FitOptions, reporter: Reporter) -> tuple[RankRow, ...]:
    """Measure the candidates on a sample; best first.

    The budget, where there is one, is for the comparison alone.

    Raises:
        BadValue: not one candidate could be measured; every reason is given.
        DoesNotApply: the task has no closed-form head to compare models by.
    """
    with _scratch(options, reporter) as run:
        prepared = prepare(run)
        _require_heads(prepared)
        ranking = measure(run, prepared, propose(run, prepared), seconds=run.budget.left())
        if not ranking.rows:
            raise BadValue(
                "no model could be compared",
                found=shown(f"{name}: {why}" for name, why in ranking.skipped) or "no model that opens here",
                expected="at least one model that can be opened for this data",
                fix="see `crosstune models --here`, and name one of them with --models",
            )
        return rank_rows(ranking)


def _require_heads(prepared: Prepared) -> None:
    """Raise ``DoesNotApply`` for a task without anything that a closed-form head could tell."""
    if is_comparable(prepared.task):
        return
    raise DoesNotApply(
        "models are compared by closed-form heads on what they make of the data, and this task has none",
        found=f"data for {prepared.task.name}",
        expected="classes or values for each example, masks or boxes",
        fix="name a model with `crosstune fit --model`; `crosstune models` lists them",
    )


def plan_data(options: FitOptions, reporter: Reporter) -> Advice:
    """Take every decision of a run that needs no training."""
    with _scratch(options, reporter) as run:
        prepared = prepare(run)
        hold_to_what_was_asked(run, prepared)
        ranking = choose_by_ranking(run, prepared)
        opened = open_planned(run, prepared, ranking.decisions)
        hold_model_to_what_was_asked(run, prepared, opened)
        prepared = with_tokens(run, prepared, opened)
        probed = probe(run, prepared, opened) if prepared.facts.closed_form else unprobed(prepared)
        opened = timed(run, prepared, opened, probed)
        reserve = reserve_seconds(prepared.facts, opened.facts, trains=True)
        reserve += kept_for_pretraining(run, reserve)
        plan = plan_training(run, prepared, Chosen(opened=opened, probed=probed), reserve)
        return Advice(plan=plan, ranking=rank_rows(ranking), skipped=ranking.skipped)


def rank_rows(ranking: Ranking) -> tuple[RankRow, ...]:
    """Give a ranking as values that reports can show."""
    return tuple(
        RankRow(
            model=row.candidate.model,
            image_size=row.candidate.image_size,
            pretrained=row.candidate.pretrained,
            figure=row.scores.figure,
            score=row.scores.deciding,
            ridge=row.scores.ridge,
            neighbours=row.scores.neighbours,
            shortlisted=row.shortlisted,
            rate=1.0 / row.facts.pass_seconds,
            accuracy=row.candidate.accuracy,
            examples=len(row.scores.encoded),
            rows_are=ranking.rows_are,
            depth=tuple((point.block, point.metric) for point in row.scores.depth),
            beside=dict(row.scores.beside),
        )
        for row in ranking.rows
    )


@contextmanager
def _scratch(options: FitOptions, reporter: Reporter) -> Iterator[Run]:
    with TemporaryDirectory(prefix="fresh-", dir=temporary_dir()) as folder:
        yield Run(options, RunDir(Path(folder)), Budget(options.seconds), reporter)
