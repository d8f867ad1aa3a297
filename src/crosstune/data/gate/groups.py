"""Columns that look like a group (a patient, a speaker, a document) though nobody has named them as one."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations

import pyarrow.compute as pc
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.gate.finding import WARNING, Finding
from crosstune.data.labelled import LabelledData
from crosstune.data.layout import WHOLE
from crosstune.data.sounds import is_part
from crosstune.data.store import ORIGIN, PROBLEM, column, values
from crosstune.data.targets import is_missing

WORDS = frozenset(
    (
        "patient", "subject", "speaker", "person", "participant", "user", "author", "writer", "reviewer",
        "customer", "client", "document", "doc", "article", "source", "session", "recording", "record",
        "video", "clip", "movie", "scene", "site", "hospital", "device", "camera", "group", "family", "case",
        "conversation", "dialog", "dialogue", "thread", "product", "book", "volume", "file", "filename",
        "path",
    )
)  # fmt: skip
"""Words in the name of a column that make it look like a group."""

FEWEST = 5
"""Values below which a column is a category, not a group: a rule by group would leave too little. ASSUMED."""


def hidden_group_findings(data: LabelledData) -> list[Finding]:
    """Warn of columns with the name of a group, whose values several rows share on both sides of a split.

    Data without splits is warned of too: its splits are made row by row where no group is named.
    Checked by: ``tests/data/gate/test_groups.py``.
    """
    if data.group is not None:
        return []
    findings = []
    for name in _named(data):
        counts = {
            split: Counter(str(value) for value in values(dataset, name) if not is_missing(value))
            for split, dataset in data.splits.items()
        }
        total = sum(counts.values(), Counter[str]())
        shared = [value for value, count in total.items() if count > 1]
        # A group has many values, most of them with several rows; an id has a row each.
        if len(total) < FEWEST or total.total() < 1.5 * len(total):
            continue
        where = _where(counts, shared)
        if where:
            findings.append(
                Finding(
                    severity=WARNING,
                    code="undeclared-group",
                    sentence=f"the column `{name}` looks like a group ({len(total):,} values for "
                    f"{total.total():,} rows), and {where}",
                    fix=f"name it with --group {name}, so that each of its values stays in one split; "
                    "or drop the column if its rows are independent",
                    items=tuple(f"{name}={value}" for value in sorted(shared)[:1_000]),
                )
            )
    return findings


def recording_findings(data: LabelledData) -> list[Finding]:
    """Warn of recordings whose parts lie, or may fall, on both sides of a split, where no group is named."""
    if data.group is not None or data.modality != "audio":
        return []
    counts = {
        split: Counter(_cut_recordings(dataset, data.inputs[0])) for split, dataset in data.splits.items()
    }
    total = sum(counts.values(), Counter[str]())
    shared = [path for path, count in total.items() if count > 1]
    where = _where(counts, shared) if shared else ""
    if not where:
        return []
    return [
        Finding(
            severity=WARNING,
            code="undeclared-group",
            sentence=f"{total.total():,} rows are parts of {len(total):,} recordings, and {where}",
            fix="add a column that names the recording of each row (a copy of the paths will do), and name "
            "it with --group, so that each recording stays in one split",
            items=tuple(sorted(shared)[:1_000]),
        )
    ]


def _cut_recordings(dataset: Dataset, name: str) -> Iterator[str]:
    """Give the file of every row that is a part of one."""
    for cell in values(dataset.select_columns([name]), name) if _has_parts(dataset, name) else ():
        if cell is not None and is_part(cell) and cell["path"]:
            yield str(cell["path"])


def _has_parts(dataset: Dataset, name: str) -> bool:
    starts = pc.struct_field(column(dataset, name), "start")
    return bool(len(starts) > starts.null_count)


def _where(counts: dict[str, Counter[str]], shared: list[str]) -> str:
    if set(counts) == {WHOLE}:
        return f"splits will be made row by row: {len(shared):,} values can fall on both sides"
    for one, other in combinations(counts, 2):
        both = sorted(counts[one].keys() & counts[other].keys())
        if both:
            return f"{len(both):,} values are in both {one} and {other}: {shown(both, most=5)}"
    return ""


def _named(data: LabelledData) -> Iterator[str]:
    """Give the unused columns that all splits have and whose name holds a word for a group."""
    used = {*data.inputs, data.target, data.domain, ORIGIN, PROBLEM, "split"}
    columns = [name for dataset in data.splits.values() for name in dataset.column_names]
    for name in dict.fromkeys(columns):
        parts = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
        plural = {part.removesuffix("s") for part in parts}
        if name not in used and columns.count(name) == len(data.splits) and WORDS & {*parts, *plural}:
            if any("list" in str(d.data.schema.field(name).type) for d in data.splits.values()):
                continue
            yield name
