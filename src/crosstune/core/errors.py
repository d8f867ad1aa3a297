"""Errors a user can fix; every other exception is a bug in this package.

``UserError`` is the root of the tree. Errors that several rooms raise live here; an error that only
one room raises lives in that room's ``errors.py``. Each ``code`` has one page under ``docs/errors/``.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import ClassVar

DOCS = "docs/errors"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word nearest to ``word``, or ``None`` where none is near."""
    choices = list(known)
    lowered = {choice.lower(): choice for choice in choices}
    found = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return lowered[found[0]] if found else None


def shown(values: Iterable[object], *, most: int = 12) -> str:
    """Join values for a message, cutting a long list and saying how many are left."""
    texts = [str(value) for value in values]
    rest = len(texts) - most
    return ", ".join(texts[:most]) + (f", ... ({rest} more)" if rest > 0 else "")


class UserError(Exception):
    """Base class. Every message has the same four lines and a stable code."""

    code: ClassVar[str]

    def __init__(self, problem: str, *, found: str, expected: str, fix: str) -> None:
        """Keep the parts, so that programs need not parse the message."""
        self.problem, self.found, self.expected, self.fix = problem, found, expected, fix
        rows = f"  found:    {found}\n  expected: {expected}\n  fix:      {fix}"
        super().__init__(f"[{self.code}] {problem}\n{rows}\n  page:     {DOCS}/{self.code}.md")


class UnknownName(UserError):
    """A name (of a setting, loss, metric, engine, optimizer ...) is not one of the known ones."""

    code = "unknown-name"

    def __init__(self, kind: str, name: str, known: Sequence[str]) -> None:
        """Name the kind of thing, what was asked for, and the nearest known name."""
        near = nearest(name, known)
        super().__init__(
            f"there is no {kind} called `{name}`",
            found=name,
            expected=f"one of {shown(known, most=40)}",
            fix=f"did you mean `{near}`?" if near else "use one of the names above",
        )


class BadValue(UserError):
    """A setting has a value outside its range, or settings contradict each other."""

    code = "bad-value"


class DoesNotApply(UserError):
    """An option was chosen that this run, this model or this data gives nothing to act on."""

    code = "does-not-apply"


class DamagedFile(UserError, ValueError):
    """A file that crosstune or a model's author wrote is cut off, was edited, or is not what it seems.

    Also a ``ValueError``: whoever can go on without the file catches that.
    """

    code = "damaged-file"


class RefusedFile(UserError):
    """A file of a kind that is never opened, because reading it can run code or unpack without end."""

    code = "refused-file"


class CannotKeep(UserError):
    """``keep_at_least`` asks for something that this run cannot promise."""

    code = "cannot-keep"

    def __init__(self, share: float, found: str, *, fix: str) -> None:
        """Say what stands against it."""
        super().__init__(
            f"keep_at_least={share:g} has nothing to choose from",
            found=found,
            expected="a training that moves pretrained body weights, and unrelated sets to try them on",
            fix=fix,
        )


class MissingExtra(UserError):
    """An optional dependency is needed and not installed."""

    code = "missing-extra"

    def __init__(self, package: str, *, extra: str, purpose: str, install: str | None = None) -> None:
        """Name the package, what it is for, and the pip command: ``install``, or that of the extra."""
        super().__init__(
            f"{purpose} needs the package `{package}`",
            found=f"`{package}` is not installed",
            expected=f"the package `{package}`" if install else f"the extra `{extra}`",
            fix=install or f'pip install "crosstune[{extra}]"',
        )


class DiskFull(UserError):
    """There is no room on a disk for a file that the run must write."""

    code = "disk-full"

    def __init__(self, path: str, *, needed: int | None, free: int | None) -> None:
        """Name the file or folder, the bytes it needs (where known) and the bytes that are free."""
        wanted = "more than is free" if needed is None else f"{needed:,} bytes"
        super().__init__(
            f"there is no room on the disk for `{path}`",
            found="the disk refused to take more" if free is None else f"{free:,} bytes free",
            expected=wanted,
            fix="make room on that disk, then go on with `crosstune resume RUN`; what was saved is whole",
        )


class OutOfMemory(UserError):
    """Memory ran out, and nothing smaller is left to try."""

    code = "out-of-memory"

    def __init__(self, what: str, *, size: int, failure: str) -> None:
        """Name what was attempted, on how many examples at once, and the words of the allocator."""
        first = next((line for line in failure.splitlines() if line.strip()), "no words")
        super().__init__(
            f"memory ran out in {what} of {size} {'example' if size == 1 else 'examples'} at once",
            found=first[:300],
            expected="room for the model, its gradients and the optimizer, and for one example",
            fix="take a smaller model, image_size or max_length, a strategy that moves less "
            "(--set strategy=last or lora), or with several processes a smaller --set micro_batch=N",
        )
