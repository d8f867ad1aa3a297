"""Every task that data can be for has a goal, and the goals are those of its targets."""

import pytest

from crosstune.data.gate.goals import CLASSES, GOALS, QUANTITIES, UNDECIDED, goal_of
from crosstune.data.infer import TASKS


def test_a_task_is_judged_by_its_own_goal_or_by_its_kind() -> None:
    for task in TASKS:
        kind = QUANTITIES if task.endswith("regression") else CLASSES
        assert goal_of(task) is GOALS.get(task, kind)
    assert goal_of(None) is UNDECIDED
    assert set(GOALS) <= set(TASKS)


@pytest.mark.parametrize(
    ("task", "targets", "wrong"),
    [
        ("image-regression", ["1.5", "red", None], [1, 2]),
        ("image-classification", ["1.5", "red", None], [2]),
        ("automatic-speech-recognition", ["one", "...", None], [1, 2]),
        ("token-classification", [["O"], ["O", None], None], [1, 2]),
        ("text-generation", ["one", "...", None], [2]),
        ("object-detection", [["cat"], [], ["cat", None]], [2]),
        (None, ["1.5", "red", None], [2]),
    ],
)
def test_rows_are_wrong_by_the_goal(task: str | None, targets: list[object], wrong: list[int]) -> None:
    assert sorted(goal_of(task).problems(targets)) == wrong


@pytest.mark.parametrize(
    ("task", "training", "other", "strange"),
    [
        ("text-classification", ["a", "b"], ["a", "c"], [1]),
        ("token-classification", [["O", "B-PER"]], [["O"], ["I-PER"], ["B-LOC"]], [2]),
        ("object-detection", [["cat"], []], [["cat"], ["dog"]], [1]),
    ],
)
def test_other_splits_may_only_have_what_training_has(
    task: str, training: list[object], other: list[object], strange: list[int]
) -> None:
    goal = goal_of(task)
    assert goal.known is not None
    assert sorted(goal.strangers(other, goal.known(training, ()))) == strange
