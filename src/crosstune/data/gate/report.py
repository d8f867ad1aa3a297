"""What the check found: by item, by kind, and in figures."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from crosstune.core.errors import shown
from crosstune.core.files import replacing
from crosstune.data.digests import Digests
from crosstune.data.errors import CheckFailed
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, NOTE, WARNING, Finding
from crosstune.data.labelled import LabelledData
from crosstune.data.store import values, with_column
from crosstune.data.targets import as_number

__all__ = ["ERROR", "MOST_ITEMS", "NOTE", "WARNING", "BadItem", "CheckReport", "Finding", "safe_cell"]

# The last four are the full-width forms of the first four, which spreadsheets take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True, kw_only=True)
class BadItem:
    """One row that is set aside."""

    split: str
    index: int
    """Row within the split as checked."""
    origin: str
    code: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class CheckReport:
    """The outcome of :func:`crosstune.data.check.check`."""

    data: LabelledData
    """What was checked, untouched."""
    task: str | None
    findings: tuple[Finding, ...]
    bad: tuple[BadItem, ...]
    """In order of split and row; a row with two defects is here once, with the first."""
    digests: Mapping[str, Digests]
    """By split: a content hash for every row; an empty string for rows that are set aside."""
    alike: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)
    """By split: a number for each row; rows of equal or nearly equal content have the same."""
    facts: Mapping[str, float]
    """Figures about the good rows: ``rows``, ``bad``, ``image_side_median`` ..., ``text_chars_q99`` ..."""
    class_counts: Mapping[str, Mapping[str, int]]
    """By split, then class: good rows; empty for regression."""
    tidy: Mapping[str, Any] = field(default_factory=dict)
    """By split: an Arrow array, the target as it is learnt where that is not as it is written (boxes that
    stick out by a pixel are clipped, and one that is there twice is learnt once)."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that make training meaningless."""
        return tuple(finding for finding in self.findings if finding.severity == ERROR)

    @property
    def bad_share(self) -> float:
        """The share of rows that are set aside, in [0, 1]."""
        return len(self.bad) / max(1, self.data.rows())

    def require(self) -> None:
        """Raise ``CheckFailed`` with every error at once, if there is one."""
        if self.errors:
            raise CheckFailed(
                f"the data `{self.data.source}` cannot be trained on",
                found="; ".join(f"[{finding.code}] {finding.sentence}" for finding in self.errors),
                expected="data without errors (warnings and notes are fine)",
                fix="; ".join(finding.fix for finding in self.errors),
            )

    def clean(self) -> LabelledData:
        """Return the data without the bad rows; the targets of a regression become floats.

        A split with no good row left is dropped.
        """
        gone: dict[str, set[int]] = {}
        for item in self.bad:
            gone.setdefault(item.split, set()).add(item.index)
        data = replace(self.data, digests=dict(self.digests), alike=dict(self.alike))
        if self.tidy and data.target is not None:
            goal = data.target
            tidy = {split: with_column(data.splits[split], goal, one) for split, one in self.tidy.items()}
            data = replace(data, splits={**data.splits, **tidy})
        if gone:
            kept = {
                split: (split, [row for row in range(len(dataset)) if row not in gone.get(split, ())])
                for split, dataset in data.splits.items()
            }
            kept = {split: chosen for split, chosen in kept.items() if chosen[1]}
            counts = shown(f"{len(rows)} of {split}" for split, rows in gone.items())
            data = data.with_rows(kept, f"{len(self.bad)} rows were set aside ({counts})")
        return _with_numbers(data) if self.task and self.task.endswith("regression") else data

    def write(self, path: Path) -> None:
        """Write the rows that are set aside as CSV, safe to open in a spreadsheet."""
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(("split", "item", "code", "reason"))
            for item in self.bad:
                writer.writerow(
                    [safe_cell(text) for text in (item.split, item.origin, item.code, item.reason)]
                )


def safe_cell(text: str) -> str:
    """Write text so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _with_numbers(data: LabelledData) -> LabelledData:
    if data.target is None:
        return data
    splits = {}
    for split, dataset in data.splits.items():
        if data.target not in dataset.column_names:
            splits[split] = dataset
            continue
        numbers = [as_number(value) for value in values(dataset, data.target)]
        splits[split] = with_column(dataset, data.target, pa.array(numbers, pa.float64()))
    return replace(data, splits=splits)
