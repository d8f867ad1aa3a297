"""Predictions as tables: Parquet, CSV that no spreadsheet runs, or JSON lines."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crosstune.core.cells import safe_cell
from crosstune.core.errors import BadValue
from crosstune.core.files import replacing
from crosstune.tasks.base import Row


def flat(row: Row) -> Row:
    """Turn the scores of a row into one column each: ``score: NAME``."""
    scores = {f"score: {name}": value for name, value in row.get("scores", {}).items()}
    return {name: value for name, value in row.items() if name != "scores"} | scores


def labelled_table(origins: Sequence[str], rows: Sequence[Row], targets: Sequence[Any]) -> pd.DataFrame:
    """Lay out test predictions: origin, target, prediction, scores."""
    table = [
        {"origin": origin, "target": target, **flat(row)}
        for origin, target, row in zip(origins, targets, rows, strict=True)
    ]
    return pd.DataFrame(table)


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows by the suffix of ``path``: ``.csv``, ``.jsonl`` or ``.parquet``.

    Raises:
        BadValue: another suffix.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".jsonl", ".parquet"):
        raise BadValue(
            f"predictions cannot be written to `{path.name}`",
            found=f"the suffix `{suffix}`",
            expected=".csv, .jsonl or .parquet",
            fix="name the file, for example, predictions.csv",
        )
    with replacing(path) as temporary:
        if suffix == ".jsonl":
            lines = [json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows]
            temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return
        table = pd.DataFrame([flat(row) for row in rows])
        if suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            table.map(safe_cell).to_csv(temporary, index=False)
