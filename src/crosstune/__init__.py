"""crosstune fine-tunes pretrained models on labelled data, and measures every choice.

The public namespace is ``__all__``. Importing this package imports no torch; calling does.
"""

from typing import TYPE_CHECKING, Any

from crosstune.core.version import VERSION

if TYPE_CHECKING:
    from crosstune.api import (
        cache,
        check,
        cross_evaluate,
        evaluate,
        fit,
        gap,
        load,
        plan,
        predict,
        rank,
        report,
        resume,
    )

__version__ = VERSION

__all__ = [
    "__version__", "cache", "check", "cross_evaluate", "evaluate", "fit", "gap", "load", "plan", "predict",
    "rank", "report", "resume",
]  # fmt: skip


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a public function when it is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module `crosstune` has no attribute `{name}`")
    from crosstune import api

    return getattr(api, name)


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
