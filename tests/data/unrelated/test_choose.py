"""No set that the run is about is called unrelated."""

import numpy as np
import pytest
from PIL import Image

from crosstune.data.unrelated import choose
from crosstune.data.unrelated.base import Held, UnrelatedSet, fingerprint, joined
from crosstune.data.unrelated.choose import about_digits, unrelated_sets
from crosstune.data.unrelated.pictures import picture_sets
from crosstune.data.unrelated.texts import text_sets

NOISE = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in range(4)]


def names(sets: list[UnrelatedSet]) -> list[str]:
    return [one.name for one in sets]


def test_pictures_are_tried_on_all_that_is_at_hand() -> None:
    sets, out = unrelated_sets("image", Held(NOISE), ["cat", "dog", "cat", "dog"], [], rows=50)
    assert names(sets) == names(picture_sets())
    assert len(sets) >= 2
    assert out == []
    assert all(len(one) == 50 == len(one.classes) for one in sets)
    again, _ = unrelated_sets("image", Held(NOISE), ["cat", "dog", "cat", "dog"], [], rows=50)
    assert joined(again).digest == joined(sets).digest  # so that features of a body are found in the cache


def test_digits_are_left_out_where_the_task_is_digits() -> None:
    targets = [str(number) for number in range(10)]
    sets, out = unrelated_sets("image", Held(NOISE), targets, [], rows=20)
    assert [one.digits for one in sets] == [False]
    assert {why for _, why in out} == {"the task is about digits too"}


def test_a_set_of_which_the_run_has_examples_is_left_out() -> None:
    patches = next(one for one in picture_sets() if "photographs" in one.name)
    own = Held([*NOISE, patches.raw[7]])
    sets, out = unrelated_sets("image", own, ["a", "b", "a", "b", "a"], [], rows=20)
    assert patches.name not in names(sets)
    assert out == [(patches.name, "the run's own data has examples of it")]


def test_questions_about_the_runs_own_texts_stand_in_only_where_no_other_text_is_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = [f"{'word ' * (1 + row % 9)}{'?' if row % 2 else '.'}" for row in range(60)]
    sets, _ = unrelated_sets("text", Held(own), ["a", "b"] * 30, own, rows=40)
    assert names(sets) == names(text_sets())
    assert not any(one.own for one in sets)
    monkeypatch.setattr(choose, "text_sets", list)
    sets, _ = unrelated_sets("text", Held(own), ["a", "b"] * 30, own, rows=40)
    assert names(sets) == ["the run's own texts: length", "the run's own texts: question mark"]
    assert all(one.own for one in sets)


def test_other_inputs_have_no_set() -> None:
    assert unrelated_sets("audio", Held([]), [], []) == ([], [])


@pytest.mark.parametrize(
    ("targets", "about"),
    [
        ([0, 1, 2, 9], True), ([7.0, 3.0, 2.0], True), (["seven", "one", "Zero"], True), ([0, 1], False),
        (["cat", "dog", "1"], False), ([["1"], ["2", "3"]], True), ([0.25, 7.5, 3.1, 1.0], False),
        ([], False),
    ],
)  # fmt: skip
def test_digits_are_known_by_their_names(targets: list[object], about: bool) -> None:
    assert about_digits(targets) is about


def test_fingerprints_tell_content_apart() -> None:
    assert fingerprint(NOISE[0]) == fingerprint(NOISE[0].copy())
    assert fingerprint(NOISE[0]) != fingerprint(NOISE[1])
    assert fingerprint(("a", "bc")) != fingerprint(("ab", "c"))
