"""Why this model: what was compared and tried, what was not, and what the choices rest on."""

from collections.abc import Sequence
from dataclasses import dataclass

from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision
from crosstune.core.ranking import RankRow
from crosstune.core.summary import RunSummary
from crosstune.core.trial import LOSSES
from crosstune.reports.depth import depth_curve
from crosstune.reports.figures import NOTHING, count, decimals, duration, figure, interval, setting
from crosstune.reports.plots import Panel
from crosstune.reports.strips import Forest, forest
from crosstune.reports.sweep import sweep
from crosstune.reports.verdict import metric_title

SETTINGS = ("model", "image_size", "strategy", "last_blocks", "lr", "loss", "surgical_part", "group_dro",
            "coral", "l2_sp", "soup", "batchnorm_statistics", "continued_pretraining",
            "lora_variant", "threshold")  # fmt: skip
"""Decisions that the measurements are for."""

OFF = ("group_dro", "coral", "l2_sp")
"""Those of them that say nothing where they are zero."""

UNDER = {"last_blocks": "last", "surgical_part": "surgical", "lora_variant": "lora"}
"""Those of them that mean something under one strategy only."""

STAGES = {
    "rank the models": "comparing models",
    "frozen pass and closed-form heads": "the frozen pass and its heads",
    "trials": "the trials",
    "training": "the last training",
}
"""Names of stages, as a sentence has them."""

SHOWN_SECONDS = 0.1
"""A stage that took less has done nothing."""

TIED = "cannot be told from the best"
BESIDE = {"logme": "LogME", "h-score": "H-score", "leep": "LEEP", "nce": "NCE"}
"""Names of scores that do not decide."""

MOST_BESIDE = 4
"""Columns of scores that do not decide."""

HOW = (
    "each answered without having been seen: the mean of ridge regression and nearest neighbours on frozen "
    "features. Nothing was trained."
)
CONTROL = (
    " The control is the same network with random weights: a hollow dot, or an arrow where it lies beyond "
    "the scale."
)
TIED_CONTROL = (
    "Random weights do as well as the best model, so far as these rows can say: what the models have learned "
    "elsewhere may be of little use here."
)

Cell = tuple[str, str]
"""A figure, and its interval or nothing."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """Settings that were decided together, and why."""

    settings: tuple[tuple[str, str], ...]
    """(name, value)."""
    basis: Basis
    because: str


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The models that were compared."""

    forest: Forest
    note: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, bool, tuple[Cell, ...]], ...]
    """(model, whether it was chosen, a cell for each head)."""
    control: str
    """A sentence where random weights do as well as the best; else empty."""


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The configurations that were tried for a short time."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, str, bool, tuple[Cell, ...]], ...]
    """(model, what moves, whether it was taken, a cell for each head)."""
    picture: Panel | None


@dataclass(frozen=True, kw_only=True)
class Why:
    """What the section shows."""

    missing: str
    """One sentence about what was not measured; empty where all was."""
    reasons: tuple[Reason, ...]
    compared: Compared | None
    depth: Panel | None
    depth_title: str
    """Of the metric of the curve."""
    blocks: tuple[tuple[str, Cell], ...]
    """The figures of the depth curve."""
    tried: Tried | None
    time: str


def why(summary: RunSummary) -> Why:
    """Gather the section; reasons and times only where something was measured.

    Checked by: ``tests/reports/test_why.py``.
    """
    title = metric_title(summary.primary_metric)
    measured = bool(summary.ranking or summary.skipped or summary.trials or summary.depth)
    depth, depth_title = depth_points(summary)
    digits = decimals(metric for _, metric in depth)
    return Why(
        missing=_missing(summary),
        reasons=_reasons(summary) if measured else (),
        compared=_compared(summary) if summary.ranking else None,
        depth=depth_curve(depth, depth_title, higher=summary.higher_is_better),
        depth_title=depth_title,
        blocks=tuple((name, _cell(metric, digits)) for name, metric in depth),
        tried=_tried(summary, title) if summary.trials else None,
        time=_time(summary) if measured else "",
    )


def chosen_row(summary: RunSummary) -> RankRow | None:
    """Find the compared model that the last training started from."""
    model, side = summary.plan.value("model", summary.model), summary.plan.value("image_size")
    able = [row for row in summary.ranking if row.pretrained and row.model == model]
    return next((row for row in able if row.image_size in (None, side)), None)


def depth_points(summary: RunSummary) -> tuple[tuple[tuple[str, Metric], ...], str]:
    """Give the depth curve and the title of its metric.

    Where the task has no closed-form heads it is that of the ranking, by the metric that models were
    compared by.
    """
    row = chosen_row(summary)
    if summary.depth or row is None:
        return summary.depth, metric_title(summary.primary_metric)
    return row.depth, metric_title(row.figure)


def standings(summary: RunSummary) -> dict[str, str]:
    """Say in words where each compared model stands, by its label."""
    chosen = chosen_row(summary)
    found = {}
    for place, row in enumerate(summary.ranking):
        words = "the best figure" if place == 0 else TIED if row.shortlisted else "behind the best"
        role = "chosen" if row is chosen else "" if row.pretrained else "control"
        found[row.label] = f"{role}: {words}" if role else words
    return found


def loss_name(summary: RunSummary) -> str | None:
    """Name the loss of the trials; ``None`` for tasks that have none among their figures."""
    known = next((name for name in LOSSES if name in summary.validation), None)
    return None if known is None else metric_title(known)


def _missing(summary: RunSummary) -> str:
    by_user = {row.setting for row in summary.plan if row.basis is Basis.USER}
    parts = []
    if not summary.ranking:
        parts.append("other models" + (" (you named this one)" if "model" in by_user else ""))
    if not summary.trials:
        fixed = {"strategy", "lr"} <= by_user
        reason = " (you set what moves and the rate)" if fixed else ""
        parts.append(f"short trainings of several configurations{reason}")
    if not depth_points(summary)[0]:
        parts.append("single blocks (a depth curve)")
    return f"Not measured in this run: {'; '.join(parts)}." if parts else ""


def _reasons(summary: RunSummary) -> tuple[Reason, ...]:
    plan, grouped = summary.plan, dict[tuple[Basis, str], list[Decision]]()
    for name in SETTINGS:
        if name in plan and plan.value("strategy") == UNDER.get(name, plan.value("strategy")):
            if name in OFF and not plan.value(name):
                continue
            row = plan.decision(name)
            grouped.setdefault((row.basis, row.because), []).append(row)
    return tuple(
        Reason(
            settings=tuple((row.setting, setting(row.value)) for row in rows), basis=basis, because=because
        )
        for (basis, because), rows in grouped.items()
    )


def _compared(summary: RunSummary) -> Compared:
    rows, chosen = summary.ranking, chosen_row(summary)
    controls = [row for row in rows if not row.pretrained]
    title = metric_title(rows[0].figure)
    heads, lines = _rank_table(rows)
    return Compared(
        forest=forest(
            {row.label: row.score for row in rows},
            marked=chosen.label if chosen else "",
            notes=standings(summary),
            controls=[row.label for row in controls],
        ),
        note=f"{title} on {count(rows[0].examples)} {rows[0].rows_are}, {HOW}"
        + (CONTROL if controls else ""),
        control=TIED_CONTROL if any(row.shortlisted for row in controls) else "",
        heads=heads,
        rows=tuple((row.label, row is chosen, cells) for row, cells in zip(rows, lines, strict=True)),
    )  # fmt: skip


def _rank_table(rows: Sequence[RankRow]) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
    """Give heads, and a line of cells for each model; a column that no model has is left out."""
    digits = decimals(metric for row in rows for metric in (row.ridge, row.neighbours))
    beside = list(dict.fromkeys(name for row in rows for name in row.beside))
    beside = [name for name in beside if "@" not in name or name.endswith("@head")][:MOST_BESIDE]
    places = {name: decimals(row.beside[name] for row in rows if name in row.beside) for name in beside}
    public = any(row.accuracy is not None for row in rows)
    heads = ["Ridge", "Neighbours", "Examples a second", *(["Public accuracy"] if public else [])]
    plain = [name.removesuffix("@head") for name in beside]
    heads += [BESIDE.get(name, metric_title(name)) for name in plain]
    lines = []
    for row in rows:
        cells = [_cell(row.ridge, digits), _cell(row.neighbours, digits)]
        cells.append((figure(row.rate, 0 if row.rate >= 10 else 1), ""))
        if public:
            cells.append((NOTHING if row.accuracy is None else f"{figure(row.accuracy, 1)} %", ""))
        known = [row.beside.get(name) for name in beside]
        cells += [
            (figure(metric.value, places[name]) if metric else NOTHING, "")
            for name, metric in zip(beside, known, strict=True)
        ]
        lines.append(tuple(cells))
    return tuple(heads), lines


def _tried(summary: RunSummary, title: str) -> Tried:
    digits, loss = decimals(row.metric for row in summary.trials), loss_name(summary)
    rows = tuple(
        (
            row.model,
            row.moves,
            row.chosen,
            (
                (setting(row.lr), ""),
                (str(row.round), ""),
                _cell(row.metric, digits),
                *([(figure(row.loss), "")] if loss else []),
                (figure(row.epochs, 1), ""),
                (duration(row.seconds), ""),
            ),
        )
        for row in summary.trials
    )
    heads = ("Rate", "Round", title, *([loss] if loss else []), "Epochs", "Time")
    return Tried(heads=heads, rows=rows, picture=sweep(summary.trials, title))


def _time(summary: RunSummary) -> str:
    spent = {name: summary.seconds.get(name, 0.0) for name in STAGES}
    parts = [f"{STAGES[name]} {duration(took)}" for name, took in spent.items() if took >= SHOWN_SECONDS]
    if not parts:
        return ""
    total = f"; {duration(summary.seconds['total'])} in all" if "total" in summary.seconds else ""
    text = ", ".join(parts) + total
    return f"{text[:1].upper()}{text[1:]}."


def _cell(metric: Metric, digits: int) -> Cell:
    return figure(metric.value, digits), interval(metric, digits)
