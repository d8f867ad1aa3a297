"""What a checkpoint can be continued with: hashes of targets."""

import numpy as np

from crosstune.stages import resume
from crosstune.training import identity


def test_targets_that_are_texts_are_hashed_by_what_they_say() -> None:
    one, other, third = (np.empty(2, dtype=object) for _ in range(3))
    one[:], other[:] = ["ab", "c"], ["".join(("a", "b")), "c"]  # equal texts at other addresses
    third[:] = ["a", "bc"]
    for digest in (identity._digest, resume._digest):
        assert digest(one) == digest(other)
        assert digest(one) != digest(third)
