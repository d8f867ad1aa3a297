"""Scripts of texts."""

import numpy as np
import pytest

from crosstune.data.gate.scripts import NAMES, script_findings, scripts_of


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("plain words", "Latin"),
        ("caf\u00e9 cr\u00e8me", "Latin"),
        ("\u043f\u0440\u0438\u0432\u0435\u0442", "Cyrillic"),
        ("\u05e9\u05dc\u05d5\u05dd", "Hebrew"),
        ("\u0645\u0631\u062d\u0628\u0627", "Arabic"),
        ("\u3053\u3093\u306b\u3061\u306f\u4e16\u754c", "Han or Kana"),
        ("\uc548\ub155\ud558\uc138\uc694", "Hangul"),
        ("\u043f\u0440\u0438\u0432\u0435\u0442 ok", "Cyrillic"),
        ("12 + 3 = 15 \u20ac", "none"),
        ("\U0001f600\U0001f600\U0001f600\U0001f600", "none"),
    ],
)
def test_the_script_of_most_letters_counts(text: str, script: str) -> None:
    assert NAMES[int(scripts_of([text])[0])] == script


def named(rows: np.ndarray) -> list[str]:
    return [f"row {row}" for row in rows.tolist()]


def test_the_odd_ones_are_named_only_where_nearly_all_agree() -> None:
    scripts = np.array([1] * 95 + [3] * 2 + [0] * 3)
    (finding,) = script_findings(scripts, named)
    assert finding.items == ("row 95", "row 96")
    assert "2 Cyrillic" in finding.sentence
    assert script_findings(np.array([1] * 80 + [3] * 20), named) == []
    assert script_findings(np.zeros(5, int), named) == []
