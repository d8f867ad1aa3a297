"""What every task promises whose answer is not one vector.

A new one needs an entry in ``EXAMPLES``: training targets, and outputs of a head for as many examples.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.codec import pack, unpack
from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.core.targets import NO_WORD
from crosstune.evaluation.mistakes import confusion, worst
from crosstune.evaluation.paired import paired_difference
from crosstune.evaluation.scores import point, score
from crosstune.tasks.base import Task
from crosstune.tasks.registry import TASKS, make_task, task_from_json
from crosstune.tasks.structured import NO_HEAD, Structured
from tests.support.detection import Objects
from tests.support.segmentation import Mask

Made = tuple[Structured, list[Any], torch.Tensor]


def _speech(task: Task) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randn(4, 30, task.outputs, generator=random)


def _tags(task: Task) -> torch.Tensor:
    random = torch.Generator().manual_seed(1)
    outputs = torch.randn(4, 5, task.outputs, generator=random)
    for row, words in enumerate((3, 2, 4, 1)):
        outputs[row, words:] = NO_WORD
    outputs[3, 0, 0] = 9.0  # nothing found where there is an entity
    return outputs


def _maps(task: Task) -> torch.Tensor:
    return torch.randn(4, task.outputs, 2, 4, generator=torch.Generator().manual_seed(2))


def _queries(task: Task) -> torch.Tensor:
    """Give two layers of six queries each: classes and none, and boxes in a picture of 1 x 1 pixels."""
    random = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 2, 6, task.outputs + 1, generator=random)
    return torch.cat([logits, torch.rand(4, 2, 6, 4, generator=random) * 0.4 + 0.2], dim=-1)


def _objects(*names: str) -> Objects:
    places = np.array([[0.1 * n, 0.1, 0.1 * n + 0.3, 0.5] for n in range(len(names))])
    return Objects((1, 1), places, names, (False,) * len(names))


EXAMPLES: dict[str, tuple[list[Any], Callable[[Task], torch.Tensor]]] = {
    "automatic-speech-recognition": (["press one", "press two", "hold on", "go"], _speech),
    "token-classification": (
        [["B-A", "I-A", "O"], ["O", "B-C"], ["B-A", "B-C", "O", "O"], ["B-C"]],
        _tags,
    ),
    "image-segmentation": (
        [Mask(np.roll(np.array([[0, 0, 1, 1], [2, 2, 1, 255]], np.uint8), row, axis=1)) for row in range(4)],
        _maps,
    ),
    "object-detection": (
        [_objects("cat"), _objects("cat", "dog"), _objects("dog", "dog", "cat"), _objects("dog")],
        _queries,
    ),
}


def test_every_task_without_a_closed_form_head_is_checked_here() -> None:
    found = {name for name, kind in TASKS.items() if issubclass(kind, Structured)}
    # Answering needs a model's template: tests/tasks/test_text_generation.py checks the same there.
    assert found == set(EXAMPLES) | {"text-generation"}


@pytest.fixture(params=sorted(EXAMPLES))
def made(request: pytest.FixtureRequest) -> Made:
    targets, outputs = EXAMPLES[request.param]
    task = make_task(request.param, targets)
    assert isinstance(task, Structured)
    return task, targets, outputs(task)


def test_there_is_no_closed_form_head(made: Made) -> None:
    task: Any = made[0]
    assert task.linear_kind() == NO_HEAD
    with pytest.raises(TypeError):
        task.linear_targets(task.encode(made[1]))
    assert task.affine() == (1.0, 0.0)
    assert task.folded() == task


def test_the_loss_of_a_batch_is_the_sum_of_its_parts(made: Made) -> None:
    task: Any = made[0]
    encoded, outputs = task.encode(made[1]), made[2].requires_grad_()
    for name in ("auto", *task.losses):
        loss = task.make_loss(Settings(loss=name), encoded)
        whole = loss(outputs, task.collate(encoded))
        parts = [loss(outputs[i : i + 1], task.collate(encoded[i : i + 1])) for i in range(len(encoded))]
        torch.testing.assert_close(whole.total, sum(part.total for part in parts))
        torch.testing.assert_close(whole.weight, sum(part.weight for part in parts))
        whole.total.backward()
        assert torch.isfinite(outputs.grad).all()
        assert outputs.grad.abs().sum() > 0
    with pytest.raises(UnknownName):
        task.make_loss(Settings(loss="no-such-loss"), encoded)


def test_answers_are_figured_compared_and_shown(made: Made) -> None:
    task: Any = made[0]
    encoded, answers = task.encode(made[1]), task.answers(made[2])
    assert len(answers) == len(encoded)
    rows = task.decode(answers)
    assert json.loads(json.dumps(rows, allow_nan=False)) == rows
    assert set(point(task, answers, encoded)) == set(task.metrics)
    primary = next(iter(task.metrics))
    found = score(task, answers, encoded, resamples=50)[primary]
    assert found.low <= found.value <= found.high
    gain = paired_difference(task.metrics[primary], encoded, answers, encoded, resamples=50)
    assert gain.value > 0
    assert worst(task, encoded, encoded) == []
    assert sorted(worst(task, answers, encoded)) == [0, 1, 2, 3]
    assert confusion(task, answers, encoded).shape == (0, 0)
    assert task.disagreement(answers, answers) == 0.0
    assert task.disagreement(answers, encoded) > 0.0


def test_answers_can_be_kept_in_the_journal(made: Made) -> None:
    task: Any = made[0]
    answers, arrays = task.answers(made[2]), {}
    kept = unpack(json.loads(json.dumps(pack(answers, arrays))), arrays, {})
    assert np.array_equal(kept, answers)
    assert kept.dtype.kind == answers.dtype.kind


def test_json_keeps_the_task(made: Made) -> None:
    task: Any = made[0]
    assert task_from_json(json.loads(json.dumps(task.to_json()))) == task
