"""Candidate pairs of pictures: copies, however they were made, and few others."""

import numpy as np
import pytest

from crosstune.data.gate import dhash
from crosstune.data.gate.pictures import thumbnail
from tests.data.making import encoded
from tests.data.planted import opened, scene


def thumbs(*images: object) -> np.ndarray:
    return np.stack([np.frombuffer(thumbnail(image), np.uint8) for image in images])  # type: ignore[arg-type]


def test_a_hash_has_one_bit_for_each_step_to_the_right() -> None:
    rising = np.tile(np.arange(0, 90, 10, dtype=np.uint8), 8)[None]
    across, down, _ = dhash.dhashes(rising)
    assert np.bitwise_count(across).tolist() == [64]
    assert np.bitwise_count(down).tolist() == [56], "a diagonal step down and to the right"
    flat = np.full((1, 72), 7, np.uint8)
    assert [int(one[0]) for one in dhash.dhashes(flat)] == [0, 0, 0]


def test_copies_and_mirror_images_are_found_and_strangers_are_not(tmp_path) -> None:  # noqa: ANN001
    images = [scene(seed) for seed in range(120)]
    (tmp_path / "a.jpg").write_bytes(encoded(images[3], "JPEG", quality=40))
    images += [opened(tmp_path / "a.jpg"), images[7].resize((31, 31)), images[9].transpose(0)]
    assert dhash.candidates(thumbs(*images)).tolist() == [[3, 120], [7, 121], [9, 122]]


def test_flat_pictures_are_no_candidates_and_none_are_fine() -> None:
    assert len(dhash.candidates(np.full((5, 72), 200, np.uint8))) == 0
    assert dhash.candidates(np.empty((0, 72), np.uint8)).shape == (0, 2)


def test_many_equal_thumbnails_cost_a_few_pairs_each() -> None:
    many = np.repeat(thumbs(scene(1)), 400, axis=0)
    assert 400 <= len(dhash.candidates(many)) <= 400 * 2 * dhash.WINDOW * 28


def test_small_blocks_find_the_same_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    base = [scene(seed) for seed in range(40)]
    images = thumbs(*base, *(image.resize((31, 31)) for image in base), *(i.transpose(0) for i in base))
    whole = dhash.candidates(images).tolist()
    assert len(whole) > 80
    monkeypatch.setattr(dhash, "_BATCH", 7)
    pieces = dhash.Rows([images[:50], images[50:]])
    assert dhash.candidates(pieces).tolist() == whole


def test_correlation_is_that_of_numpy() -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(2, 3, 20)).astype(np.float32)
    wanted = [np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)]
    assert np.allclose(dhash.correlation(one, other), wanted, atol=1e-6)
    assert dhash.correlation(one * 0, other).tolist() == [0, 0, 0]
