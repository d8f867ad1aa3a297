"""Baselines: what they predict, in the shape of a head's outputs, at a bounded cost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from crosstune.probing.baselines import baselines
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


def test_the_training_sample_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crosstune.probing.baselines.MOST_ROWS", {"text": 20})
    train, test = texts(200), texts(10)
    task = make_task("text-classification", train.raw)
    baselines(task, train, task.encode(train.raw), test)
    assert (train.read, test.read) == (20, 10)
