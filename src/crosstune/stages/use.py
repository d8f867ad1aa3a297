"""Using a finished run: predictions and figures for data it has not seen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from crosstune.artifacts.model import SavedModel, load_model
from crosstune.core.errors import BadValue, UserError, shown
from crosstune.core.files import write_json
from crosstune.core.metric import Metric
from crosstune.core.progress import Reporter
from crosstune.core.refused import refuse
from crosstune.core.words import marked
from crosstune.data.check import CheckReport, check
from crosstune.data.conversations.labelled import asked_of_texts, read_asked
from crosstune.data.errors import MissingColumn
from crosstune.data.infer import infer_task
from crosstune.data.items import SplitItems
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import SOUND_SUFFIXES
from crosstune.data.read import read
from crosstune.data.readers.registry import read_raw
from crosstune.data.store import PROBLEM, values, with_column
from crosstune.evaluation.scores import score
from crosstune.stages.assess import finite
from crosstune.stages.picture_answers import require_forms, write_beside
from crosstune.stages.reading import read_for
from crosstune.stages.seen import between_rows
from crosstune.stages.tables import write_rows
from crosstune.tasks.base import Task
from crosstune.tasks.structured import InPictures
from crosstune.tasks.text_generation import TextGeneration
from crosstune.tasks.token_classification import TokenClassification

FILES: dict[str, frozenset[str]] = {
    "image": frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}),
    "audio": SOUND_SUFFIXES,
}
"""By modality: the files that are taken from a folder; a text is no file."""
TABLES = frozenset({".csv", ".tsv", ".jsonl", ".parquet"})


class NothingToPredict(UserError):
    """The inputs of ``predict`` hold nothing that the model can read."""

    code = "nothing-to-predict"

    def __init__(self, inputs: Sequence[str], modality: str) -> None:
        """Name the inputs and what the model reads."""
        files = "sound" if modality == "audio" else modality
        super().__init__(
            "none of the inputs can be read by this model",
            found=shown(inputs),
            expected=f"{files} files, a folder of them, or a table with the input column"
            + (", or the text itself" if modality == "text" else ""),
            fix="name existing files or folders",
        )


def check_data(
    data: Any,  # noqa: ANN401
    *,
    target: str | None,
    inputs: Sequence[str],
    group: str | None,
    task: str | None,
    max_bad: float | None,
    strict: bool,
) -> CheckReport:
    """Read and check labelled data."""
    raw = read_for(task, data, target=target, inputs=inputs, group=group)
    name, _ = infer_task(raw, task)
    return check(raw, task=name, max_bad=max_bad, strict=strict)


def evaluate_run(
    run: Path,
    data: Any,  # noqa: ANN401
    *,
    target: str | None,
    out: Path | None,
    engine: str,
    max_bad: float | None,
    reporter: Reporter,
    beams: int = 1,
) -> dict[str, Metric]:
    """Measure a saved model on one split of labelled data: test, else validation, else the only one.

    Says how many labelled rows of that split were set aside, and why, how many repeat each other, and how
    many the run was trained on; ``out`` has the numbers too.
    """
    model = load_model(run).with_beams(beams)
    seen = look(model, data, target=target, max_bad=max_bad)
    found = measure(run, model, seen, engine=engine, reporter=reporter)
    if out is not None:
        figures = {name: metric.to_json() for name, metric in found.metrics.items()}
        write_json(
            out,
            finite(
                {
                    "split": found.split,
                    "rows": found.rows,
                    "set_aside": found.set_aside,
                    "metrics": figures,
                    "between": found.between,
                    **({"beams": beams} if beams > 1 else {}),
                }
            ),
        )
    return found.metrics


@dataclass(frozen=True, kw_only=True)
class Look:
    """Labelled rows that a saved model can be measured on: read, checked, not answered yet."""

    split: str
    items: SplitItems
    set_aside: dict[str, int]
    """Rows of the split by the reason why they cannot be used."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What a saved model comes to on a set."""

    split: str
    rows: int
    set_aside: dict[str, int]
    metrics: dict[str, Metric]
    between: dict[str, Any]
    """What is known between the rows: see :func:`between_rows`."""


def look(model: SavedModel, data: Any, *, target: str | None, max_bad: float | None) -> Look:  # noqa: ANN401
    """Read and check labelled data for a saved model; raises what is wrong with it."""
    if isinstance(model.task, TextGeneration):
        raw = read_for(model.task.name, data, target=target)
    elif isinstance(model.task, InPictures):
        raw = read(data, target=target, task=model.task.name)
    else:
        raw = _as_learnt(model, data, target or model.target)
    classes = getattr(model.task, "classes", None) or getattr(model.task, "known_kinds", None)
    report = check(raw, task=model.task.name, known=classes, fitted=True, max_bad=max_bad)
    report.require()
    clean = report.clean()
    split = next((name for name in ("test", "validation") if name in clean.splits), next(iter(clean.splits)))
    aside = Counter(item.code for item in report.bad if item.split == split)
    return Look(split=split, items=clean.items(split), set_aside=dict(aside))


def measure(run: Path, model: SavedModel, seen: Look, *, engine: str, reporter: Reporter) -> Evaluated:
    """Let the model answer, and score the answers."""
    items, split = seen.items, seen.split
    if seen.set_aside:
        count = sum(seen.set_aside.values())
        reasons = shown(f"{number:,} {code}" for code, number in seen.set_aside.items())
        rows = len(items) + count
        reporter.warn(f"{count:,} of {rows:,} labelled rows of {split} were set aside: {reasons}")
    outputs = model.outputs(items, engine=engine)
    encoded = model.task.encode(items.targets())
    metrics = score(model.task, outputs, encoded)
    between = between_rows(run, items, model.task, outputs, encoded, reporter)
    return Evaluated(split=split, rows=len(items), set_aside=seen.set_aside, metrics=metrics, between=between)


def _as_learnt(model: SavedModel, data: Any, target: str | None) -> LabelledData:  # noqa: ANN401
    """Read the columns that the model learnt from; class folders name theirs themselves."""
    try:
        return read(data, target=target, inputs=model.inputs)
    except MissingColumn:
        if len(model.inputs) > 1 or not read_raw(data).inputs:
            raise
        return read(data, target=target)


def predict_run(
    run: Path,
    inputs: Sequence[str],
    *,
    out: Path | None,
    engine: str,
    beams: int = 1,
    also: Sequence[str] = (),
) -> list[dict[str, Any]]:
    """Predict one row for each row in, in order; ``error`` says why a row has no prediction.

    What is found in pictures is written beside ``out`` as well: masks always, boxes in the forms ``also``.
    """
    model = load_model(run).with_beams(beams)
    require_forms(model.task, also, out)
    data, origins = gather(model, inputs)
    data = replace(data, target=None)
    split = next(iter(data.splits))
    problems = {item.index: f"{item.code}: {item.reason}" for item in check(data, task=model.task.name).bad}
    good = [index for index in range(len(origins)) if index not in problems]
    rows: list[dict[str, Any]] = []
    if good:
        items = data.items(split).subset(good)
        outputs = model.outputs(items, engine=engine)
        rows = model.rows(items, outputs)
        if out is not None:
            files = [origins[index] for index in good]
            rows = write_beside(
                model.task, items, outputs, rows, out=out, also=also, origins=files, numbers=good
            )
    found = dict(zip(good, rows, strict=True))
    table = [
        {"origin": origin, **found.get(index, {}), "error": problems.get(index, "")}
        for index, origin in enumerate(origins)
    ]
    if out is not None:
        write_rows(table, out)
    return table


def gather(model: SavedModel, inputs: Sequence[str]) -> tuple[LabelledData, list[str]]:
    """Collect files, folders, tables and texts into one split, in order, with an origin for every row."""
    modality = model.backbone.modality
    parts: list[tuple[LabelledData, list[str]]] = []
    loose: list[str] = []
    for name in inputs:
        path = Path(name)
        refuse(path)
        if path.suffix.lower() in TABLES and path.is_file():
            if loose:
                parts.append(_loose(model, loose))
                loose = []
            parts.append(_table(model, path))
        elif modality in FILES and path.is_dir():
            loose += [str(file) for file in sorted(path.rglob("*")) if file.suffix.lower() in FILES[modality]]
        elif modality == "text" and (path.suffix.lower() in TABLES or _exists(path)):
            raise NothingToPredict([name], modality)  # a mistyped table or a folder is no text to be rated
        else:
            loose.append(name)  # a picture that is not there keeps its row, with the reason
    if loose:
        parts.append(_loose(model, loose))
    if not parts:
        raise NothingToPredict(inputs, modality)
    data, origins = parts[0][0], [origin for _, part in parts for origin in part]
    if len(parts) == 1:
        return data, origins
    rows = [_with_problem(next(iter(part.splits.values())), data.inputs) for part, _ in parts]
    joined = concatenate_datasets([one.cast(rows[0].features) for one in rows])
    joined = joined.add_column("__origin__", origins)
    return LabelledData(
        source=shown(inputs), splits={"all": joined}, inputs=data.inputs, target=None, modality=modality
    ), origins


def _with_problem(rows: Dataset, inputs: Sequence[str]) -> Dataset:
    """Keep the inputs, and what is wrong with a row; nothing where the reader had nothing to say."""
    if PROBLEM not in rows.column_names:
        rows = with_column(rows, PROBLEM, pa.nulls(len(rows), pa.string()))
    return rows.select_columns([*inputs, PROBLEM])


def with_words(data: LabelledData, task: Task) -> LabelledData:
    """Mark the words of texts for a task that answers about words; lists of words have been joined."""
    if not isinstance(task, TokenClassification) or data.tagged:
        return data
    (name,) = data.inputs
    splits = {
        split: with_column(one, name, pa.array([_marked(text) for text in values(one, name)], pa.string()))
        for split, one in data.splits.items()
    }
    return replace(data, splits=splits)


def _marked(text: str | None) -> str | None:
    return None if text is None else marked(text)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a text that is too long for a name, or holds a zero byte
        return False


def _table(model: SavedModel, path: Path) -> tuple[LabelledData, list[str]]:
    if isinstance(model.task, TextGeneration):
        return read_asked(path)
    data = with_words(read(path, inputs=model.inputs, need_target=False), model.task)
    split = next(iter(data.splits))
    return data, data.items(split).origins()


def _loose(model: SavedModel, names: list[str]) -> tuple[LabelledData, list[str]]:
    if isinstance(model.task, TextGeneration):
        return asked_of_texts(names), names
    if len(model.inputs) > 1:
        raise BadValue(
            "a text alone is no pair, and this model reads pairs",
            found=shown(names),
            expected=f"a table with the columns {shown(model.inputs)}",
            fix="write the pairs into a .csv or .jsonl file",
        )
    modality = model.backbone.modality
    cells = [str(Path(name).absolute()) for name in names] if modality in FILES else names
    column = model.inputs[0]
    data = read(Dataset.from_dict({column: cells}), inputs=(column,), need_target=False)
    return with_words(data, model.task), names
