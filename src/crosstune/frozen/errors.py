"""Errors of the frozen pass and the cut that a user can act on."""

from collections.abc import Sequence
from pathlib import Path

from crosstune.core.errors import UserError, shown
from crosstune.core.units import format_bytes


class EngineFailed(UserError):
    """An engine that was asked for by name cannot run this model here."""

    code = "engine-failed"

    def __init__(self, engine: str, *, reason: str) -> None:
        """Name the engine and what it said."""
        super().__init__(
            f"the engine `{engine}` cannot run this model",
            found=reason,
            expected="an engine that converts and runs every operation of the model",
            fix="use --set engine=auto, which falls through to one that works, or engine=torch",
        )


class CannotCut(UserError):
    """The model does not compute the same once the blocks before the cut are replaced."""

    code = "cannot-cut"

    def __init__(self, model: str, cut: int, *, reason: str) -> None:
        """Name the model, the cut and what went wrong."""
        super().__init__(
            f"`{model}` cannot be cut after block {cut}",
            found=reason,
            expected="blocks that run once each, in order, and read nothing but the block before",
            fix="use --set cache=off: training is slower and otherwise the same",
        )


class NonFiniteFeatures(UserError):
    """A frozen body gave NaN or infinity."""

    code = "non-finite-features"

    def __init__(self, engine: str, *, origins: Sequence[str], where: str) -> None:
        """List the examples and the first place where it happened."""
        super().__init__(
            "the frozen body gave numbers that are not finite",
            found=f"{where}, computed by {engine}, for {shown(origins, most=5)}",
            expected="finite features for every example",
            fix="look at these examples; if they are sound, the weights are not: try another model",
        )


class CacheFull(UserError):
    """The disk that holds the cache has no room for what must be written."""

    code = "cache-full"

    def __init__(self, folder: Path, *, needed: int, free: int) -> None:
        """Say where, how much is needed and how much there is."""
        super().__init__(
            "the cache has no room on its disk",
            found=f"{format_bytes(free)} free under {folder}",
            expected=f"{format_bytes(needed)}",
            fix="free some space, or point the variable CROSSTUNE_CACHE at a larger disk",
        )
