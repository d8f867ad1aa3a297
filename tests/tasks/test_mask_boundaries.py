"""Boundaries of masks against all pairs of their pixels."""

import numpy as np
import pytest

from crosstune.tasks.mask_boundaries import TOLERANCE, Boundaries, boundary_f1, boundary_metric
from crosstune.tasks.mask_files import NOTHING, as_array, as_file


def edges(mask: np.ndarray, truth: np.ndarray) -> dict[int, list[tuple[int, int]]]:
    """Collect the boundary pixels of each class, one by one."""
    found: dict[int, list[tuple[int, int]]] = {}
    height, width = mask.shape
    for row in range(height):
        for column in range(width):
            if truth[row, column] == NOTHING:
                continue
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                one, other = row + down, column + right
                inside = 0 <= one < height and 0 <= other < width and truth[one, other] != NOTHING
                if inside and mask[one, other] != mask[row, column]:
                    found.setdefault(int(mask[row, column]), []).append((row, column))
                    break
    return found


def brute(ours: np.ndarray, theirs: np.ndarray) -> float:
    most = TOLERANCE * np.hypot(*ours.shape)
    found, there = edges(ours, theirs), edges(theirs, theirs)
    figures = []
    for kind in found.keys() | there.keys():
        shares = []
        for some, others in ((found, there), (there, found)):
            points = np.array(others.get(kind, []), float).reshape(-1, 2)
            near = [
                bool((np.hypot(*(points - place).T) <= most + 1e-9).any()) for place in some.get(kind, [])
            ]
            shares.append(float(np.mean(near)) if near else 0.0)
        figures.append(2 * shares[0] * shares[1] / sum(shares) if sum(shares) else 0.0)
    return float(np.mean(figures)) if figures else np.nan


def blobs(seed: int, height: int = 90, width: int = 120) -> tuple[np.ndarray, np.ndarray]:
    """Draw a mask of coarse blocks with an ignored corner, and the same moved by a pixel and changed."""
    draw = np.random.default_rng(seed)
    truth = np.kron(draw.integers(0, 3, (height // 15, width // 15)), np.ones((15, 15))).astype(np.uint8)
    ours = np.roll(truth, int(draw.integers(0, 3)), axis=1)
    ours[40:60, 10:30] = 3
    truth[:9, :20] = NOTHING
    return ours, truth


@pytest.mark.parametrize("seed", range(4))
def test_it_is_that_of_all_pairs_of_pixels(seed: int) -> None:
    ours, truth = blobs(seed)
    assert 0 < brute(ours, truth) < 1
    assert boundary_f1(ours, truth) == pytest.approx(brute(ours, truth))


def test_a_boundary_may_be_off_by_the_tolerance_and_no_more() -> None:
    truth = np.zeros((300, 400), np.uint8)  # a diagonal of 500, so 3.75 pixels
    truth[:, 200:] = 1
    for moved, figure in ((0, 1.0), (3, 1.0), (4, 0.0)):
        assert boundary_f1(np.roll(truth, moved, axis=1)[:, 10:-10], truth[:, 10:-10]) == figure


def test_ignored_pixels_and_the_rim_are_no_boundary() -> None:
    truth = np.zeros((20, 20), np.uint8)
    ours = truth.copy()
    truth[5:9, 5:9] = NOTHING
    ours[5:9, 5:9] = 1
    assert np.isnan(boundary_f1(ours, truth))
    truth[15:, 15:] = 1
    assert boundary_f1(ours, truth) == 0.0
    ours[15:, 15:] = 1
    assert boundary_f1(ours, truth) == 1.0
    with pytest.raises(ValueError, match="cannot be compared"):
        boundary_f1(ours[1:], truth)


def test_pictures_without_boundaries_do_not_count_in_the_mean() -> None:
    pairs = [blobs(1), (np.zeros((9, 9), np.uint8),) * 2, blobs(2)]
    ours, theirs = (as_array([as_file(pair[side]) for pair in pairs]) for side in (0, 1))
    spec = boundary_metric(Boundaries())
    assert spec.costly
    prepared = spec.prepare(ours, theirs)
    assert spec.reduce(*prepared) == pytest.approx((brute(*pairs[0]) + brute(*pairs[2])) / 2)
    assert np.isnan(spec.reduce(*(one[1:2] for one in prepared)))
    assert spec.parts is not None
    assert spec.from_sums is not None
    totals = np.stack([spec.parts(*prepared).sum(axis=0), np.zeros(2)])
    assert spec.from_sums(totals)[0] == pytest.approx(spec.reduce(*prepared))
