"""Candidate pairs of texts, and the likeness that decides."""

import numpy as np

from crosstune.data.gate import minhash


def test_jaccard_is_the_share_of_common_pieces() -> None:
    assert minhash.jaccard("abcdef", "abcdef") == 1.0
    assert minhash.jaccard("abcdef", "bcdefg") == 1 / 3
    assert minhash.jaccard("abcdef", "uvwxyz") == 0.0


def test_equal_texts_have_equal_keys_and_neighbours_do_not_matter() -> None:
    texts = ["the first text of all", "another one", "\u4f60\u597d\u4e16\u754c\u548c\u5e73", "", "x"]
    together = minhash.band_keys(texts)
    assert together.shape == (5, minhash.BANDS)
    for row, text in enumerate(texts):
        assert np.array_equal(minhash.band_keys([text])[0], together[row])
    assert minhash.band_keys([]).shape == (0, minhash.BANDS)


def test_near_copies_are_candidates_and_strangers_hardly_ever() -> None:
    draw = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz    "))
    texts = ["".join(draw.choice(letters, 180)) for _ in range(300)]
    near = [text.replace(" ", " and ", 1) + " too" for text in texts[:100]]
    pairs = minhash.candidates(minhash.band_keys(texts + near)).tolist()
    assert sum([row, 300 + row] in pairs for row in range(100)) >= 97
    assert len(pairs) < 120


def test_a_large_bucket_costs_a_few_pairs_for_each_row() -> None:
    pairs = minhash.candidates(minhash.band_keys(["the same form filled in again"] * 500))
    assert len(pairs) <= 500 * (minhash.WINDOW + 1)
    assert set(pairs[:, 1].tolist()) == set(range(1, 500))
