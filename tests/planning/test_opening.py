"""What is opened: sizes that suit the data and the budget."""

from dataclasses import replace

import pytest

from crosstune.core.errors import BadValue
from crosstune.core.plan import Basis
from crosstune.planning.opening import (
    BETWEEN,
    LEAST_ROWS,
    PASS_SHARE,
    SLOWER,
    choose_image_size,
    choose_max_length,
    choose_model,
    choose_pass_rows,
    choose_patched_side,
    shrink_image_size,
)
from crosstune.planning.seconds import heads_seconds
from tests.planning.test_strategy import DATA

TEXTS = replace(DATA, modality="text", task="text-classification")


@pytest.mark.parametrize(("side", "size"), [(28, 96), (32, 96), (64, 192), (500, 224), (None, 224)])
def test_small_pictures_get_a_smaller_input(side: int | None, size: int) -> None:
    assert choose_image_size(replace(DATA, median_side=side), native=224).value == size


@pytest.mark.parametrize(
    ("side", "patch", "size"),
    [
        (28, None, 28),
        (32, None, 32),
        (29, None, 28),
        (500, None, 224),
        (None, None, 224),
        (28, 5, 30),
        (3, 7, 7),
    ],
)
def test_a_body_of_another_modality_reads_whole_patches(
    side: int | None, patch: int | None, size: int
) -> None:
    assert choose_patched_side(replace(DATA, median_side=side), patch).value == size


def test_a_pass_that_is_too_long_shrinks_the_input() -> None:
    assert shrink_image_size(DATA, 96, speed=1_000.0, budget=600.0) is None
    smaller = shrink_image_size(DATA, 96, speed=100.0, budget=100.0)
    assert smaller is not None
    seconds = 11_000 / (100.0 * (96 / smaller.value) ** 2)
    assert seconds <= PASS_SHARE * 100.0 or smaller.value == 48


def test_texts_get_room_for_all_but_one_in_a_hundred() -> None:
    assert choose_max_length(replace(TEXTS, long_text=140)).value == 64
    assert choose_max_length(replace(TEXTS, long_text=100_000)).value == 512
    assert choose_max_length(replace(TEXTS, long_text=1)).value == 32


def test_the_default_models_work_without_a_network() -> None:
    assert choose_model(DATA).value == "package:efficientnet-lite0"
    assert choose_model(TEXTS).value == "package:minilm"
    speech = replace(DATA, modality="audio", task="automatic-speech-recognition", closed_form=False)
    found = choose_model(speech)
    assert found.value == "package:tiny-recogniser"
    assert "the default for automatic-speech-recognition" in found.because
    with pytest.raises(BadValue, match="no default model for text-generation"):
        choose_model(replace(TEXTS, task="text-generation", closed_form=False))
    assert choose_model(replace(DATA, task="object-detection", closed_form=False)).basis == Basis.PRIOR


def test_a_pass_sees_as_many_rows_as_fit() -> None:
    columns = (400, 2_000)
    assert choose_pass_rows(DATA, columns, speed=100.0, left=float("inf")).value is None
    assert choose_pass_rows(DATA, columns, speed=100.0, left=1_000.0).value is None
    some = choose_pass_rows(DATA, columns, speed=100.0, left=60.0).value

    def seconds(rows: int) -> float:
        passed = SLOWER * (rows + DATA.validation_rows) / 100.0
        return passed + heads_seconds(DATA, columns, rows) + BETWEEN

    assert LEAST_ROWS < some < DATA.train_rows
    assert seconds(some) <= 60.0 < seconds(some + 1)
    assert choose_pass_rows(DATA, (400, 9_000), speed=100.0, left=60.0).value < some
    assert choose_pass_rows(DATA, columns, speed=100.0, left=0.0).value == LEAST_ROWS
    assert choose_pass_rows(replace(DATA, train_rows=90), columns, speed=1.0, left=0.0).value is None
