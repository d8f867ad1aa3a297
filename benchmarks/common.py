"""What every benchmark shares: `--quick`, timing, the machine's shape, and the last line that programs read.

A benchmark is one command. Its last line is one JSON object: ``{"name", "figures", "targets"}``; a target
that does not hold is ``false`` there, and the exit code is 1.
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"
"""Where `benchmarks/fetch` puts things."""

Pictures = tuple[list[Any], list[int]]
"""RGB ``PIL.Image`` and class indices."""


class Benchmark:
    """One run of one benchmark: reads the command line, collects seconds, and ends the program."""

    def __init__(self, name: str, description: str | None, arguments: list[str] | None = None) -> None:
        """Parse ``--quick`` and show the machine."""
        style = argparse.RawDescriptionHelpFormatter
        parser = argparse.ArgumentParser(description=description, formatter_class=style)
        parser.add_argument("--quick", action="store_true", help="a smaller version, under a minute")
        self.name = name
        self.quick: bool = parser.parse_args(arguments).quick
        self.seconds: dict[str, float] = {}
        self.started = time.perf_counter()
        cores, memory, cpu = machine().values()
        print(f"{name}{' (quick)' if self.quick else ''}: {cores} cores, {memory} GiB, {cpu}", flush=True)

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Measure the seconds of a block; repeated blocks of one name add up."""
        started = time.perf_counter()
        yield
        took = time.perf_counter() - started
        self.seconds[what] = self.seconds.get(what, 0.0) + took
        print(f"  {what}: {took:.2f} s", flush=True)

    def finish(self, *, figures: Mapping[str, Any], targets: Mapping[str, bool]) -> None:
        """Print the last line and exit: 0 where every target holds, else 1."""
        shape = {"machine": machine(), "quick": self.quick, "total_s": time.perf_counter() - self.started}
        every = {**{f"{what}_s": took for what, took in self.seconds.items()}, **figures, **shape}
        held = {what: bool(holds) for what, holds in targets.items()}
        line = {"name": self.name, "figures": rounded(every), "targets": held}
        print(json.dumps(line, default=_plain, allow_nan=False), flush=True)
        sys.exit(0 if all(held.values()) else 1)


def rounded(value: object) -> object:
    """Cut floats to five significant digits, and write non-finite ones as ``None``."""
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one) for one in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.5g}") if abs(value) < float("inf") else None
    return value


def _plain(value: object) -> str:
    return str(value)


def machine() -> dict[str, Any]:
    """Describe where this runs: usable cores, GiB of memory, the processor's name."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        memory = round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (ValueError, OSError, AttributeError):
        memory = None
    return {"cores": usable, "memory_gib": memory, "cpu": _cpu()}


def _cpu() -> str:
    table = Path("/proc/cpuinfo")
    if table.is_file():
        for line in table.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def data_folder(name: str) -> Path:
    """Return a folder that `benchmarks/fetch` filled, or exit with the command that fills it."""
    folder = DATA / name
    if not folder.is_dir():
        sys.exit(f"no {folder}: run benchmarks/fetch --only {name}")
    return folder


def fashion_mnist(folder: Path, *, train: int, test: int) -> tuple[Path, dict[str, Pictures]]:
    """Write the first pictures of Fashion-MNIST as class folders, and give the same ones in memory.

    Args:
        folder: where ``train/CLASS/NUMBER.png`` and ``test/CLASS/NUMBER.png`` are written.
        train: how many pictures of the training split.
        test: how many of the test split.

    Returns:
        The folder, and by split the RGB pictures and their class indices (classes sorted by name).
    """
    import io

    from PIL import Image
    from pyarrow import parquet

    source = data_folder("fashion-mnist")
    sets: dict[str, Pictures] = {}
    for split, count in (("train", train), ("test", test)):
        table = parquet.read_table(source / f"{split}.parquet").slice(0, count)
        labels = [name.replace("/", " or ") for name in table["label"].to_pylist()]
        pictures = []
        for number, (cell, label) in enumerate(zip(table["image"].to_pylist(), labels, strict=True)):
            path = folder / split / label / f"{number:05d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cell["bytes"])
            pictures.append(Image.open(io.BytesIO(cell["bytes"])).convert("RGB"))
        known = sorted(set(labels) | {path.name for path in (folder / "train").iterdir()})
        sets[split] = pictures, [known.index(label) for label in labels]
    return folder, sets
