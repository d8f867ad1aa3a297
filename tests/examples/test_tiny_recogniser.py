"""What the example needs no synthesiser for: texts, noise, the telephone's channel, the architecture."""

import csv
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.support.published import ROOT


def _script(name: str) -> ModuleType:
    folder = str(ROOT / "examples" / "tiny_recogniser")
    sys.path.insert(0, folder)
    try:
        return import_module(name)
    finally:
        sys.path.remove(folder)


texts, voices, untrained = (_script(name) for name in ("texts", "voices", "untrained"))


@pytest.fixture
def sentiment(tmp_path: Path) -> Path:
    lines = [
        "The plot, alas, is thin; I didn\u2019t care!",
        "In 1999 NASA sent 3 probes, and they came back.",
    ]
    for domain in texts.DOMAINS:
        (tmp_path / domain).mkdir()
        for split, line in zip(("train", "test"), lines, strict=True):
            with (tmp_path / domain / f"{split}.csv").open("w", newline="", encoding="utf-8") as handle:
                writer = csv.writer(handle)
                writer.writerows([["id", "text"], ["1", line]])
    return tmp_path


def test_clauses_hold_only_words_that_are_read_in_one_way(sentiment: Path) -> None:
    assert texts.clauses(sentiment) == ["the plot", "is thin", "i didn't care", "and they came back"]


def test_what_is_read_depends_on_the_seed_alone_and_is_plain() -> None:
    pool = ["the plot is thin", "i didn't care"]
    one = [texts.draw(pool, np.random.default_rng([7, n])) for n in range(200)]
    assert one == [texts.draw(pool, np.random.default_rng([7, n])) for n in range(200)]
    assert len(set(one)) > 20
    assert all(set(text) <= set("abcdefghijklmnopqrstuvwxyz' ") and text.strip() == text for text in one)


def test_noise_falls_with_the_frequency_as_it_is_told() -> None:
    noise = voices.coloured(80_000, 1.0, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    lines = np.fft.rfftfreq(80_000, 1 / voices.RATE)
    low, high = (power[(lines > at * 0.9) & (lines < at * 1.1)].mean() for at in (250, 2_500))
    assert 10 * np.log10(low / high) == pytest.approx(10.0, abs=0.5)


def test_the_band_lets_speech_pass_and_nothing_else() -> None:
    time = np.arange(voices.RATE) / voices.RATE
    for hertz, passes in ((50, False), (1_000, True), (3_950, False)):
        tone = np.sin(2 * np.pi * hertz * time).astype(np.float32)
        share = np.sqrt(np.mean(voices.band(tone, 300, 3_000) ** 2) * 2)
        assert (share > 0.95) if passes else (share < 0.4)


def test_a_telephone_keeps_the_speech_and_its_level_is_never_over_full_scale() -> None:
    random = np.random.default_rng(1)
    clean = np.sin(2 * np.pi * 700 * np.arange(4_000) / voices.RATE).astype(np.float32)
    for _ in range(20):
        heard = voices.telephone(clean, random)
        assert len(heard) > len(clean)
        assert np.abs(heard).max() <= 1.0
        assert np.isfinite(heard).all()


def test_silence_at_the_ends_is_cut() -> None:
    samples = np.concatenate([np.zeros(50), np.ones(20), np.zeros(30)]).astype(np.float32)
    assert len(voices.trimmed(samples)) == 20
    assert len(voices.trimmed(np.zeros(5, np.float32))) == 5


def test_the_architecture_is_a_recogniser_of_at_most_twelve_megabytes(tmp_path: Path) -> None:
    from crosstune.sources.base import OpenOptions
    from crosstune.sources.registry import open_model

    untrained.write_untrained(tmp_path / "model", rate=voices.RATE)
    asked = OpenOptions(
        task="automatic-speech-recognition", outputs=0, pretrained=False,
        symbols=tuple("abcdefghijklmnopqrstuvwxyz'"),
    )  # fmt: skip
    backbone = open_model(str(tmp_path / "model"), asked)
    size = 4 * sum(parameter.numel() for parameter in backbone.model.parameters())
    assert 8_000_000 < size <= 12_000_000
    assert len(backbone.blocks) >= 6
