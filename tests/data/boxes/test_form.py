"""Boxes: there and back for every form, and what is no box."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosstune.data.boxes.form import UNREADABLE, BadObject, as_written, numbers_of, to_pixels
from crosstune.data.places import CORNERS, CXCYWH, XYWH, Form

FORMS = [Form(corners, normalised=shares) for corners in CORNERS for shares in (False, True)]
SIDE = st.floats(1, 500)


@given(st.sampled_from(FORMS), st.tuples(SIDE, SIDE, SIDE, SIDE), st.tuples(SIDE, SIDE))
def test_what_is_written_in_any_form_is_read_back(
    form: Form, box: tuple[float, ...], size: tuple[float, float]
) -> None:
    boxes = np.array([box])
    np.testing.assert_allclose(to_pixels(as_written(boxes, form, size), form, size), boxes, atol=1e-9)


def test_the_forms_mean_what_they_say() -> None:
    numbers = np.array([[0.5, 0.5, 0.25, 0.5]])
    centred = to_pixels(numbers, Form(CXCYWH, normalised=True), (40, 20))
    assert centred.tolist() == [[15, 5, 25, 15]]
    assert to_pixels(np.array([[3.0, 4, 10, 20]]), Form(XYWH), (1, 1)).tolist() == [[3, 4, 13, 24]]


@pytest.mark.parametrize(
    "values", [[], [1, 2, 3], [1, 2, 3, 4, 5], [1, 2, "x", 4], [1, 2, None, 4], [1, 2, float("nan"), 4],
               [1, 2, "inf", 4], [1, True, 3, 4], [1, 2, 3, 10**400]],
)  # fmt: skip
def test_what_is_not_four_finite_numbers_is_named(values: list[object]) -> None:
    with pytest.raises(BadObject) as caught:
        numbers_of(values, "a.txt:3")
    assert caught.value.code == UNREADABLE
    assert caught.value.reason.startswith("a.txt:3: ")


def test_numbers_may_be_texts() -> None:
    assert numbers_of(["1", " 2.5", 3, 4.0], "") == [1, 2.5, 3, 4]
