"""Raw target columns: numbers recognised, class numbers named, lists kept."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa

from crosstune.core.labels import LabelMap, class_name

_INTEGER = re.compile(r"[+-]?(0|[1-9]\d*)(\.0*)?")
_ABSENT = frozenset({"", "na", "n/a", "nan", "null", "none", "<na>"})


def is_list(kind: pa.DataType) -> bool:
    """Say whether an Arrow type holds lists: then the target is multi-label."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def is_missing(value: object) -> bool:
    """Say whether a raw target is absent: null, NaN, or only white space; an empty list is not."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value)
    return isinstance(value, str) and not value.strip()


def as_number(value: object) -> float | None:
    """Return a raw target as a float, which may be infinite; ``None`` where it is no number."""
    if isinstance(value, (int, float)):
        return float(value)
    if not isinstance(value, str) or "_" in value:
        return None
    try:
        return float(value)
    except ValueError:
        return None


def recognised(texts_by_split: Sequence[Sequence[str | None]]) -> list[Any] | None:
    """Turn target columns that were typed as text (CSV) into numbers, all splits alike.

    Integers (also written ``3.0``, as pandas writes integers beside a gap) become integers, unless one
    has leading zeros, which makes it a name. Other numbers become floats, unless two that are written
    differently (``1.1`` and ``1.10``) would become one. Empty cells, ``NA`` and ``nan`` among numbers are
    missing.

    Returns:
        One ``pyarrow`` array for each split, or ``None`` where the targets are texts.
    """
    words = {text for texts in texts_by_split for text in texts if text is not None}
    present = {word for word in words if word.strip().lower() not in _ABSENT}
    if not present:
        return None
    numbers = {word: as_number(word) for word in present}
    if any(number is None for number in numbers.values()):
        return None
    kind = pa.float64()
    table: dict[str, Any] = dict(numbers)
    if all(_INTEGER.fullmatch(word.strip()) and abs(numbers[word] or 0) < 2**53 for word in present):
        kind, table = pa.int64(), {word: int(float(word)) for word in present}
    elif any(_padded(word) for word in present) or len(set(numbers.values())) < len(present):
        return None
    return [
        pa.array([None if text is None else table.get(text) for text in texts], kind)
        for texts in texts_by_split
    ]


def _padded(word: str) -> bool:
    return re.match(r"\s*[+-]?0\d", word) is not None


def named(column: pa.ChunkedArray, names: Sequence[str]) -> pa.Array:
    """Replace class numbers (or lists of them) by the names that the data declares; -1 is missing."""

    def name(value: object) -> object:
        if isinstance(value, list):
            return [name(part) for part in value]
        if not isinstance(value, int) or value < 0:
            return None
        return names[value] if value < len(names) else str(value)

    kind = pa.list_(pa.string()) if is_list(column.type) else pa.string()
    return pa.array([name(value) for value in column.to_pylist()], kind)


def labels_of(value: object) -> tuple[str, ...]:
    """Return the class names of one raw target: one, or those of a list, without doubles."""
    if isinstance(value, (list, tuple)):
        return tuple(dict.fromkeys(class_name(part) for part in value if not is_missing(part)))
    return (class_name(value),)


def class_counts(targets: Iterable[object], *, declared: Sequence[str] = ()) -> dict[str, int]:
    """Count the rows of each class, in the order of the label map; a list counts for each of its classes."""
    counts = Counter(name for value in targets if not is_missing(value) for name in labels_of(value))
    names = LabelMap.from_values(counts, declared).names
    return {name: counts[name] for name in names}


def plain_name(name: str) -> str:
    """Write a class name so that case, width of letters, hyphens and spaces make no difference."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return " ".join(folded.replace("_", " ").replace("-", " ").split())
