"""Several runs on several sets: every pair is looked at before the first is measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crosstune.artifacts.model import load_model
from crosstune.core.cross_table import Cell, CrossTable
from crosstune.core.errors import BadValue, UnknownName, UserError
from crosstune.core.files import read_json, write_json, write_text
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import RunDir
from crosstune.reports.cross import cross_csv, cross_markdown
from crosstune.stages.assess import finite
from crosstune.stages.use import Evaluated, look, measure

SUFFIXES = (".json", ".csv", ".md")


class NotMeasured(UserError):
    """Some runs cannot be measured on some sets."""

    code = "not-measured"

    def __init__(self, problems: Sequence[tuple[str, str, UserError]]) -> None:
        """List every pair that fails, each with its own error."""
        super().__init__(
            f"{len(problems)} of the pairs of a run and a set cannot be measured",
            found="; ".join(
                f"{run} on {data}: [{error.code}] {error.problem}, {error.found}"
                for run, data, error in problems
            ),
            expected="sets that every run can read and answer",
            fix="; ".join(dict.fromkeys(error.fix for _, _, error in problems)),
        )


def cross_table(
    runs: Mapping[str, Path],
    sets: Mapping[str, Any],
    *,
    metric: str | None = None,
    target: str | None,
    out: Path | None,
    engine: str,
    max_bad: float | None,
    reporter: Reporter,
    beams: int = 1,
) -> CrossTable:
    """Measure every run on every set; see :func:`crosstune.api.cross_evaluate`."""
    if out is not None and out.suffix not in SUFFIXES:
        raise BadValue(
            f"a table cannot be written to `{out.name}`",
            found=f"the suffix `{out.suffix}`",
            expected=", ".join(SUFFIXES),
            fix="name the file, for example, table.csv",
        )
    models = {name: load_model(path).with_beams(beams) for name, path in runs.items()}
    for model in models.values():
        if metric is not None and metric not in model.task.metrics:
            raise UnknownName("metric", metric, tuple(model.task.metrics))
    looks, problems = {}, []
    for run, model in models.items():
        for data, value in sets.items():
            try:
                looks[run, data] = look(model, value, target=target, max_bad=max_bad)
            except UserError as error:
                problems.append((run, data, error))
    if problems:
        raise NotMeasured(problems)
    cells = []
    for (run, data), seen in looks.items():
        reporter.say(f"{run} on {data}: {len(seen.items):,} rows of {seen.split}")
        found = measure(runs[run], models[run], seen, engine=engine, reporter=reporter)
        cells.append(_cell(run, data, found))
    trained_on = {name: _trained_on(path) for name, path in runs.items()}
    table = CrossTable(runs=tuple(runs), trained_on=trained_on, sets=tuple(sets), cells=tuple(cells))
    if out is not None:
        write_table(table, out, metric)
    return table


def write_table(table: CrossTable, path: Path, metric: str | None = None) -> None:
    """Write the table by the suffix of ``path``: ``.json``, ``.csv`` or ``.md`` (of one metric)."""
    if path.suffix == ".json":
        write_json(path, finite(table.to_json()))
    else:
        write_text(path, cross_csv(table) if path.suffix == ".csv" else cross_markdown(table, metric))


def _cell(run: str, data: str, found: Evaluated) -> Cell:
    return Cell(
        run=run, data=data, split=found.split, rows=found.rows, metrics=found.metrics,
        set_aside=found.set_aside, between=found.between,
    )  # fmt: skip


def _trained_on(path: Path) -> str:
    """Name the data of a run; a folder that is only a model does not know it."""
    asked = RunDir(path).options
    if not asked.is_file():
        return "unknown"
    about = read_json(asked)
    return str(about.get("data") or about.get("data_kind") or "unknown")
