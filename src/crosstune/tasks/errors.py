"""Errors about targets and outputs that a user can fix."""

from collections.abc import Mapping

from crosstune.core.errors import UserError, shown


class BadTarget(UserError):
    """Some targets are of another kind than the task needs."""

    code = "bad-target"

    def __init__(self, bad: Mapping[int, object], *, task: str, expected: str, fix: str) -> None:
        """List every bad target with its position (counted from 0) in the split."""
        rows = [f"{value!r} at position {index}" for index, value in bad.items()]
        super().__init__(
            f"{len(bad)} target(s) cannot be used for {task}",
            found=shown(rows, most=5),
            expected=expected,
            fix=fix,
        )


class ConstantTarget(UserError):
    """All training targets are the same, so that there is nothing to learn."""

    code = "constant-target"

    def __init__(self, found: str, *, expected: str) -> None:
        """Say what the training targets hold."""
        super().__init__(
            "the training targets do not vary: there is nothing to learn",
            found=found,
            expected=expected,
            fix="check that `--target` names the right column and that the split holds all of the data",
        )


class NonFiniteOutputs(UserError):
    """The model gave NaN or infinity for some examples."""

    code = "non-finite-outputs"

    def __init__(self, rows: int, total: int) -> None:
        """Count the examples that are concerned."""
        super().__init__(
            "the model gave outputs that are no numbers",
            found=f"NaN or infinity for {rows} of {total} examples",
            expected="finite outputs for every example",
            fix="train with a smaller rate (`--set lr=...`) or with `--set precision=fp32`",
        )


class TaskNameClash(UserError):
    """Two installed packages, or a package and crosstune, provide one task name."""

    code = "task-name-clash"

    def __init__(self, clashes: Mapping[str, list[str]]) -> None:
        """Name every clash and all of its providers."""
        rows = [f"`{name}` from {' and '.join(places)}" for name, places in clashes.items()]
        super().__init__(
            "a task name is provided more than once",
            found=shown(rows),
            expected="one provider for each task name",
            fix="uninstall one of the packages, or rename its entry point in the group `crosstune.tasks`",
        )
