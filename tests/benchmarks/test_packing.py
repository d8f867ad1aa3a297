"""What the benchmark of packing steps with: lengths, targets, and how much of a batch is padding."""

import numpy as np

from crosstune.core.targets import IGNORED
from tests.support.benchmark_scripts import benchmark_script

script = benchmark_script("packing")


def test_lengths_are_log_uniform_and_the_same_each_time() -> None:
    found = script.lengths(4_000)
    assert script.SHORTEST <= found.min() < 10
    assert 250 < found.max() <= script.LONGEST
    assert abs(np.log2(found + 0.5).mean() - 5.5) < 0.05
    assert (found == script.lengths(4_000)).all()


def test_the_second_half_of_a_text_is_learnt() -> None:
    loaded = script.micro(np.array([8, 5]), 100)
    read, written = loaded.targets.unbind(1)
    assert loaded.batch["attention_mask"].sum(dim=1).tolist() == [8, 5]
    assert (written != IGNORED).int().tolist() == [[0] * 4 + [1] * 4, [0, 0, 1, 1, 1, 0, 0, 0]]
    assert written[0, 4:7].tolist() == read[0, 5:].tolist()


def test_packing_wastes_little() -> None:
    drawn = script.lengths(16)
    assert script.slots(drawn, packed=False) == 16 * drawn.max()
    assert drawn.sum() <= script.slots(drawn, packed=True) <= 1.1 * drawn.sum()
    assert script.slots(np.full(4, 9), packed=True) == 36
