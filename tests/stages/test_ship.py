"""What is shipped must reproduce what was in memory."""

from pathlib import Path

import numpy as np
import pytest

from crosstune.artifacts.errors import ReloadMismatch
from crosstune.stages.ship import TOLERANCE, hold_to

EXPECTED = np.array([[10.0, -2.0], [0.5, 3.0]])


def test_differences_of_an_engine_pass() -> None:
    hold_to(Path("model"), EXPECTED, EXPECTED + 0.9 * TOLERANCE * 10.0)


@pytest.mark.parametrize("wrong", [EXPECTED + 0.1, EXPECTED * np.nan, EXPECTED[::-1]])
def test_anything_more_stops_the_run(wrong: np.ndarray) -> None:
    with pytest.raises(ReloadMismatch, match="outputs differ"):
        hold_to(Path("model"), EXPECTED, wrong)
