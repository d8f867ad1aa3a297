"""What is said of sounds: facts, thresholds, several rates, lengths."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crosstune.data.check import check
from crosstune.data.gate.report import CheckReport
from crosstune.data.gate.sounds import CLIPPED, MEASURES, MILLISECONDS, PEAK, RATE, odd_sounds, sound_findings
from crosstune.data.read import read
from tests.data.sounding import babble, write_sound


def table(rows: int, column: int | None = None, values: object = None) -> np.ndarray:
    found = np.zeros((rows, MEASURES), np.uint32)
    found[:, [MILLISECONDS, RATE, PEAK]] = 1_000, 16_000, 500_000
    if column is not None:
        found[:, column] = values
    return found


def said(
    found: np.ndarray, *, odd: bool = False, usable: np.ndarray | None = None
) -> dict[str, tuple[str, ...]]:
    judge = odd_sounds if odd else sound_findings
    good = np.ones(len(found), np.bool_) if usable is None else usable
    findings = judge(found, good, lambda rows: [str(row) for row in rows.tolist()])
    return {finding.code: finding.items for finding in findings}


def test_thresholds_of_clipping_and_silence() -> None:
    assert said(table(4, CLIPPED, [0, 999, 1_000, 500_000])) == {"clipped-sounds": ("2", "3")}
    assert said(table(4, PEAK, [0, 999, 1_000, 2_000])) == {"silent-sounds": ("0", "1")}
    assert said(table(2, PEAK, 0), usable=np.array([False, True])) == {"silent-sounds": ("1",)}


def test_the_rarer_rates_are_named() -> None:
    rates = [16_000] * 5 + [8_000, 44_100]
    assert said(table(7, RATE, rates), odd=True) == {"several-rates": ("5", "6")}
    assert said(table(7), odd=True) == {}
    assert said(table(0), odd=True) == {}


def test_lengths_stand_out_by_factor_and_by_spread() -> None:
    even = [1_000 + 10 * row for row in range(30)]
    lengths = [*even, 8_000, 150]
    assert said(table(32, MILLISECONDS, lengths), odd=True) == {"outlying-lengths": ("31", "30")}
    assert said(table(31, MILLISECONDS, [*even, 4_000]), odd=True) == {}
    wide = np.geomspace(300, 20_000, 60).astype(int)
    assert said(table(60, MILLISECONDS, wide), odd=True) == {}
    assert said(table(10, MILLISECONDS, [1_000] * 9 + [60_000]), odd=True) == {}


def checked(folder: Path, rows: int = 6) -> CheckReport:
    for number in range(rows):
        write_sound(folder / f"{number}.wav", babble(number, seconds=0.2 + 0.1 * number))
    frame = pd.DataFrame(
        {
            "audio": [str(folder / f"{number}.wav") for number in range(rows)],
            "label": ["a", "b"] * (rows // 2),
            "sampling_rate": ["16000", "16000.0", "8000", "", None, "unknown"],
        }
    )
    return check(read(frame))


def test_facts_for_planning_and_declared_rates(tmp_path: Path) -> None:
    report = checked(tmp_path)
    assert report.facts["audio_rate"] == 16_000
    assert report.facts["audio_seconds_max"] == pytest.approx(0.7)
    assert report.facts["audio_seconds_median"] == pytest.approx(0.45)
    assert report.facts["audio_seconds_q90"] == pytest.approx(0.65)
    (finding,) = [one for one in report.findings if one.code == "wrong-rate"]
    assert (finding.severity, finding.items) == ("warning", ("row 2",))


def test_several_channels_are_noted(tmp_path: Path) -> None:
    for number in range(4):
        both = np.stack([babble(number), babble(number + 50)], axis=1)
        write_sound(tmp_path / "ab"[number % 2] / f"{number}.wav", both)
    found = {finding.code: finding.sentence for finding in check(read(tmp_path)).findings}
    assert found["sound-treatment"] == "4 sounds have several channels, which are averaged"


def test_a_rate_that_goes_with_the_class_is_a_giveaway(tmp_path: Path) -> None:
    for number in range(104):
        rate = (8_000, 16_000)[number % 2]
        write_sound(
            tmp_path / "ab"[number % 2] / f"{number}.wav", babble(number, seconds=0.05, rate=rate), rate
        )
    warned = [finding.sentence for finding in check(read(tmp_path)).findings if finding.code == "giveaway"]
    assert any(sentence.startswith("the sample rate alone predicts") for sentence in warned)
