"""Errors about the user's data. Each ``code`` has a page under ``docs/errors/``."""

from collections.abc import Sequence

from crosstune.core.errors import UserError, nearest, shown


class DataNotFound(UserError):
    """The data is neither a file, nor a folder, nor a reachable Hub dataset."""

    code = "data-not-found"


class UnknownLayout(UserError):
    """A folder or a file exists, but no reader knows what to make of it."""

    code = "unknown-layout"


class UnreadableFile(UserError):
    """A whole table file cannot be read: broken header, not Parquet, no column names."""

    code = "unreadable-file"


class MissingColumn(UserError):
    """A column that the run needs is not in the data."""

    code = "missing-column"

    def __init__(self, column: str, *, flag: str, source: str, columns: Sequence[str]) -> None:
        """Name the nearest column, if one is near."""
        near = nearest(column, columns)
        super().__init__(
            f"`{source}` has no column `{column}`",
            found=f"the columns {shown(columns, most=40)}",
            expected=f"a column called `{column}`",
            fix=f"did you mean `{flag} {near}`?" if near else f"name one of the columns above with `{flag}`",
        )


class AmbiguousColumn(UserError):
    """Which column holds the target or the input cannot be told from the names."""

    code = "ambiguous-column"

    def __init__(
        self, what: str, *, flag: str, source: str, columns: Sequence[str], near: Sequence[str],
        instead: str = "",
    ) -> None:  # fmt: skip
        """List the columns and show the flag, and what may be meant ``instead``."""
        example = near[0] if near else (columns[0] if columns else "COLUMN")
        super().__init__(
            f"which column of `{source}` holds the {what} cannot be told from the names",
            found=f"the columns {shown(columns, most=40)}"
            + (f"; more than one would do: {shown(near)}" if near else ""),
            expected=f"one column that is named as the {what}",
            fix=f"{instead}name it, for example `{flag} {example}`",
        )


class UnusableColumn(UserError):
    """A column has a type that cannot serve as what it was named for."""

    code = "unusable-column"


class AmbiguousTask(UserError):
    """The target could mean more than one task."""

    code = "ambiguous-task"


class WrongTask(UserError):
    """The task that was asked for does not fit the data."""

    code = "wrong-task"


class BadSplit(UserError):
    """The splits cannot be told apart: unknown names in a split column, or no training split."""

    code = "bad-split"


class BadDomains(UserError):
    """What was asked about domains does not fit the data."""

    code = "bad-domains"

    def __init__(self, source: str, problems: Sequence[tuple[str, str, str]]) -> None:
        """List every problem, each as (found, expected, fix)."""
        found, expected, fix = (
            "; ".join(dict.fromkeys(row[place] for row in problems)) for place in range(3)
        )
        super().__init__(
            f"what was asked about the domains of `{source}` cannot be done",
            found=found,
            expected=expected,
            fix=fix,
        )


class TooFewRows(UserError):
    """There are not enough rows (or groups) to make the splits that are missing."""

    code = "too-few-rows"


class CheckFailed(UserError):
    """The check found errors that make training meaningless."""

    code = "check-failed"


class NotConversations(UserError):
    """The columns are not those of any form in which conversations are written."""

    code = "not-conversations"
