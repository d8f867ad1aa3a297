"""Data that is already in Python: a DataFrame, a ``datasets.Dataset``, a ``DatasetDict``."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import Dataset, DatasetDict
from PIL import Image

from crosstune.core.errors import shown
from crosstune.data.errors import BadSplit, UnusableColumn
from crosstune.data.layout import WHOLE, split_name
from crosstune.data.readers.base import RawData
from crosstune.data.readers.declared import agreed
from crosstune.data.readers.parquet import class_names
from crosstune.data.store import IMAGE_TYPE, ORIGIN, PROBLEM, make, plain, with_column


class InMemory:
    """DataFrame, Dataset or DatasetDict. Origins are ``row 17`` or ``train[17]``, counted from 0."""

    name = "data in memory"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """By type."""
        return isinstance(data, (pd.DataFrame, Dataset, DatasetDict))

    def read(self, data: pd.DataFrame | Dataset | DatasetDict) -> RawData:
        """Take over the tables; nothing is copied that need not be."""
        if isinstance(data, pd.DataFrame):
            return RawData(source="DataFrame", splits={WHOLE: with_origins(_from_frame(data), None)})
        return from_datasets(data, source=type(data).__name__)


def from_datasets(data: Dataset | DatasetDict, *, source: str) -> RawData:
    """Take over a Dataset or every split of a DatasetDict."""
    if isinstance(data, Dataset):
        features = data.features
        return RawData(
            source=source,
            splits={WHOLE: with_origins(plain(data), None)},
            declared=class_names(features),
        )
    splits: dict[str, Dataset] = {}
    names: dict[str, dict[str, tuple[str, ...]]] = {}
    left = []
    for name, dataset in data.items():
        split = split_name(str(name))
        if split is None or split in splits:
            left.append(str(name))
        else:
            splits[split] = with_origins(plain(dataset), str(name))
            names[split] = class_names(dataset.features)
    if not splits and len(left) == 1:
        names = {WHOLE: class_names(data[left[0]].features)}
        splits, left = {WHOLE: with_origins(plain(data[left[0]]), left[0])}, []
    if not splits:
        raise BadSplit(
            f"`{source}` has splits, but none whose name says what it is for",
            found=shown(data),
            expected="train, and perhaps validation (val, valid, dev) and test",
            fix="rename the splits, or pass one of them",
        )
    notes = (f"left out of `{source}`: the splits {shown(left)}",) if left else ()
    splits, declared = agreed(splits, names)
    return RawData(source=source, splits=splits, declared=declared, notes=notes)


def with_origins(dataset: Dataset, name: str | None) -> Dataset:
    """Add the column ``__origin__`` unless it is there."""
    if PROBLEM in dataset.column_names and not _are_texts(dataset, PROBLEM):
        dataset = dataset.remove_columns(PROBLEM)
    if ORIGIN in dataset.column_names and _are_texts(dataset, ORIGIN):
        return dataset
    rows = range(len(dataset))
    origins = [f"row {row}" for row in rows] if name is None else [f"{name}[{row}]" for row in rows]
    return with_column(dataset, ORIGIN, pa.array(origins, pa.string()))


def _are_texts(dataset: Dataset, name: str) -> bool:
    """Say whether a column that this package names is one that it could have made."""
    column = dataset.data.column(name)
    return bool(pa.types.is_string(column.type)) and (name == PROBLEM or not column.null_count)


def _from_frame(frame: pd.DataFrame) -> Dataset:
    frame = frame.reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    if twice := sorted(set(frame.columns[frame.columns.duplicated()])):
        raise UnusableColumn(
            "the DataFrame has more than one column of a name",
            found=shown(twice),
            expected="each name once",
            fix="rename or drop the columns that are there twice",
        )
    unlike = [name for name in (ORIGIN, PROBLEM) if name in frame.columns]
    frame = frame.drop(columns=unlike)  # names that the readers give themselves
    return make(pa.table({name: _to_arrow(frame[name], name) for name in frame.columns}))


def _to_arrow(series: "pd.Series[Any]", name: str) -> Any:  # noqa: ANN401
    try:
        return _converted(series)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, OSError) as error:
        return _mixed(series, name, error)


def _converted(series: "pd.Series[Any]") -> Any:  # noqa: ANN401
    first = next((value for value in series if value is not None), None)
    if isinstance(first, (Image.Image, np.ndarray)) and _is_picture(first):
        return pa.array([_encoded(value) for value in series], IMAGE_TYPE)
    if isinstance(first, Mapping) and {"bytes", "path"} <= set(first):
        return pa.array(list(series), IMAGE_TYPE)
    return pa.array(series, from_pandas=True)


def _mixed(series: "pd.Series[Any]", name: str, error: Exception) -> Any:  # noqa: ANN401
    """Write a column of mixed numbers and texts as text."""
    missing = series.isna()
    if all(
        gone or isinstance(value, (str, int, float, bool))
        for value, gone in zip(series, missing, strict=True)
    ):
        texts = [
            None if gone else str(value).encode("utf-8", "replace").decode()
            for value, gone in zip(series, missing, strict=True)
        ]
        return pa.array(texts, pa.string())
    raise UnusableColumn(
        f"the column `{name}` of the DataFrame holds values that cannot be stored",
        found=" ".join(str(error).split())[:200],
        expected="texts, numbers, lists, paths, bytes, images or arrays of height x width (x 3)",
        fix=f"convert the column `{name}`, or drop it",
    ) from error


def _is_picture(value: Image.Image | np.ndarray[Any, Any]) -> bool:
    if isinstance(value, Image.Image):
        return True
    return value.dtype == np.uint8 and (value.ndim == 2 or (value.ndim == 3 and value.shape[2] in {3, 4}))


def _encoded(value: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """Store a picture as PNG: lossless."""
    if value is None:
        return None
    if not isinstance(value, (Image.Image, np.ndarray)):
        raise TypeError(f"a {type(value).__name__} among pictures")
    picture = Image.fromarray(value) if isinstance(value, np.ndarray) else value
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}
