"""Columns of paths."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from crosstune.data.layout import suffix_of


def most_are_files(kind: pa.DataType, sample: Sequence[Any], suffixes: frozenset[str]) -> bool:
    """Say whether a column holds texts, and most of a sample are paths that end in one of the suffixes."""
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return False
    paths = sum(suffix_of(value) in suffixes and "\n" not in value and len(value) < 1000 for value in sample)
    return bool(sample) and paths > len(sample) / 2
