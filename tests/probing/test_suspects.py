"""Suspects: against cleanlab, on labels that were changed, and where there is too little to say."""

import numpy as np
import pytest

from crosstune.probing.suspects import find_suspects


def problem(
    seed: int, rows: int, classes: int, sharp: float, wrong: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities that know the truth to some degree, given labels, and which of them are wrong."""
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, classes, rows)
    logits = draw.normal(size=(rows, classes))
    logits[np.arange(rows), truth] += sharp
    p = np.exp(logits)
    changed = draw.random(rows) < wrong
    return p / p.sum(axis=1, keepdims=True), np.where(changed, (truth + 1) % classes, truth), changed


# what cleanlab 2.9.0 gave: find_label_issues(given, p, filter_by="prune_by_noise_rate")
CLEANLAB_THREE = [
    *(24, 32, 36, 39, 65, 70, 78, 85, 89, 111, 115, 120, 138, 144, 150, 161, 169, 176, 179, 193, 201, 203),
    *(221, 224, 235, 238, 249, 250, 257, 258, 274, 279, 281, 298),
]
CLEANLAB_FIVE = [
    *(1, 3, 5, 12, 23, 26, 34, 36, 37, 40, 41, 58, 60, 61, 66, 69, 73, 74, 80, 82, 86, 87, 92, 102, 110, 114),
    *(115, 116, 119, 121, 122, 124, 125, 134, 136, 138, 148, 149, 150, 152, 156, 158, 161, 162, 163, 164),
    *(171, 175, 190, 191, 199, 204, 207, 210, 215, 217, 219, 224, 236, 239, 241, 242, 246, 252, 253, 254),
    *(255, 256, 257, 261, 263, 269, 277, 279, 280, 287, 290, 291, 292, 293, 302, 303, 304, 306, 308, 317),
    *(321, 323, 325, 326, 327, 331, 333, 346, 348, 356, 357, 362, 364, 367, 368, 376, 383, 385, 386, 387),
    *(389, 391, 396, 399),
]


def test_the_suspects_are_those_of_cleanlab() -> None:
    p, given, changed = problem(0, 300, 3, 3.0, 0.1)
    found = find_suspects(p, given)
    assert sorted(one.row for one in found) == CLEANLAB_THREE
    assert changed[[one.row for one in found]].mean() > 0.95
    margins = [one.margin for one in found]
    assert margins == sorted(margins, reverse=True)
    for one in found:
        assert (one.given, one.suggested) == (given[one.row], p[one.row].argmax())
        assert one.margin == pytest.approx(p[one.row, one.suggested] - p[one.row, one.given])


def test_they_differ_from_cleanlab_by_the_rounding_of_one_count() -> None:
    p, given, _ = problem(1, 400, 5, 2.0, 0.2)
    assert {one.row for one in find_suspects(p, given)} ^ set(CLEANLAB_FIVE) == {222}


def test_right_labels_and_a_sure_head_give_none() -> None:
    labels = np.arange(60) % 3
    assert find_suspects(np.eye(3)[labels] * 0.9 + 0.1 / 3, labels) == []


def test_rare_classes_are_left_alone_and_never_suggested() -> None:
    p, given, _ = problem(0, 200, 3, 3.0, 0.1)
    p = np.concatenate([p * 0.4, np.full((200, 1), 0.6)], axis=1)  # all point to a class with two rows
    given[[7, 9]] = 3
    found = find_suspects(p, given)
    assert found
    assert all(3 not in (one.given, one.suggested) for one in found)
    assert find_suspects(p[:4], given[:4]) == []
    assert find_suspects(np.ones((50, 1)), np.zeros(50, int)) == []


def test_ten_thousand_classes_with_few_rows_each() -> None:
    p = np.full((100, 10_000), 1e-4)
    labels = np.repeat([3, 9_999], 50)
    p[np.arange(100), labels] = 0.5
    p[7, [3, 9_999]] = 0.1, 0.6
    assert [(one.row, one.given, one.suggested) for one in find_suspects(p, labels)] == [(7, 3, 9_999)]


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match="probabilities of shape"):
        find_suspects(np.full((3, 2), np.nan), np.zeros(3, int))
    with pytest.raises(ValueError, match="for 2 rows"):
        find_suspects(np.full((3, 2), 0.5), np.zeros(2, int))
