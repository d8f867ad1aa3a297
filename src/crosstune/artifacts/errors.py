"""Errors of saved models."""

from crosstune.core.errors import UserError


class NotAModel(UserError):
    """A folder does not hold a complete saved model."""

    code = "not-a-model"

    def __init__(self, path: str, *, missing: str) -> None:
        """Name the folder and what it lacks."""
        super().__init__(
            f"`{path}` does not hold a saved model",
            found=f"no {missing}",
            expected="a run directory, or its model/ folder, as `crosstune fit` writes it",
            fix="give the folder that was named with --out, and check that the run ended",
        )


class ReloadMismatch(UserError):
    """The model reloaded from disk does not predict what the model in memory predicts."""

    code = "reload-mismatch"

    def __init__(self, path: str, *, largest: float, allowed: float) -> None:
        """State the largest difference between the two."""
        super().__init__(
            f"the model saved in `{path}` does not reproduce the model that was trained",
            found=f"outputs differ by up to {largest:.3g}",
            expected=f"at most {allowed:.3g}",
            fix="do not use this model; please report this with run.log: it is a bug, or a disk fault",
        )
