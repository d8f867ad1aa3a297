"""The main path, top to bottom: read, check, rank, open, probe, try out, tune, ship, assess, report.

Every command of the command line and every function of the Python interface ends here.
"""

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from crosstune.core.clock import Budget
from crosstune.core.cross_table import CrossTable
from crosstune.core.errors import BadValue
from crosstune.core.files import write_text
from crosstune.core.gap import Gap
from crosstune.core.interruption import Interrupted
from crosstune.core.metric import Metric
from crosstune.core.progress import Reporter
from crosstune.core.ranking import RankRow
from crosstune.core.run_dir import RunDir
from crosstune.data.check import CheckReport
from crosstune.options import FitOptions
from crosstune.planning.controls import require_crossing
from crosstune.reports.cross import cross_lines
from crosstune.reports.gap import gap_words, measure_rows
from crosstune.reports.gap_page import write_gap
from crosstune.reports.live import make_reporter
from crosstune.reports.page import write_report
from crosstune.reports.recipe import recipe_text
from crosstune.reports.stored import read_summary
from crosstune.sources.base import ModelInfo
from crosstune.sources.registry import catalogue
from crosstune.stages import use
from crosstune.stages.advise import Advice, plan_data, rank_data
from crosstune.stages.assess import assess
from crosstune.stages.chat import Chat, open_chat
from crosstune.stages.closed_form import ship_closed_form
from crosstune.stages.company import company
from crosstune.stages.controls import compare_controls
from crosstune.stages.cross import cross_table
from crosstune.stages.demo import write_digits
from crosstune.stages.dialogues import with_dialogue
from crosstune.stages.draw_labels import draw_labels as draw_sheets
from crosstune.stages.extend import longer, reopen
from crosstune.stages.follow import follow
from crosstune.stages.forgetting import measure_forgetting
from crosstune.stages.gap import GapQuestion, measure_gap
from crosstune.stages.gap_inside import gap_inside
from crosstune.stages.general_texts import loss_on_general_texts
from crosstune.stages.methods import hold_model_to_what_was_asked, hold_to_what_was_asked
from crosstune.stages.opening import Opened, open_planned
from crosstune.stages.outcome import Tuned
from crosstune.stages.pieces import with_pieces
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.probe import Probed, probe, unprobed
from crosstune.stages.ranking import choose_by_ranking
from crosstune.stages.resume import (
    alone,
    asked_options,
    begin,
    finish,
    hold_to_data,
    pretrained,
    read_asked,
    take_up,
    tuned,
)
from crosstune.stages.run import Run, asked_settings, new_folder, quiet_libraries
from crosstune.stages.ship import ship
from crosstune.stages.show_mask import MaskReport
from crosstune.stages.show_mask import show_mask as mask_rows
from crosstune.stages.sides import with_side
from crosstune.stages.summarise import summarise
from crosstune.stages.suspects import list_suspects
from crosstune.stages.symbols import with_symbols
from crosstune.stages.threshold import settle_threshold
from crosstune.stages.tokens import with_tokens
from crosstune.stages.too_short import without_too_short
from crosstune.stages.trials import try_out
from crosstune.stages.untuned import ship_untuned
from crosstune.stages.windows import with_windows


@quiet_libraries()
def fit(options: FitOptions, *, reporter: Reporter | None = None, started: float | None = None) -> RunDir:
    """Carry out a whole run within its budget; returns the run directory.

    ``started`` (``time.monotonic``) is when the budget began to count; ``None`` means now.

    Raises ``UserError`` for everything that a user can put right, before time is spent on training.
    """
    with company(asked_settings(options)) as all_of_us:
        if not all_of_us.leads:
            return follow(all_of_us, options)
        budget = Budget(options.seconds) if started is None else Budget(options.seconds, started)
        told = reporter or make_reporter(quiet=True)
        run = Run(options, new_folder(options.out), budget, told, company=all_of_us)
        run.reporter.open_log(run.folder.log)
        begin(run)
        return _carry_out(run)


@quiet_libraries()
def resume(
    path: Path,
    *,
    data: Any = None,  # noqa: ANN401
    epochs: float | None = None,
    budget: str | None = None,
    reporter: Reporter | None = None,
) -> RunDir:
    """Go on with a run that was broken off, at whatever moment; one that has ended is left as it is.

    On the same number of threads and without a budget the result is that of the run without the break, bit
    for bit. With a budget, decisions that were taken are read back, and the time that was used counts.

    ``epochs`` extends a run that has ended to so many in all, within ``budget`` more time: see
    :mod:`crosstune.stages.extend`.

    Raises ``UserError`` where the directory holds no run, or the data or the model is not what it was.
    """
    about = read_asked(path)
    told = reporter or make_reporter(quiet=True)
    if epochs is not None:
        about = longer(path, about, epochs, budget)
    elif budget is not None:
        raise BadValue(
            "a budget alone does not extend a run",
            found=f"--budget {budget} without --epochs",
            expected="how far the run shall go at most",
            fix="name the epochs too: crosstune resume RUN --epochs 10 --budget 5m",
        )
    elif about["finished"]:
        told.say(f"the run {path} ended on {about['finished']}; nothing is left to do")
        return RunDir(path)
    options = asked_options(path, about, data)
    with company(asked_settings(options)) as all_of_us:
        if not all_of_us.leads:
            return follow(all_of_us, options)
        run = take_up(path, options, told, all_of_us)
        if epochs is not None:
            with alone(run):
                reopen(run, about)
        return _carry_out(run)


def _carry_out(run: Run) -> RunDir:
    """Go through the stages; each does again, recalls or goes on with what an earlier process did."""
    run.company.root = str(run.folder.root.resolve())
    try:
        with alone(run):
            _stages(run)
    except Interrupted as signal:
        signal.run = str(run.folder.root)
        run.reporter.warn(f"{signal}; saved. Go on with: crosstune resume {run.folder.root}")
        raise
    return run.folder


def _stages(run: Run) -> None:
    with run.stage("read and check"):
        prepared = prepare(run)
        hold_to_data(run, prepared)
        hold_to_what_was_asked(run, prepared)
    with run.stage("rank the models"):
        ranking = choose_by_ranking(run, prepared)
    with run.stage("open the model"):
        opened = open_planned(run, prepared, ranking.decisions)
        hold_model_to_what_was_asked(run, prepared, opened)
        prepared = with_tokens(run, prepared, opened)
        if run.options.controls:
            require_crossing(opened.backbone.name, crosses=opened.facts.crosses)
        prepared = without_too_short(run, with_symbols(run, prepared, opened), opened)
        prepared = with_windows(run, with_pieces(run, prepared, opened), opened)
        prepared = with_side(run, with_dialogue(run, prepared, opened), opened)
    prepared, probed, closed = _first_model(run, prepared, opened)
    with run.stage("trials"):
        chosen = try_out(run, prepared, opened, probed, ranking)
    with run.stage("training"):
        made = tuned(run, prepared, chosen, closed)
    made = pretrained(run, prepared, chosen, made)
    prepared, made = settle_threshold(run, prepared, made)
    general = loss_on_general_texts(run, prepared, made)
    with run.stage("reload and predict"):
        shipped = ship(run, prepared, made.expected)
    with run.stage("figures"):
        assessed = assess(run, prepared, made, shipped)
    with run.stage("what was forgotten"):
        forgetting = measure_forgetting(run, prepared, chosen.opened.facts, made, general)
    with run.stage("controls"):
        controls = compare_controls(run, prepared, made)
    summarise(run, prepared, made, shipped, assessed, ranking, forgetting, controls)
    finish(run)


def _first_model(run: Run, prepared: Prepared, opened: Opened) -> tuple[Prepared, Probed, Tuned]:
    """Have a model on disk before any gradient is taken: with a closed-form head, or as it comes."""
    if not prepared.facts.closed_form:
        with run.stage("the model as it comes"):
            return prepared, unprobed(prepared), ship_untuned(run, prepared, opened)
    with run.stage("frozen pass and closed-form heads"):
        probed = probe(run, prepared, opened)
        closed = ship_closed_form(run, prepared, opened, probed)
        list_suspects(run, prepared, probed)
    with run.stage("gap between train and test"):
        return gap_inside(run, prepared, opened, probed), probed, closed


def check(
    data: Any,  # noqa: ANN401
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    group: str | None = None,
    task: str | None = None,
    max_bad: float | None = None,
    strict: bool = False,
) -> CheckReport:
    """Read all of ``data`` and list what is wrong with it, by file and row. Changes nothing."""
    return use.check_data(
        data, target=target, inputs=inputs, group=group, task=task, max_bad=max_bad, strict=strict
    )


def draw_labels(report: CheckReport, folder: Path) -> list[Path]:
    """Write sheets of checked pictures with their labels drawn on; returns the files."""
    return draw_sheets(report, folder)


@quiet_libraries()
def show_mask(
    data: Any,  # noqa: ANN401
    model: str,
    *,
    max_length: int | None = None,
    max_bad: float | None = None,
    strict: bool = False,
) -> MaskReport:
    """Check conversations with the tokenizer of ``model``, and mark what it would learn of the first rows."""
    return mask_rows(data, model, max_length=max_length, max_bad=max_bad, strict=strict)


@quiet_libraries()
def evaluate(
    run: Path,
    data: Any,  # noqa: ANN401
    *,
    target: str | None = None,
    out: Path | None = None,
    engine: str = "auto",
    max_bad: float | None = None,
    beams: int = 1,
    reporter: Reporter | None = None,
) -> dict[str, Metric]:
    """Measure a finished run on labelled ``data``; ``out`` takes the metrics as JSON."""
    reporter = reporter or make_reporter(quiet=True)
    return use.evaluate_run(
        run, data, target=target, out=out, engine=engine, max_bad=max_bad, beams=beams, reporter=reporter
    )


@quiet_libraries()
def cross_evaluate(
    runs: Mapping[str, Path],
    sets: Mapping[str, Any],
    *,
    metric: str | None = None,
    target: str | None = None,
    out: Path | None = None,
    engine: str = "auto",
    max_bad: float | None = None,
    beams: int = 1,
    reporter: Reporter | None = None,
) -> CrossTable:
    """Measure every run on every set; ``out`` (.json, .csv or .md) takes the table, in ``metric``."""
    reporter = reporter or make_reporter(quiet=True)
    return cross_table(
        runs, sets, metric=metric, target=target, out=out, engine=engine, max_bad=max_bad, beams=beams,
        reporter=reporter,
    )  # fmt: skip


def table_lines(table: CrossTable, metric: str | None = None) -> tuple[list[str], list[list[str]]]:
    """Give heads and rows of a cross table, for a terminal."""
    return cross_lines(table, metric)


@quiet_libraries()
def predict(
    run: Path,
    inputs: Sequence[str],
    *,
    out: Path | None = None,
    engine: str = "auto",
    beams: int = 1,
    also: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Predict one row for each row in; one that cannot be read has ``error`` and no prediction."""
    return use.predict_run(run, inputs, out=out, engine=engine, beams=beams, also=also)


@quiet_libraries()
def chat(run: Path, *, system: str | None = None) -> Chat:
    """Open the model of a finished run of the task ``text-generation``, to be talked to."""
    return open_chat(run, system)


@quiet_libraries()
def rank(options: FitOptions, *, reporter: Reporter | None = None) -> tuple[RankRow, ...]:
    """Compare pretrained models on a sample of the training rows, best first; trains nothing."""
    return rank_data(options, reporter or make_reporter(quiet=True))


@quiet_libraries()
def plan(options: FitOptions, *, reporter: Reporter | None = None) -> Advice:
    """Take every decision of a run that needs no training, and say why; trains nothing."""
    return plan_data(options, reporter or make_reporter(quiet=True))


@quiet_libraries()
def gap(
    first: Any,  # noqa: ANN401
    second: Any,  # noqa: ANN401
    *,
    model: str = "auto",
    target: str | None = None,
    inputs: Sequence[str] = (),
    group: str | None = None,
    rows: int = 2_000,
    seed: int = 0,
    out: Path | None = None,
    reporter: Reporter | None = None,
) -> Gap:
    """Measure how far two sets lie apart on the features of a model; ``out`` takes gap.json and gap.html."""
    reporter = reporter or make_reporter(quiet=True)
    asked = GapQuestion(model=model, target=target, inputs=tuple(inputs), group=group, rows=rows, seed=seed)
    folder = None if out is None else new_folder(out).root
    found = measure_gap(first, second, asked, reporter)
    if folder is not None:
        write_gap(found, folder)
    return found


def describe_gap(found: Gap) -> tuple[str, list[tuple[str, str, str]]]:
    """Give a gap in words, and its measures: name, figure, what stands beside it."""
    rows = [(row["title"], row["value"], row["beside"]) for row in measure_rows(found)]
    return gap_words(found), rows


def write_recipe(advice: Advice, options: FitOptions, path: Path) -> None:
    """Write a plan as a recipe that ``fit`` takes; where the data has a place, the recipe names it."""
    keys = ("target", "inputs", "group", "domain", "held_out_domain", "task", "classes", "max_bad", "strict",
            "trackers", "keep_at_least", "adapt_to", "pretrain_on")  # fmt: skip
    asked = {key: getattr(options, key) for key in keys}
    place = str(options.data) if isinstance(options.data, str | Path) else None
    budget = "none" if options.seconds is None else options.budget
    shown = {"data": place, **asked, "strict": options.strict or None, "budget": budget}
    write_text(path, recipe_text(advice.plan, shown, name=path.name))


def models(task: str | None = None) -> list[ModelInfo]:
    """List the models that can be named, those that can be opened here first."""
    found = [info for info in catalogue() if task is None or task.startswith(info.modality)]
    return sorted(found, key=lambda info: (not info.here, info.modality, info.name))


def report(run: Path) -> Path:
    """Write the page of a finished run again; returns its path."""
    folder = RunDir(run)
    write_report(read_summary(folder.summary), folder.report)
    return folder.report


def demo(out: Path, *, reporter: Reporter | None = None, started: float | None = None) -> RunDir:
    """Fit 5,000 real handwritten digits with real ImageNet weights, without a network, in three minutes."""
    data = write_digits(out)
    runs = (out / f"run-{number}" for number in count(1))
    free = next(run for run in runs if not run.exists())  # a second demo does not write over the first
    options = FitOptions(data=data, out=free, budget="3m", model="package:efficientnet-lite0")
    return fit(options, reporter=reporter, started=started)
