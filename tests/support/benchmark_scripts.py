"""Opens a script of ``benchmarks/``, whose modules import each other by bare names."""

import sys
from importlib import import_module
from types import ModuleType

from tests.support.published import ROOT


def benchmark_script(name: str) -> ModuleType:
    """Import ``benchmarks/NAME.py`` as its own program would."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        return import_module(name)
    finally:
        sys.path.remove(folder)
