"""The report: one HTML file that needs no network and runs no script."""

import math
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from crosstune.core.files import write_text
from crosstune.core.metric import Metric
from crosstune.core.plan import Basis
from crosstune.core.summary import RunSummary
from crosstune.reports import classes, plots, strips, verdict
from crosstune.reports.controls import controls_table
from crosstune.reports.domains import domain_values
from crosstune.reports.figures import count, decimals, duration, figure, interval, setting
from crosstune.reports.forgotten import forgotten
from crosstune.reports.gap import gap_section
from crosstune.reports.text import plain, shortened
from crosstune.reports.why import why

_PICTURE = re.compile(r"data:image/(png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")
_SOUND = re.compile(r"data:audio/wav;base64,[A-Za-z0-9+/]+={0,2}")
_LEVELS = ("error", "warning", "note")
_BASES = {
    Basis.USER: "set by you",
    Basis.MEASURED: "measured here",
    Basis.PRIOR: "from published experience",
    Basis.ASSUMED: "assumed",
}


def write_report(summary: RunSummary, path: str | Path) -> None:
    """Write the report page to ``path``, atomically. Every text of the summary is shown, never obeyed."""
    write_text(Path(path), render_report(summary))


def render_report(summary: RunSummary) -> str:
    """Give the page as text.

    Raises ``ValueError`` where the confusion matrix does not fit the classes.
    Checked by: ``tests/reports/test_page.py``, with hostile text in every field.
    """
    return environment().get_template("page.html.jinja").render(page_values(summary))


@cache
def environment() -> Environment:
    """Give what turns templates of this room into pages: escapes everything, knows no default."""
    made = Environment(
        loader=PackageLoader("crosstune.reports", ""),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        count=count,
        duration=duration,
        setting=setting,
        shortened=shortened,
        picture=safe_picture,
        sound=safe_sound,
    )
    return made


def _harmless(value: object) -> object:
    return value if isinstance(value, (Markup, int, float)) else plain(value)


def safe_picture(address: str | None) -> str:
    """Return the address if it is a PNG or JPEG inside the page; else nothing."""
    return address if address and _PICTURE.fullmatch(address) else ""


def safe_sound(address: str | None) -> str:
    """Return the address if it is a WAV file inside the page; else nothing."""
    return address if address and _SOUND.fullmatch(address) else ""


def page_values(summary: RunSummary) -> dict[str, Any]:
    """Give everything that the template names."""
    if summary.confusion:
        classes.check_shape(summary.confusion, classes.names_of(summary))
    higher = summary.higher_is_better
    return {
        "run": summary,
        "verdict": verdict.verdict(summary),
        "regression": summary.task.endswith("regression"),
        "heard": any(safe_sound(mistake.sound) for mistake in summary.mistakes),
        "rivals": _rivals(summary),
        "candidates": _candidates(summary),
        "why": why(summary),
        "controls": controls_table(summary),
        "bases": _BASES,
        "figures": _figure_table(summary),
        "panels": plots.learning_curves(summary.curves, summary.primary_metric, higher=higher),
        "reliability": plots.reliability(summary.calibration) if _counted(summary) else None,
        "calibration_words": plots.calibration_words(summary.calibration) if _counted(summary) else "",
        "precision": plots.precision_by_recall(summary.precision_by_recall),
        "scatter": plots.scatter(summary.scatter) if summary.scatter else None,
        "forgotten": forgotten(summary.forgetting, verdict.metric_title(summary.primary_metric)),
        "classes": _class_values(summary),
        "domains": domain_values(summary),
        "gap": gap_section(summary.gap),
        "findings": [(level if level in _LEVELS else "note", *rest) for level, *rest in summary.findings],
        "decisions": _decisions(summary),
        "time": strips.time_spent(summary.seconds) if any(s > 0 for s in summary.seconds.values()) else None,
        "pictures": any(safe_picture(mistake.picture) for mistake in summary.mistakes),
        "scores": [_score(summary, mistake.score) for mistake in summary.mistakes],
    }


def _counted(summary: RunSummary) -> bool:
    return sum(number for _, _, number in summary.calibration) > 0


def _rivals(summary: RunSummary) -> strips.Forest | None:
    name = summary.primary_metric
    rivals = {f"{key}": row[name] for key, row in summary.baselines.items() if name in row}
    if name not in summary.test or not rivals:
        return None
    ours = "the shipped model"
    return strips.forest({ours: summary.test[name], **rivals}, marked=ours)


def _candidates(summary: RunSummary) -> strips.Forest | None:
    if not summary.candidates:
        return None
    order = "falling" if summary.higher_is_better else "rising"
    return strips.forest(summary.candidates, marked=summary.shipped, ordered=order)


def _figure_table(summary: RunSummary) -> dict[str, Any]:
    """Rows: metrics, the primary one first. Columns: test, validation, each baseline."""
    columns = {
        "Test": summary.test,
        "Out of domain": summary.out_of_domain,
        "Validation": summary.validation,
    } | {f"{name}, test": table for name, table in summary.baselines.items()}
    columns = {name: table for name, table in columns.items() if table}
    names = list(dict.fromkeys(name for table in columns.values() for name in table))
    names.sort(key=lambda name: name != summary.primary_metric)
    rows = []
    for name in names:
        digits = decimals(table[name] for table in columns.values() if name in table)
        cells = [_shown(table.get(name), digits) for table in columns.values()]
        title, meaning = verdict.metric_title(name), verdict.metric_meaning(name)
        rows.append(
            {"title": title, "meaning": meaning, "cells": cells, "first": name == summary.primary_metric}
        )
    return {"columns": list(columns), "rows": rows}


def _shown(metric: Metric | None, digits: int) -> tuple[str, str]:
    if metric is None:
        return "", ""
    return figure(metric.value, digits), interval(metric, digits) if math.isfinite(metric.value) else ""


def _class_values(summary: RunSummary) -> dict[str, Any]:
    names = classes.names_of(summary)
    small = bool(summary.confusion) and len(summary.classes) <= classes.MOST_CLASSES
    return {
        "splits": list(summary.class_counts),
        "rows": classes.class_rows(summary) if summary.class_counts or summary.confusion else [],
        "few": classes.FEW,
        "known": bool(summary.confusion),
        "names": names,
        "boxes": bool(summary.confusion_names),
        "matrix": classes.matrix(summary.confusion, names) if small else [],
        "pairs": classes.confused_pairs(summary.confusion, names, most=8 if small else 25),
    }


def _decisions(summary: RunSummary) -> dict[str, Any]:
    """Every decision; those that were measured or set by the user stand open."""
    counts = {words: sum(row.basis is basis for row in summary.plan) for basis, words in _BASES.items()}
    rows = [
        {"row": row, "words": _BASES[row.basis], "open": row.basis in (Basis.USER, Basis.MEASURED)}
        for row in summary.plan
    ]
    return {"rows": rows, "counts": [(words, number) for words, number in counts.items() if number]}


def _score(summary: RunSummary, value: float) -> str:
    if summary.task.endswith("regression"):
        return f"off by {figure(value, 2)}"
    if summary.task in ("automatic-speech-recognition", "text-generation"):
        return f"{figure(100 * value, 0)} % of the words wrong"
    if summary.task == "object-detection":
        return f"{figure(100 * value, 0)} % of the boxes without a partner"
    if summary.task == "image-segmentation":
        return f"mean IoU {figure(1 - value, 2)}"
    if summary.task == "token-classification":
        return f"{figure(value, 0)} entit{'y' if value == 1 else 'ies'} missed or wrong"
    return f"{figure(100 * value, 1)} % sure"
