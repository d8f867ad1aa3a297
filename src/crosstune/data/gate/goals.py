"""What the check asks of targets: one goal for each kind of them, and the goal of every task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from crosstune.data.gate.characters import character_findings
from crosstune.data.gate.finding import Finding
from crosstune.data.gate.inputs import Origins, Problem
from crosstune.data.gate.tags import known_kinds, tag_findings, tag_problems, unknown_kinds
from crosstune.data.gate.targets import class_problems, known_classes, transcript_problems, value_problems
from crosstune.data.gate.values import outlier_findings
from crosstune.data.infer import GENERATION, SPEECH, TAGGING
from crosstune.data.places import IN_PICTURES


class Compare(Protocol):
    """Findings about the targets of all splits together."""

    def __call__(
        self, targets: Mapping[str, Sequence[Any]], usable: NDArray[np.bool_], origins: Origins,
        /, *, training: str,
    ) -> list[Finding]:  # fmt: skip
        """Look at targets by split; rows are numbered through all splits, and ``usable`` ones count."""
        ...


@dataclass(frozen=True, kw_only=True)
class Goal:
    """How targets of one kind are judged."""

    problems: Callable[[Sequence[Any]], dict[int, Problem]]
    """Gives the rows whose target is wrong by itself."""
    known: Callable[[Sequence[Any], Sequence[str]], Sequence[str]] | None = None
    """From training targets and declared names to the names that other splits may have; ``None``: targets
    are no names."""
    strangers: Callable[[Sequence[Any], Sequence[str]], dict[int, Problem]] = class_problems
    """Gives the rows of another split that have other names."""
    compare: Compare | None = None
    counted: bool = False
    """Whether rows are counted by class, and the classes judged by their counts."""
    several: bool = False
    """Whether an example may have several classes whatever its column looks like."""
    numbers: bool = False
    """Whether targets are quantities."""
    contradicts: bool = True
    """Whether two targets for the same input contradict each other."""
    hidden: bool = True
    """Whether the target should not follow from a simple property of the input, such as its size."""


def _kinds(tags: Sequence[Any], declared: Sequence[str]) -> Sequence[str]:
    del declared
    return known_kinds(tags)


def _outliers(
    targets: Mapping[str, Sequence[Any]], usable: NDArray[np.bool_], origins: Origins, *, training: str
) -> list[Finding]:
    del training
    return outlier_findings(targets, usable, origins)


_FILLED = partial(value_problems, regression=False)

UNDECIDED = Goal(problems=_FILLED, hidden=False)
"""No task is known: only what every target must be."""
CLASSES = Goal(problems=_FILLED, known=known_classes, counted=True)
QUANTITIES = Goal(problems=partial(value_problems, regression=True), compare=_outliers, numbers=True)

GOALS: Mapping[str, Goal] = {
    # A longer sound has a longer transcript, and a longer text more entities.
    SPEECH: Goal(problems=transcript_problems, compare=character_findings, hidden=False),
    TAGGING: Goal(
        problems=tag_problems, known=_kinds, strangers=unknown_kinds, compare=tag_findings, hidden=False
    ),
    # One question may have several answers.
    GENERATION: Goal(problems=_FILLED, contradicts=False, hidden=False),
    # Of boxes and masks, targets are the classes that are in a picture.
    **dict.fromkeys(IN_PICTURES, replace(CLASSES, several=True, hidden=False)),
}
"""Goals of tasks that are neither classification nor regression of whole examples."""


def goal_of(task: str | None) -> Goal:
    """Return how the targets of a task are judged.

    Checked by: ``tests/data/gate/test_goals.py``, ``tests/data/test_planted.py``.
    """
    if task is None:
        return UNDECIDED
    return GOALS.get(task) or (QUANTITIES if task.endswith("regression") else CLASSES)
