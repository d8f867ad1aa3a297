"""Raw target values as they come from files, tables and arrays."""

import math
from typing import TypeGuard

import numpy as np


def plain(value: object) -> object:
    """Turn numpy scalars and arrays into Python numbers and lists."""
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value


def is_several(
    value: object,
) -> TypeGuard[list[object] | tuple[object, ...] | set[object] | frozenset[object]]:
    """Say whether a (plain) target holds several labels."""
    return isinstance(value, list | tuple | set | frozenset)


def is_missing(value: object) -> bool:
    """Say whether a (plain) target is absent: None, NaN or empty text."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))
