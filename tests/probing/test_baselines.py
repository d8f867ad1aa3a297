"""Baselines: what they predict, in the shape of a head's outputs, at a bounded cost."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crosstune.core.sound import Sound
from crosstune.probing.baselines import LINEAR, MOST_SECONDS, baselines
from crosstune.tasks.registry import make_task


class Held:
    """Items in memory that count what is read."""

    digest = "0"

    def __init__(self, inputs: Sequence[Any], targets: Sequence[Any]) -> None:
        self.inputs, self.raw, self.read = inputs, targets, 0

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Give the examples."""
        self.read += len(indices)
        return [self.inputs[index] for index in indices]

    def targets(self) -> list[Any]:
        """Give the targets."""
        return list(self.raw)

    def origins(self) -> list[str]:
        """Give row numbers."""
        return [str(index) for index in range(len(self))]


def texts(count: int) -> Held:
    good, bad = ("lovely :)", "what a fine day", "great!"), ("awful :(", "a sad day", "terrible!")
    labels = ["bad" if index % 3 == 0 else "good" for index in range(count)]
    chosen = [
        (bad if label == "bad" else good)[index % 2] + f" {index}" for index, label in enumerate(labels)
    ]
    return Held(chosen, labels)


def test_texts_beat_the_majority() -> None:
    train, test = texts(60), texts(30)
    task = make_task("text-classification", train.raw)
    found = baselines(task, train, task.encode(train.raw), test)
    assert list(found) == ["majority class", "TF-IDF + linear"]
    truth = task.encode(test.raw)
    spec = task.metrics["accuracy"]
    scores = {name: spec.reduce(*spec.prepare(outputs, truth)) for name, outputs in found.items()}
    assert scores == {"majority class": pytest.approx(2 / 3), "TF-IDF + linear": 1.0}
    probability = np.exp(found["majority class"][0])
    np.testing.assert_allclose(probability / probability.sum(), [1 / 3, 2 / 3], atol=0.01)


def test_pairs_of_texts_and_single_marks_are_texts_too() -> None:
    train = Held([("a", "?"), ("!", "!"), ("b", "?"), ("!", "x")], [1.0, 5.0, 1.0, 5.0])
    task = make_task("text-regression", train.raw)
    found = baselines(task, train, task.encode(train.raw), train)
    assert list(found) == ["mean", "TF-IDF + linear"]
    np.testing.assert_allclose(found["mean"], 0, atol=1e-12)
    outputs = found["TF-IDF + linear"][:, 0]
    assert outputs[[1, 3]].min() > outputs[[0, 2]].max()


def test_pictures_of_any_size_and_several_labels() -> None:
    draw = np.random.default_rng(0)
    truth = draw.uniform(size=(80, 2)) < 0.5
    raw = [[name for name, there in zip("lr", row, strict=True) if there] for row in truth]
    pictures = []
    for row in truth:
        pixels = draw.integers(0, 60, (40, 50, 3), dtype=np.uint8)
        pixels[:, :25] += np.uint8(150 * row[0])
        pixels[:, 25:] += np.uint8(150 * row[1])
        pictures.append(Image.fromarray(pixels))
    train, test = Held(pictures[:60], raw[:60]), Held(pictures[60:], raw[60:])
    task = make_task("image-classification", train.raw)
    found = baselines(task, train, task.encode(train.raw), test)
    assert list(found) == ["label frequencies", "pixels + linear"]
    assert found["pixels + linear"].shape == (20, 2)
    assert ((found["pixels + linear"] > 0) == truth[60:]).mean() > 0.95


def tone(hertz: float, rate: int, seconds: float, draw: np.random.Generator) -> Sound:
    time = np.arange(round(rate * seconds)) / rate
    samples = 0.3 * np.sin(2 * np.pi * hertz * time + draw.uniform(0, 6)) + 0.05 * draw.normal(size=len(time))
    return Sound(samples.astype(np.float32), rate)


def test_sounds_of_any_length_and_rate_are_told_apart_by_their_pitch() -> None:
    draw = np.random.default_rng(0)
    labels = [("low", "high")[int(one)] for one in draw.uniform(size=40) < 0.5]
    pitch = {"low": 300.0, "high": 900.0}
    sounds = [
        tone(
            pitch[label] * draw.uniform(0.9, 1.1),
            int(draw.choice([8000, 16000])),
            draw.uniform(0.05, 0.3),
            draw,
        )
        for label in labels
    ]
    train, test = Held(sounds[:28], labels[:28]), Held(sounds[28:], labels[28:])
    task = make_task("audio-classification", train.raw)
    found = baselines(task, train, task.encode(train.raw), test)
    assert list(found) == ["majority class", "mean spectrum + linear"]
    right = found["mean spectrum + linear"].argmax(1) == task.encode(test.raw)
    assert right.mean() == 1.0


def test_of_a_long_sound_only_the_start_is_heard() -> None:
    draw = np.random.default_rng(0)
    rate = 8000
    starts = [tone(hertz, rate, MOST_SECONDS, draw).samples for hertz in (300, 900, 300, 900)]
    rest = draw.normal(size=rate).astype(np.float32)
    task = make_task("audio-regression", [1.0, 2.0, 1.0, 2.0])
    encoded = task.encode([1.0, 2.0, 1.0, 2.0])
    cut, whole = (
        Held([Sound(np.concatenate([start, more]), rate) for start in starts], [])
        for more in (rest[:0], rest)
    )
    name = "mean spectrum + linear"
    expected = baselines(task, cut, encoded, cut)[name]
    assert np.array_equal(baselines(task, cut, encoded, whole)[name], expected)
    assert expected.std() > 0.1


def test_the_training_sample_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(LINEAR["text"], most_rows=20)
    monkeypatch.setattr("crosstune.probing.baselines.LINEAR", {"text": few})
    train, test = texts(200), texts(10)
    task = make_task("text-classification", train.raw)
    baselines(task, train, task.encode(train.raw), test)
    assert (train.read, test.read) == (20, 10)
