"""Whether a value read from a file has the types that a dataclass declares, all the way down."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def misfit(value: object, hint: Any) -> str | None:  # noqa: ANN401 - any type
    """Say where ``value`` is not of type ``hint``, or return ``None`` where it fits.

    Understands what this package's records are made of: dataclasses, ``list``, ``tuple``, ``dict`` and
    ``Mapping``, unions, ``Any`` and plain classes. A whole number is a ``float``, a ``bool`` none.

    Checked by: ``tests/core/test_schema.py``.
    """
    return next(_misfits(value, hint, ""), None)


def _misfits(value: object, hint: Any, where: str) -> Iterator[str]:  # noqa: ANN401
    origin = get_origin(hint) or hint
    if hint is Any:
        return
    if origin in (Union, types.UnionType):
        if all(next(_misfits(value, one, where), None) for one in get_args(hint)):
            yield _words(value, hint, where)
    elif not _is_a(value, origin):
        yield _words(value, hint, where)
    elif is_dataclass(origin) and isinstance(origin, type):
        for name, kind in _hints(origin).items():
            yield from _misfits(getattr(value, name), kind, f"{where}.{name}")
    else:
        yield from _parts(value, get_args(hint), hint, where)


def _parts(value: Any, inner: tuple[Any, ...], hint: Any, where: str) -> Iterator[str]:  # noqa: ANN401
    if isinstance(value, Mapping) and inner:
        for key, one in value.items():
            yield from _misfits(key, inner[0], f"{where} key {str(key)[:40]!r}")
            yield from _misfits(one, inner[1], f"{where}[{str(key)[:40]!r}]")
    elif isinstance(value, tuple) and inner and inner[-1] is not Ellipsis:
        if len(value) != len(inner):
            yield _words(value, hint, where)
        for index, (one, kind) in enumerate(zip(value, inner, strict=False)):
            yield from _misfits(one, kind, f"{where}[{index}]")
    elif isinstance(value, (list, tuple)) and inner:
        for index, one in enumerate(value):
            yield from _misfits(one, inner[0], f"{where}[{index}]")


def _is_a(value: object, kind: Any) -> bool:  # noqa: ANN401
    if kind is None:
        return value is None
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) if kind is float else isinstance(value, kind)


@cache
def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _words(value: object, hint: Any, where: str) -> str:  # noqa: ANN401
    name = getattr(hint, "__name__", str(hint)) if not get_args(hint) else str(hint)
    place = where.lstrip(".") or "the file"
    return f"{place} is {type(value).__name__} {str(value)[:60]!r} instead of {name}"
