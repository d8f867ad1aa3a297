"""The sets of spoken prompts: shares, and recordings that languages share."""

from pathlib import Path

import numpy as np
import soundfile

from tests.support.benchmark_scripts import benchmark_script

spoken = benchmark_script("spoken")


def _clip(path: Path, seed: int, seconds: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.random.default_rng(seed).normal(size=int(8_000 * seconds)) * 0.1
    soundfile.write(path, samples, 8_000)


def test_shared_short_and_silent_recordings_are_left_out(tmp_path: Path) -> None:
    for number, language in enumerate(spoken.LANGUAGES):
        _clip(tmp_path / language / "own.wav", number)
        _clip(tmp_path / language / "monkeys.wav", 99)
        _clip(tmp_path / language / "short.wav", 10 + number, seconds=0.5)
        _clip(tmp_path / language / "silence" / "1.wav", 20 + number)
    found = spoken.languages(tmp_path)
    assert {name: [path.name for path in paths] for name, paths in found.items()} == {
        name: ["own.wav"] for name in spoken.LANGUAGES
    }


def test_each_class_gives_as_many_to_train_as_asked_for_or_half(tmp_path: Path) -> None:
    found = {}
    for name, count in (("a", 6), ("b", 9)):
        found[name] = [tmp_path / name / f"{number}.wav" for number in range(count)]
        for path in found[name]:
            _clip(path, 0, seconds=0.1)
    for each, expected in ((2, (2, 2)), (None, (3, 4))):
        data = spoken.class_folders(tmp_path / f"data-{each}", found, each)
        parts = {split: {path.name for path in (data / split).rglob("*.wav")} for split in ("train", "test")}
        assert tuple(len(list((data / "train" / name).iterdir())) for name in found) == expected
        assert not parts["train"] & parts["test"]
        assert sum(map(len, parts.values())) == 15
