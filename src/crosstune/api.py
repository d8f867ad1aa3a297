"""The public functions, as ``crosstune.fit`` and so on. The same verbs as on the command line.

*data* is a path, a Hub dataset id, a ``pandas.DataFrame``, a ``datasets.Dataset`` or ``DatasetDict``.
Every function raises a subclass of :class:`crosstune.core.errors.UserError` for what a user can put right.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crosstune.core.cache_entries import CacheReport, manage
from crosstune.core.cross_table import CrossTable
from crosstune.core.gap import Gap
from crosstune.core.metric import Metric
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import RunDir
from crosstune.options import fit_options

if TYPE_CHECKING:
    from crosstune.artifacts.model import SavedModel
    from crosstune.core.plan import Plan
    from crosstune.core.ranking import RankRow
    from crosstune.data.check import CheckReport

Data = Any
"""What a user may pass as data; see the head of this file."""


def fit(
    data: Data = None,
    target: str | None = None,
    *,
    recipe: str | Path | None = None,
    reporter: Reporter | None = None,
    **settings: Any,  # noqa: ANN401
) -> RunDir:
    """Fine-tune a pretrained model on ``data`` within a time budget.

    Args:
        data: the labelled data; may stand in the recipe instead.
        target: the column to predict; found where it is obvious.
        recipe: a TOML file of options and settings; keywords beat it.
        reporter: receives progress; ``None`` shows it live on standard error.
        settings: the options of ``FitOptions`` (``task``, ``model``, ``budget="10m"``, ``out`` ...) and the
            settings of ``core/settings.py`` (``lr``, ``epochs``, ``strategy`` ...).

    Returns:
        The run directory: model, plan, evidence, metrics, predictions and report.

    Raises:
        UnknownName: a keyword is no option; the nearest name is suggested.
        BadValue: a value has the wrong type or range.

    Cost: up to ``budget`` of wall-clock time.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    named = {"data": data, "target": target}
    given = {name: value for name, value in named.items() if value is not None}
    options = fit_options({**given, **settings}, recipe=recipe)
    if reporter is not None:
        return pipeline.fit(options, reporter=reporter)
    with make_reporter() as live:
        return pipeline.fit(options, reporter=live)


def resume(
    run: str | Path,
    *,
    data: Data = None,
    epochs: float | None = None,
    budget: str | None = None,
    reporter: Reporter | None = None,
) -> RunDir:
    """Go on with a run that was broken off, at whatever moment; one that has ended is left as it is.

    On the same number of threads, and without a budget, it ends with the weights and metrics of the run
    without the break, bit for bit. With a budget, decisions that were taken stay, and the time used counts.

    Args:
        run: the run directory.
        data: again, where it was given in memory; otherwise the run knows its place.
        epochs: extends a run that has ended (and was made with ``extendable=True``) to so many in all.
        budget: how much longer that may take, such as ``"5m"``; ``None`` is no limit.
        reporter: receives progress; ``None`` shows it live on standard error.

    Raises:
        NotARun, RunInUse: there is nothing to take up, or another process is at it.
        ResumeMismatch: the data or the model is not what it was.
        NotExtendable: the run has not ended, nothing was trained, or its checkpoint is gone.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    if reporter is not None:
        return pipeline.resume(Path(run), data=data, epochs=epochs, budget=budget, reporter=reporter)
    with make_reporter() as live:
        return pipeline.resume(Path(run), data=data, epochs=epochs, budget=budget, reporter=live)


def rank(
    data: Data,
    target: str | None = None,
    *,
    models: Sequence[str] = (),
    budget: str | float | None = None,
    reporter: Reporter | None = None,
    **settings: Any,  # noqa: ANN401
) -> "tuple[RankRow, ...]":
    """Compare pretrained models on a sample of the training rows, best first; trains nothing.

    Args:
        data: the labelled data.
        target: the column to predict; found where it is obvious.
        models: what to compare; empty takes all of the catalogue that opens here, at most eight, and the
            first with random weights as a control.
        budget: for the comparison; candidates for which no time is left are not in the result.
        reporter: receives progress; ``None`` shows it live on standard error.
        settings: other options of ``fit``, such as ``task``, ``group``, ``rank_rows`` or ``seed``.

    Cost: a pass over 2,000 rows for each model and size, and a few seconds for its scores.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    given = {"data": data, "target": target, "models": tuple(models), "budget": budget, **settings}
    options = fit_options({name: value for name, value in given.items() if name != "target" or value})
    if reporter is not None:
        return pipeline.rank(options, reporter=reporter)
    with make_reporter() as live:
        return pipeline.rank(options, reporter=live)


def plan(
    data: Data = None,
    target: str | None = None,
    *,
    recipe: str | Path | None = None,
    out: str | Path | None = None,
    reporter: Reporter | None = None,
    **settings: Any,  # noqa: ANN401
) -> "Plan":
    """Take every decision of :func:`fit` that needs no training, and say why; trains nothing.

    Args:
        data: the labelled data; may stand in the recipe instead.
        target: the column to predict; found where it is obvious.
        recipe: a TOML file of options and settings; keywords beat it.
        out: also write the plan as a recipe that :func:`fit` takes.
        reporter: receives progress; ``None`` shows it live on standard error.
        settings: what :func:`fit` takes.

    Cost: the ranking of models and one frozen pass, which a following run finds in the cache.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    named = {"data": data, "target": target}
    given = {name: value for name, value in named.items() if value is not None}
    options = fit_options({**given, **settings}, recipe=recipe)
    with make_reporter(quiet=reporter is not None) as live:
        advice = pipeline.plan(options, reporter=reporter or live)
    if out is not None:
        pipeline.write_recipe(advice, options, Path(out))
    return advice.plan


def check(
    data: Data,
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    group: str | None = None,
    task: str | None = None,
    max_bad: float | None = None,
    strict: bool = False,
) -> "CheckReport":
    """Read all of ``data`` and list what is wrong with it, by file and row. Changes nothing.

    Args:
        data: the labelled data.
        target: the column to predict; found where it is obvious.
        inputs: the columns to predict from; found where they are obvious.
        group: the column whose values must not straddle splits.
        task: a task name; inferred where it is clear.
        max_bad: the share of rows that may be set aside before that is an error; ``None``: 1 %, in sets
            below 1,000 rows 10 % but at most ten rows.
        strict: whether warnings are errors.
    """
    from crosstune import pipeline

    return pipeline.check(
        data, target=target, inputs=tuple(inputs), group=group, task=task, max_bad=max_bad, strict=strict
    )


def evaluate(
    run: str | Path,
    data: Data,
    *,
    target: str | None = None,
    out: str | Path | None = None,
    engine: str = "auto",
    max_bad: float | None = None,
    beams: int = 1,
) -> dict[str, Metric]:
    """Measure a finished run on ``data``: metric name to value and 95 % interval, the primary one first.

    ``beams`` above 1 lets a recogniser search for the likeliest text.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    path = None if out is None else Path(out)
    with make_reporter() as reporter:
        return pipeline.evaluate(
            Path(run), data, target=target, out=path, engine=engine, max_bad=max_bad, beams=beams,
            reporter=reporter,
        )  # fmt: skip


def cross_evaluate(
    runs: "Sequence[str | Path] | Mapping[str, str | Path]",
    sets: "Sequence[str | Path] | Mapping[str, Data]",
    *,
    target: str | None = None,
    out: str | Path | None = None,
    engine: str = "auto",
    max_bad: float | None = None,
    beams: int = 1,
) -> CrossTable:
    """Measure finished runs on several sets: one table, rows trained on, columns tested on.

    Args:
        runs: run directories, or names for them.
        sets: paths or Hub ids; or names for any data.
        target: the column to predict; ``None`` takes the one that each run was trained for.
        out: also write the table to this ``.json``, ``.csv`` or ``.md`` file.
        engine: what runs the models.
        max_bad: the share of rows that may be set aside, of each set.
        beams: above 1 lets recognisers search for the likeliest text.

    Raises:
        NotMeasured: some pairs cannot be measured; every one is listed, and nothing was computed yet.

    Cost: that of :func:`evaluate` for each pair.
    Checked by: ``tests/stages/test_cross.py``.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    named = dict(runs) if isinstance(runs, Mapping) else {str(run): run for run in runs}
    data = dict(sets) if isinstance(sets, Mapping) else {str(one): one for one in sets}
    with make_reporter() as reporter:
        return pipeline.cross_evaluate(
            {name: Path(run) for name, run in named.items()}, data, target=target,
            out=None if out is None else Path(out), engine=engine, max_bad=max_bad, beams=beams,
            reporter=reporter,
        )  # fmt: skip


def predict(
    run: str | Path,
    inputs: str | Sequence[str],
    *,
    out: str | Path | None = None,
    engine: str = "auto",
    beams: int = 1,
    also: str | Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Predict with a finished run: one row out for each row in, with ``origin`` and ``error``.

    Args:
        run: the run directory.
        inputs: files, folders or texts; one string stands for a list of one.
        out: also write the rows to this ``.csv``, ``.jsonl`` or ``.parquet`` file.
        engine: what runs the model.
        beams: above 1 lets a recogniser search for the likeliest text; 1 is greedy.
        also: forms of found boxes that are written beside ``out``: ``coco``, ``yolo``, ``pictures``.

    Raises:
        DoesNotApply: beams for a model without a CTC head; forms of boxes for one that finds none.
    """
    from crosstune import pipeline

    names = [inputs] if isinstance(inputs, str) else list(inputs)
    path = None if out is None else Path(out)
    forms = [also] if isinstance(also, str) else list(also)
    return list(pipeline.predict(Path(run), names, out=path, engine=engine, beams=beams, also=forms))


def gap(
    first: Data,
    second: Data,
    *,
    model: str = "auto",
    target: str | None = None,
    inputs: str | Sequence[str] = (),
    group: str | None = None,
    rows: int = 2_000,
    seed: int = 0,
    out: str | Path | None = None,
    reporter: Reporter | None = None,
) -> Gap:
    """Measure how far two sets lie apart on the features of a model, and say what gives them away.

    Args:
        first: one set; labels are used where it has them, and not needed.
        second: the other, of the same kind of inputs.
        model: whose features; ``auto`` takes the one that :func:`fit` begins with.
        target: the column of labels; found where it is obvious.
        inputs: the columns to look at; found where they are obvious.
        group: a column of rows that belong together: whole groups are left out, drawn and exchanged.
        rows: of each set that are looked at, at most.
        seed: of every draw.
        out: a new folder for ``gap.json`` and the page ``gap.html``.
        reporter: receives progress; ``None`` shows it live on standard error.

    Raises:
        BadValue: the sets hold different kinds of inputs, or one group holds a whole set.
        TooFewRows: a set has fewer than 20 usable rows.

    Cost: a frozen pass over both samples, which the cache keeps, and a few seconds.
    """
    from crosstune import pipeline
    from crosstune.reports.live import make_reporter

    asked: dict[str, Any] = {
        "model": model, "target": target, "inputs": (inputs,) if isinstance(inputs, str) else tuple(inputs),
        "group": group, "rows": rows, "seed": seed, "out": None if out is None else Path(out),
    }  # fmt: skip
    with make_reporter(quiet=reporter is not None) as live:
        return pipeline.gap(first, second, reporter=reporter or live, **asked)


def load(path: str | Path) -> "SavedModel":
    """Open a finished run, or its ``model`` folder, for prediction within this process."""
    from crosstune.artifacts.model import load_model

    return load_model(Path(path))


def cache(
    *, clear: bool = False, older_than: str | float | None = None, down_to: str | int | None = None
) -> CacheReport:
    """List the cache of frozen passes, activations and tables, or clear it; what is in use stays.

    Args:
        clear: remove what is not in use; without it nothing is changed.
        older_than: with ``clear``, only what was not used for so long: ``"7d"``, ``"12h"`` or seconds.
        down_to: with ``clear``, the oldest until so much is left: ``"5GB"`` or bytes.

    Raises:
        BadValue: no duration, no size, or a condition without ``clear``.
        NotACache: the place holds things that crosstune did not put there; nothing is removed.
    """
    return manage(clear=clear, older_than=older_than, down_to=down_to)


def report(run: str | Path) -> Path:
    """Write the report page of a finished run again; returns its path."""
    from crosstune import pipeline

    return pipeline.report(Path(run))
