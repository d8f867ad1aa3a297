"""Values as JSON and arrays, and back: exact, strict, without pickle.

What can be kept: ``None``, booleans, whole numbers, floats (NaN and infinities too), strings, lists, tuples,
dictionaries, numpy arrays, and dataclasses and string enums of the kinds that are named.
"""

import base64
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MARK = "$"
"""Key of a dictionary that stands for something that JSON has not."""


def pack(value: Any, arrays: dict[str, NDArray[Any]]) -> Any:  # noqa: ANN401
    """Turn ``value`` into plain JSON values; arrays are put into ``arrays`` under a number.

    Raises:
        TypeError: a value of a kind that cannot be kept.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, StrEnum):
        return {_MARK: type(value).__name__, "value": str(value)}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_MARK: "float", "value": repr(value)}
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return {_MARK: "texts", "value": value.tolist()}
    if isinstance(value, np.ndarray) and value.dtype.kind == "S":
        return {_MARK: "files", "value": [base64.b64encode(one).decode() for one in value.tolist()]}
    if isinstance(value, np.ndarray):
        name = str(len(arrays))
        arrays[name] = np.ascontiguousarray(value).reshape(value.shape)
        return {_MARK: "array", "value": name}
    if isinstance(value, list):
        return [pack(one, arrays) for one in value]
    return _pack_marked(value, arrays)


def _pack_marked(value: Any, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:  # noqa: ANN401
    """Pack what has parts and needs a mark to be told from a plain list or dictionary."""
    if isinstance(value, tuple):
        return {_MARK: "tuple", "value": [pack(one, arrays) for one in value]}
    if isinstance(value, dict) and all(isinstance(key, str) and key != _MARK for key in value):
        return {key: pack(one, arrays) for key, one in value.items()}
    if isinstance(value, dict):  # keys of another kind
        pairs = [[pack(key, arrays), pack(one, arrays)] for key, one in value.items()]
        return {_MARK: "dict", "value": pairs}
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: pack(getattr(value, field.name), arrays) for field in fields(value)}
        return {_MARK: type(value).__name__, "value": held}
    raise TypeError(f"a value of type {type(value).__name__} cannot be kept")


def unpack(raw: Any, arrays: Mapping[str, NDArray[Any]], kinds: Mapping[str, type]) -> Any:  # noqa: ANN401
    """Turn what :func:`pack` gave back into the value; ``kinds`` are the only classes that are made.

    Raises:
        ValueError: a kind that is not among ``kinds``, or something that ``pack`` does not write.
    """
    if isinstance(raw, list):
        return [unpack(one, arrays, kinds) for one in raw]
    if not isinstance(raw, dict):
        return raw
    if _MARK not in raw:
        return {key: unpack(one, arrays, kinds) for key, one in raw.items()}
    return _unpack_marked(str(raw[_MARK]), raw.get("value"), arrays, kinds)


def _unpack_marked(
    kind: str,
    inner: Any,  # noqa: ANN401
    arrays: Mapping[str, NDArray[Any]],
    kinds: Mapping[str, type],
) -> Any:  # noqa: ANN401
    if kind == "float" and inner in ("nan", "inf", "-inf"):
        return float(inner)
    if kind == "array" and isinstance(inner, str) and inner in arrays:
        return arrays[inner]
    if kind == "texts" and isinstance(inner, list):
        return np.array(inner, dtype=np.str_)
    if kind == "files" and isinstance(inner, list):
        return np.array([base64.b64decode(one, validate=True) for one in inner], dtype=np.bytes_)
    if kind == "dict" and isinstance(inner, list):
        return {unpack(key, arrays, kinds): unpack(one, arrays, kinds) for key, one in inner}
    if kind == "tuple" and isinstance(inner, list):
        return tuple(unpack(one, arrays, kinds) for one in inner)
    if kind not in kinds:
        raise ValueError(f"`{kind}` is not a kind of value that is read here")
    if isinstance(inner, str):
        return kinds[kind](inner)
    try:
        return kinds[kind](**unpack(inner, arrays, kinds))
    except TypeError as error:
        raise ValueError(f"the fields of a {kind} do not fit: {error}") from error
