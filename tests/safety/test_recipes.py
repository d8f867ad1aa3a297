"""Recipes, ``--set`` and durations: any text gives options or a ``UserError``; what is written comes back."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crosstune.core.errors import BadValue, UserError
from crosstune.core.settings import CHOICES, SETTING_NAMES
from crosstune.core.units import format_bytes, parse_bytes, parse_duration
from crosstune.options import FitOptions, load_recipe, parse_sets

fast = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
KEYS = st.sampled_from([*FitOptions.model_fields, "nonsense", "", "a.b"])
VALUES = st.sampled_from(
    ["1", "-1", "0.5", "1e400", "nan", "inf", "true", "none", "{", "{}", '{"a": 1}', "[1]",
     "'x'", '"""', "1_0", "9" * 400, "1979-05-27", "07:32:00", "x" * 99, "\u0661"]
)  # fmt: skip


@fast
@given(st.binary(max_size=60))
@example(b"\xff")
@example(b"a" + b".a" * 2000 + b" = 1")
@example(b"lr = " + b"[" * 3000)
@example(b"lr = " + b"9" * 5000)
def test_a_recipe_of_any_bytes(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r.toml").write_bytes(content)
    with suppress(UserError):
        load_recipe(tmp_path / "r.toml")


@fast
@given(st.lists(st.tuples(KEYS, VALUES | st.text(max_size=8)), max_size=3))
def test_a_recipe_of_keys_and_values(tmp_path: Path, lines: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{key} = {value}" for key, value in lines)
    (tmp_path / "r.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with suppress(UserError):
        FitOptions(**{"data": "-", **load_recipe(tmp_path / "r.toml")})


@fast
@given(
    st.lists(st.tuples(KEYS, VALUES | st.text(max_size=12)).map("=".join) | st.text(max_size=12), max_size=3)
)
def test_sets_of_any_text(pairs: list[str]) -> None:
    with suppress(UserError):
        FitOptions(**{"data": "-", **parse_sets(pairs)})


@fast
@given(st.text(max_size=12) | st.floats() | st.integers() | VALUES)
@example("1" * 5000 + "s")
@example("\u0661\u0662s")
def test_a_duration_is_a_number_above_zero_or_a_user_error(text: str | float) -> None:
    try:
        seconds = parse_duration(text)
    except BadValue:
        return
    assert seconds is None or 0 < seconds < float("inf")


@fast
@given(st.text(max_size=12) | st.integers(0, 10**14).map(str))
def test_a_size_is_a_number_or_a_user_error(text: str) -> None:
    try:
        count = parse_bytes(text)
    except BadValue:
        return
    assert count is None or count >= 0


@given(st.integers(1, 10**12 - 1), st.sampled_from("smhd"))
def test_durations_come_back(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") == number * {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]


@given(st.integers(0, 10**15 - 1))
def test_a_size_that_is_shown_is_read_to_within_its_digits(count: int) -> None:
    assert parse_bytes(format_bytes(count)) == pytest.approx(count, rel=0.06, abs=1)


SETTINGS = {
    "lr": st.floats(1e-9, 1.0), "seed": st.integers(0, 2**31), "epochs": st.floats(0.1, 99),
    "pretrained": st.booleans(), **{name: st.sampled_from(values) for name, values in CHOICES.items()},
}  # fmt: skip


@fast
@given(st.dictionaries(st.sampled_from(sorted(SETTINGS)), st.none(), max_size=4), st.data())
def test_what_a_recipe_and_set_say_is_what_is_read(
    tmp_path: Path, keys: dict[str, None], data: st.DataObject
) -> None:
    values = {key: data.draw(SETTINGS[key]) for key in keys}
    assert set(values) <= set(SETTING_NAMES)
    texts = {
        key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in values.items()
    }
    lines = [
        f'{key} = "{text}"' if isinstance(values[key], str) else f"{key} = {text}"
        for key, text in texts.items()
    ]
    (tmp_path / "r.toml").write_text("\n".join(lines), encoding="utf-8")
    assert load_recipe(tmp_path / "r.toml") == values
    assert parse_sets([f"{key}={text}" for key, text in texts.items()]) == values
