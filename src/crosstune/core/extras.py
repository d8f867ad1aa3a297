"""Optional dependencies: the one place that imports them, and names the pip command."""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from crosstune.core.errors import MissingExtra


def installed(module: str) -> bool:
    """Say whether ``module`` could be imported, without importing it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import an optional dependency.

    Raises:
        MissingExtra: it is not installed; the message names the pip command. An error inside an
            installed package is raised as it is.
    """
    if not installed(module):
        raise MissingExtra(module.partition(".")[0], extra=extra, purpose=purpose)
    return import_module(module)
