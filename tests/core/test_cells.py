"""Text that a spreadsheet would run is written so that it does not."""

import pytest

from crosstune.core.cells import safe_cell


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_what_looks_like_a_formula_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=b", "", "1-2", -1.5, 0, None, True])
def test_anything_else_stays_as_it_is(value: object) -> None:
    assert safe_cell(value) is value
