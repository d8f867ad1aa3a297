"""What is packed comes back equal, to the last bit; what cannot be kept is refused."""

import json
import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.core.codec import pack, unpack


class Colour(StrEnum):
    """An enum."""

    RED = "red"


@dataclass(frozen=True)
class Pair:
    """A dataclass."""

    left: Any
    right: Any


KINDS = {"Pair": Pair, "Colour": Colour}

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
nested = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.dictionaries(st.floats(allow_nan=False) | st.integers(), inner)
        | st.builds(Pair, inner, inner)
    ),
    max_leaves=12,
)


def there_and_back(value: Any) -> Any:
    arrays: dict[str, Any] = {}
    text = json.dumps(pack(value, arrays), allow_nan=False)
    return unpack(json.loads(text), arrays, KINDS)


@given(nested)
def test_values_come_back_equal_and_of_the_same_kind(value: Any) -> None:
    assert repr(there_and_back(value)) == repr(value)


def test_what_json_has_not() -> None:
    value = [math.nan, math.inf, -math.inf, Colour.RED, np.float32(0.1), {"$": 1}]
    found = there_and_back(value)
    assert math.isnan(found[0])
    assert found[1:] == [math.inf, -math.inf, Colour.RED, float(np.float32(0.1)), {"$": 1}]
    assert isinstance(found[3], Colour)


def test_arrays_keep_shape_type_and_bits() -> None:
    held = Pair(np.arange(6, dtype=np.float32).reshape(2, 3).T, np.zeros((0, 2)))
    found = there_and_back(held)
    assert (found.left == held.left).all()
    assert (found.left.dtype, found.right.shape) == (np.float32, (0, 2))


@pytest.mark.parametrize(
    "raw", [{"$": "Popen", "value": {}}, {"$": "Pair", "value": {"x": 1}}, {"$": "array", "value": "9"}]
)
def test_only_the_kinds_that_are_named_are_made(raw: Any) -> None:
    with pytest.raises(ValueError, match=r"kind|fields"):
        unpack(raw, {}, KINDS)


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        pack(object(), {})
