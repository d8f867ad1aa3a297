"""Rows that count for more than they say: known from training, there twice, or with two answers.

A run keeps 8 bytes of the content hash of each row that it was trained or validated on. What is compared is
exact content: bytes of a picture file, characters of a text. Copies that are nearly equal are found between
splits that are checked together (``crosstune check``), not here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from crosstune.core.files import replacing
from crosstune.core.metric import Metric
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import RunDir
from crosstune.data.items import SplitItems
from crosstune.data.targets import is_missing, labels_of
from crosstune.evaluation.scores import score
from crosstune.stages.leaks import FEWEST
from crosstune.tasks.base import Task

KEYS = "keys"


def keep_seen(folder: RunDir, items: Mapping[str, SplitItems]) -> None:
    """Write down which contents the run was trained and validated on. Cost: 8 bytes for each row."""
    keys = [items[split].row_digests.keys() for split in ("train", "validation")]
    with replacing(folder.seen) as temporary:
        save_file({KEYS: np.unique(np.concatenate(keys))}, temporary)


def seen_rows(run: Path, items: SplitItems) -> NDArray[np.bool_] | None:
    """Say for each row whether the run was trained or validated on its content; ``None``: it is not known.

    Checked by: ``tests/stages/test_seen.py``.
    """
    path = RunDir(run).seen
    if not path.is_file() or path.is_symlink():
        return None
    try:
        held = load_file(path)
    except (OSError, SafetensorError, ValueError):
        return None
    if set(held) != {KEYS}:
        return None
    keys = held[KEYS]
    if keys.dtype != np.int64 or keys.ndim != 1:
        return None
    found: NDArray[np.bool_] = np.isin(items.row_digests.keys(), keys)
    return found


def repeated_rows(items: SplitItems) -> tuple[int, int]:
    """Count the rows that repeat an earlier one, and those of them that have another answer."""
    _, first, inverse = np.unique(items.row_digests.keys(), return_index=True, return_inverse=True)
    again = np.flatnonzero(first[inverse] < np.arange(len(items)))
    targets = items.targets()
    pairs = [(targets[first[inverse[row]]], targets[row]) for row in again.tolist()]
    return len(again), sum(_differ(*pair) for pair in pairs)


def _differ(one: Any, other: Any) -> bool:  # noqa: ANN401 - raw targets
    if is_missing(one) or is_missing(other):
        return False
    return set(labels_of(one)) != set(labels_of(other))


def between_rows(
    run: Path, items: SplitItems, task: Task, outputs: NDArray[Any], encoded: NDArray[Any], reporter: Reporter
) -> dict[str, Any]:
    """Say what is known between the rows that are evaluated, and give it with figures without known rows.

    Returns:
        ``repeated``, ``contradicting`` and ``seen`` (rows; the last ``None`` where the run keeps nothing
        to compare with), and ``without_seen``: metrics by name, empty where nothing or too little is left.
    """
    repeated, contradicting = repeated_rows(items)
    if repeated:
        words = f"; {contradicting:,} of them with another answer" if contradicting else ""
        reporter.warn(f"{repeated:,} of {len(items):,} rows repeat the content of an earlier row{words}")
    seen = seen_rows(run, items)
    if seen is None and RunDir(run).seen.exists():
        reporter.warn(
            f"{RunDir(run).seen.name} is damaged: rows that the run was trained on are not told apart"
        )
    count = None if seen is None else int(seen.sum())
    without: dict[str, Metric] = {}
    if seen is not None and count:
        reporter.warn(
            f"{count:,} of {len(items):,} rows have exactly the content of a row that the run was trained or "
            "validated on: the figures are too good"
        )
        if len(items) - count >= FEWEST:
            without = score(task, outputs[~seen], encoded[~seen])
            reporter.say(f"without them: {_listed(without)}")
    figures = {name: metric.to_json() for name, metric in without.items()}
    return {"repeated": repeated, "contradicting": contradicting, "seen": count, "without_seen": figures}


def _listed(metrics: Mapping[str, Metric]) -> str:
    names: Sequence[str] = list(metrics)[:3]
    return ", ".join(f"{name} {metrics[name]}" for name in names)
