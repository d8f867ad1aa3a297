"""Reading: from whatever the user names to splits of rows whose columns have a meaning."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.data.boxes.tables import as_boxes
from crosstune.data.columns import find_inputs, find_modality, find_target, require
from crosstune.data.domains import domain_names
from crosstune.data.errors import TooFewRows, UnusableColumn
from crosstune.data.kinds.registry import kind_called
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import in_order
from crosstune.data.readers.base import RawData
from crosstune.data.readers.registry import read_raw
from crosstune.data.split_column import by_split_column
from crosstune.data.store import PROBLEM, column, values, with_column
from crosstune.data.tagged import as_tagged
from crosstune.data.targets import is_list, named, recognised


def read(
    data: Any,  # noqa: ANN401 - a path, a Hub id, a DataFrame, a Dataset or a DatasetDict
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    group: str | None = None,
    domain: str | None = None,
    need_target: bool = True,
    task: str | None = None,
) -> LabelledData:
    """Read labelled data. Files are listed and tables opened; no image is decoded.

    Args:
        data: a path (class folders, CSV, TSV, JSONL, Parquet, a folder of such files for each split, a
            saved ``datasets`` directory), the id of a Hub dataset, or in Python a ``pandas.DataFrame``, a
            ``datasets.Dataset`` or a ``datasets.DatasetDict``.
        target: the column to learn; ``None`` takes the one with an obvious name.
        inputs: one column, or two for a pair of texts; empty takes the obvious.
        group: a column whose values must not straddle splits that are made.
        domain: a column that says which domain a row comes from.
        need_target: ``False`` for predict: then no target is looked for (one that is named and there is
            used), and a column ``split`` takes no table apart, so that every row stays in its place.
        task: as the user names it, where one file can be read for more than one.

    Raises:
        DataNotFound, UnknownLayout, UnreadableFile: nothing can be read.
        MissingColumn, AmbiguousColumn, UnusableColumn: the columns are not clear.
        BadSplit: the splits are not clear.

    Cost: one pass over text tables; Parquet and class folders are not read beyond their structure.
    Checked by: ``tests/data/test_read.py`` and ``tests/data/readers``.
    """
    raw = _raw(data, target, inputs, task, need=need_target)
    for name, flag in ((group, "--group"), (domain, "--domain")):
        if name is not None:
            require(raw, name, flag=flag)
    goal = find_target(raw, _own(target, raw), inputs, need=need_target)
    needed = {name for name in (goal, group, domain, *inputs) if name}
    chosen = find_inputs(raw, inputs, goal=goal, taken=(group, domain))
    modality = raw.modality or find_modality(raw, chosen)
    splits = {name: raw.splits[name] for name in in_order(raw.splits)}
    for name in chosen:
        splits = _read_inputs(splits, name, raw, modality, needed)
    splits = _read_domains(splits, domain, raw)
    splits, declared = _read_targets(splits, goal, raw)
    splits, notes = _apart(splits, raw, needed | set(chosen)) if need_target else (splits, ())
    return LabelledData(
        source=raw.source,
        splits=splits,
        inputs=chosen,
        target=goal,
        modality=modality,
        group=group,
        domain=domain,
        domain_names=domain_names(splits.values(), domain),
        declared=declared,
        notes=(*raw.notes, *notes),
        tagged=raw.tagged,
        places=raw.places if goal is not None and goal == raw.target else None,
    )


def _raw(
    data: Any,  # noqa: ANN401
    target: str | None,
    inputs: Sequence[str],
    task: str | None,
    *,
    need: bool,
) -> RawData:
    """Let the readers read, and bring boxes and tagged words that came as tables to their one form."""
    raw = read_raw(data, task=task, labels=need)
    raw = as_boxes(raw, task=task, target=target, need=need)
    raw = as_tagged(raw, target=target, inputs=inputs, need=need)
    _check_rows(raw)
    return raw


def _own(target: str | None, raw: RawData) -> str | None:
    """Leave out the name of a column that the reader has already used: the classes of boxes."""
    return None if raw.places is not None and target == raw.places.column else target


def _apart(
    splits: dict[str, Dataset], raw: RawData, used: set[str]
) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Use the column ``split`` of data that came as one table."""
    names = next((raw.declared[name] for name in raw.declared if name.lower() == "split"), ())
    return by_split_column(splits, used=used, declared=names, source=raw.source)


def _check_rows(raw: RawData) -> None:
    if not any(len(dataset) for dataset in raw.splits.values()):
        raise TooFewRows(
            f"`{raw.source}` holds no rows",
            found="a header at most",
            expected="labelled rows",
            fix="check that this is the right file",
        )


def _read_inputs(
    splits: dict[str, Dataset], name: str, raw: RawData, modality: str, taken: set[str]
) -> dict[str, Dataset]:
    """Bring an input column to one form, and note the cells that cannot be."""
    result = {}
    for split, dataset in splits.items():
        try:
            cells, problems = kind_called(modality).cells(dataset, name, raw.folders.get(split), taken)
        except UnusableColumn as error:
            raise UnusableColumn(
                f"the column `{name}` of `{raw.source}` ({split}) cannot be used as {modality}",
                found=error.found,
                expected=error.expected,
                fix=error.fix,
            ) from None
        if cells is not None:
            dataset = with_column(dataset, name, cells)  # noqa: PLW2901 - the same rows
        result[split] = _with_problems(dataset, problems)
    return result


def _with_problems(dataset: Dataset, problems: list[str | None] | None) -> Dataset:
    if problems is None or not any(problems):
        return dataset
    if PROBLEM in dataset.column_names:
        problems = [old or new for old, new in zip(values(dataset, PROBLEM), problems, strict=True)]
    return with_column(dataset, PROBLEM, pa.array(problems, pa.string()))


def _read_domains(splits: dict[str, Dataset], name: str | None, raw: RawData) -> dict[str, Dataset]:
    """Name domains that the data has as numbers with declared names."""
    if name is None or name not in raw.declared:
        return splits
    names = raw.declared[name]
    return {key: with_column(one, name, _named(column(one, name), names)) for key, one in splits.items()}


def _read_targets(
    splits: dict[str, Dataset], name: str | None, raw: RawData
) -> tuple[dict[str, Dataset], tuple[str, ...]]:
    """Name class numbers, recognise numbers in text; all splits alike."""
    names = raw.declared.get(name, ()) if name is not None else ()
    if name is None or (raw.places is not None and name == raw.target):
        return splits, tuple(names)
    columns = {
        split: column(dataset, name) for split, dataset in splits.items() if name in dataset.column_names
    }
    new: dict[str, Any] = {}
    for split, found in columns.items():
        kind = found.type
        if names:
            new[split] = _named(found, names)
        elif pa.types.is_dictionary(kind):
            new[split] = found.cast(kind.value_type)
        elif pa.types.is_decimal(kind) or pa.types.is_float16(kind):
            new[split] = found.cast(pa.float64())
        elif not _is_plain(kind):
            raise UnusableColumn(
                f"the column `{name}` of `{raw.source}` cannot be a target",
                found=f"values of type {kind}",
                expected="class names, numbers, or lists of class names",
                fix="name another column with --target, or convert this one",
            )
    if not raw.typed and raw.target is None:
        texts = recognised([found.to_pylist() for found in columns.values()])
        new |= dict(zip(columns, texts, strict=True)) if texts else {}
    replaced = {split: with_column(splits[split], name, array) for split, array in new.items()}
    return {**splits, **replaced}, tuple(names)


def _named(found: pa.ChunkedArray, names: Sequence[str]) -> pa.Array | pa.ChunkedArray:
    """Name class numbers; a split that holds the names themselves keeps them."""
    inner = found.type.value_type if is_list(found.type) else found.type
    texts = pa.types.is_string(inner) or pa.types.is_large_string(inner)
    return found if texts else named(found, names)


def _is_plain(kind: pa.DataType) -> bool:
    if is_list(kind):
        return _is_plain(kind.value_type) and not is_list(kind.value_type)
    types = pa.types
    return any(
        test(kind)
        for test in (
            types.is_string,
            types.is_large_string,
            types.is_integer,
            types.is_floating,
            types.is_boolean,
            types.is_null,
        )
    )
