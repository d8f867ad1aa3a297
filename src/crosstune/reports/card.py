"""The model card: the README that a model hub shows, with metrics that programs can read."""

import math
import re
from pathlib import Path
from typing import Any

import yaml

from crosstune.core.files import write_text
from crosstune.core.metric import Metric
from crosstune.core.summary import RunSummary
from crosstune.reports.controls import controls_table
from crosstune.reports.domains import domain_values
from crosstune.reports.figures import NOTHING, count, decimals, duration, figure, interval, setting
from crosstune.reports.text import one_line, plain
from crosstune.reports.verdict import metric_title, verdict
from crosstune.reports.why import loss_name, standings

_HUB_TASKS = (
    "image-classification", "text-classification", "token-classification", "object-detection",
    "image-segmentation", "automatic-speech-recognition", "audio-classification", "text-generation",
)  # fmt: skip
"""Task names that the Hub knows as ``pipeline_tag``; it refuses others."""
_HUB_LICENCES = (
    "apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "gpl-2.0", "gpl-3.0", "agpl-3.0", "lgpl-3.0", "mpl-2.0", "isc",
    "openrail", "creativeml-openrail-m", "llama2", "llama3", "gemma", "unlicense", "unknown",
)  # fmt: skip
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_MARKS = re.compile(r"[\\`*_{}\[\]<>|~$&#!@]")


def escaped(text: object) -> str:
    """Write any text on one line of Markdown so that it shows as it is, in a table too."""
    safe = _MARKS.sub(lambda found: "&lt;" if found[0] == "<" else "\\" + found[0], one_line(text))
    safe = re.sub(r"^([-+=]|\d+[.)](?= |$))", lambda found: found[0][:-1] + "\\" + found[0][-1], safe)
    return safe.replace("://", r"\://").replace("www.", r"www\.")


def fenced(code: str, language: str = "") -> str:
    """Put code in a fence that is longer than any run of backticks inside it."""
    runs = [len(run) for run in re.findall("`+", code)]
    fence = "`" * max(3, 1 + max(runs, default=0))
    return f"{fence}{language}\n{plain(code).rstrip()}\n{fence}"


def front_matter(summary: RunSummary) -> dict[str, Any]:
    """Give the metadata block in the Hub's schema.

    ``pipeline_tag`` and ``base_model`` stand there only where the Hub would accept them: regression is
    not one of its tasks, and a model from a package or a folder is not one of its models.
    """
    block: dict[str, Any] = {"library_name": "crosstune", **_licence(summary.licence)}
    if summary.task in _HUB_TASKS:
        block["pipeline_tag"] = summary.task
    if _HUB_ID.fullmatch(summary.model):
        block["base_model"] = summary.model
    block["tags"] = ["crosstune", "fine-tuned", one_line(summary.task)]
    figures = {name: row for name, row in summary.test.items() if math.isfinite(row.value)}
    if figures:
        block["metrics"] = [one_line(name) for name in figures]
        block["model-index"] = [{"name": one_line(summary.model), "results": [_result(summary, figures)]}]
    return block


def _licence(name: str) -> dict[str, str]:
    known = one_line(name).lower()
    if known in _HUB_LICENCES:
        return {"license": known}
    if not known:
        return {"license": "unknown"}
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.]+", "-", known).strip("-") or "other"}


def _result(summary: RunSummary, figures: dict[str, Metric]) -> dict[str, Any]:
    data = one_line(summary.data)
    return {
        "task": {"type": one_line(summary.task), "name": one_line(summary.task)},
        "dataset": {"type": data, "name": data, "split": "test"},
        "metrics": [
            {"type": one_line(name), "name": metric_title(one_line(name)), "value": float(row.value)}
            for name, row in figures.items()
        ],
    }


def render_card(summary: RunSummary) -> str:
    """Write the card as text: front matter, then Markdown."""
    front = yaml.safe_dump(front_matter(summary), sort_keys=False, allow_unicode=True, width=100_000)
    sections = [
        f"# {escaped(summary.model)}, {escaped(summary.task)}",
        escaped(verdict(summary).sentence),
        _what(summary),
        _figures(summary),
        _domains(summary),
        _why(summary),
        _controls(summary),
        _data(summary),
        _limits(summary),
        "## How to load it\n\n" + fenced(summary.loads_with, "python") if summary.loads_with else "",
        _decisions(summary),
        _versions(summary),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in sections if part) + "\n"


def write_card(summary: RunSummary, path: str | Path) -> None:
    """Write the model card to ``path``, atomically."""
    write_text(Path(path), render_card(summary))


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _what(summary: RunSummary) -> str:
    rows = [
        ["Pretrained model", escaped(summary.model)],
        ["Licence of its weights", escaped(summary.licence)],
        ["Shipped", escaped(summary.shipped)],
        ["Data", escaped(summary.data)],
    ]
    if "total" in summary.seconds:
        rows.append(["Time", duration(summary.seconds["total"])])
    text = _table(["", ""], rows)
    return f"{text}\n\n{escaped(summary.comparison)}" if summary.comparison else text


def _figures(summary: RunSummary) -> str:
    columns = {"test": summary.test, "out of domain": summary.out_of_domain, "validation": summary.validation}
    columns |= {f"{name} (test)": table for name, table in summary.baselines.items()}
    columns = {name: table for name, table in columns.items() if table}
    if not columns:
        return ""
    names = list(dict.fromkeys(name for table in columns.values() for name in table))
    names.sort(key=lambda name: name != summary.primary_metric)
    rows = []
    for name in names:
        digits = decimals(table[name] for table in columns.values() if name in table)
        cells = [_cell(table.get(name), digits) for table in columns.values()]
        rows.append([escaped(metric_title(name)), *cells])
    note = "95 % intervals in brackets."
    return f"## Figures\n\n{_table(['', *map(escaped, columns)], rows)}\n\n{note}"


def _domains(summary: RunSummary) -> str:
    """Give the primary figure of every domain; nothing where rows have none."""
    found = domain_values(summary)
    if not found:
        return ""
    heads = ["Domain", "Split", "Examples", metric_title(summary.primary_metric)]
    rows = [
        [escaped(row.name), escaped(row.split), row.rows, f"{row.cells[0][0]} ({row.cells[0][1]})"]
        for row in found.rows
    ]
    return f"## Domain by domain\n\n{_table([escaped(head) for head in heads], rows)}"


def _cell(metric: Metric | None, digits: int) -> str:
    return f"{figure(metric.value, digits)} ({interval(metric, digits)})" if metric else NOTHING


def _why(summary: RunSummary) -> str:
    """Say which models were compared and which configurations tried; nothing where none were."""
    parts = []
    if summary.ranking:
        digits, stand = decimals(row.score for row in summary.ranking), standings(summary)
        heads = ["Model", metric_title(summary.ranking[0].figure), "Standing"]
        rows = [[row.label, _cell(row.score, digits), stand[row.label]] for row in summary.ranking]
        rows_are = escaped(summary.ranking[0].rows_are)
        words = f"Compared on {count(summary.ranking[0].examples)} {rows_are}, without training:"
        parts += [words, _table([escaped(head) for head in heads], [[*map(escaped, row)] for row in rows])]
    if summary.skipped:
        names = "; ".join(f"{escaped(name)} ({escaped(reason)})" for name, reason in summary.skipped)
        parts.append(f"Not compared: {names}.")
    if summary.trials:
        digits = decimals(row.metric for row in summary.trials)
        loss = loss_name(summary)
        figures = [metric_title(summary.primary_metric), *([loss] if loss else [])]
        heads = ["Tried for a short time", "Round", "Rate", *figures, ""]
        rows = [
            [f"{row.model}, {row.moves}", str(row.round), setting(row.lr), _cell(row.metric, digits),
             *([figure(row.loss)] if loss else []), "taken" if row.chosen else ""]
            for row in summary.trials
        ]  # fmt: skip
        parts.append(_table([escaped(head) for head in heads], [[*map(escaped, row)] for row in rows]))
    return "\n\n".join(["## Why this model", *parts]) if parts else ""


def _controls(summary: RunSummary) -> str:
    table = controls_table(summary)
    if table is None:
        return ""
    heads = ["Arm", *table.heads]
    rows = [[name, f"{value} ({interval})", *cells] for name, value, interval, cells in table.rows]
    shown = _table([escaped(head) for head in heads], [[*map(escaped, row)] for row in rows])
    parts = ["## Did pretraining help?", table.sentence, shown, *table.others, table.note]
    return "\n\n".join(part if part in (parts[0], shown) else escaped(part) for part in parts if part)


def _data(summary: RunSummary) -> str:
    if not summary.counts:
        return ""
    counts = ", ".join(f"{escaped(name)}: {count(number)}" for name, number in summary.counts.items())
    names = ", ".join(escaped(name) for name in summary.classes[:50])
    more = f" and {len(summary.classes) - 50} more" if len(summary.classes) > 50 else ""
    return f"## Data\n\n{counts}." + (f"\n\nClasses: {names}{more}." if names else "")


def _limits(summary: RunSummary) -> str:
    lines = [f"- {escaped(text)}" for text in summary.warnings]
    lines += [f"- {escaped(sentence)}" for level, _, sentence in summary.findings if level != "note"]
    return "## Known limits\n\n" + "\n".join(lines) if lines else ""


def _decisions(summary: RunSummary) -> str:
    rows = [
        [escaped(row.setting), escaped(setting(row.value)), escaped(row.basis.value), escaped(row.because)]
        for row in summary.plan
    ]
    return "## Decisions\n\n" + _table(["Setting", "Value", "Basis", "Because"], rows) if rows else ""


def _versions(summary: RunSummary) -> str:
    if not summary.versions:
        return ""
    return "Made with " + ", ".join(f"{escaped(k)} {escaped(v)}" for k, v in summary.versions.items()) + "."
