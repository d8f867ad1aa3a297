"""A linear head on plain arrays."""

import numpy as np

from crosstune.core import head


def test_rows_are_answered_in_parts_and_all_alike() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(2 * head.ROWS + 5, 3)).astype(np.float32)
    made = head.HeadWeights(features="last", kind="ridge", weight=draw.normal(size=(2, 3)),
                            bias=draw.normal(size=2), penalty=1.0)  # fmt: skip
    assert np.allclose(made(rows), rows.astype(np.float64) @ made.weight.T + made.bias, atol=1e-12)
    assert made(rows[:0]).shape == (0, 2)
