"""Values read from files have the types that the dataclasses declare, or the place is named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from crosstune.core.schema import misfit


@dataclass(frozen=True)
class Inner:
    """A part."""

    value: float
    name: str | None = None


@dataclass(frozen=True)
class Outer:
    """The whole."""

    rows: tuple[Inner, ...]
    table: Mapping[str, list[int]]
    pair: tuple[str, float]
    free: Any = None


SOUND = Outer((Inner(1), Inner(2.5, "a")), {"a": [1, 2]}, ("x", 3))


def test_what_fits_is_let_through() -> None:
    assert misfit(SOUND, Outer) is None
    assert misfit([None, 3, "a"], list[int | str | None]) is None


@pytest.mark.parametrize(
    ("made", "where"),
    [
        (Outer((Inner("1"),), {}, ("x", 3)), "rows[0].value is str '1' instead of float"),  # type: ignore[arg-type]
        (Outer((Inner(True),), {}, ("x", 3)), "rows[0].value is bool"),
        (Outer((Inner(1, 3),), {}, ("x", 3)), "rows[0].name is int '3'"),  # type: ignore[arg-type]
        (Outer((), {"a": ["b"]}, ("x", 3)), "table['a'][0] is str 'b' instead of int"),  # type: ignore[list-item]
        (Outer((), {3: []}, ("x", 3)), "table key '3' is int"),  # type: ignore[dict-item]
        (Outer((), {}, ("x", 3, 4)), "pair is tuple"),  # type: ignore[arg-type]
        (Outer([], {}, ("x", 3)), "rows is list"),  # type: ignore[arg-type]
        ("text", "the file is str 'text' instead of Outer"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named_by_its_place(made: Any, where: str) -> None:
    assert (misfit(made, Outer) or "").startswith(where)
