"""Predictions by the saved model in a fresh Python process, from raw inputs on disk.

Everything that is reported goes through here, so that a figure belongs to what was shipped and not to
what happened to be in memory.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from datasets import load_from_disk
from numpy.typing import NDArray

from crosstune.artifacts.model import load_model
from crosstune.core.cache import temporary_dir
from crosstune.core.files import read_json, write_json
from crosstune.data.items import SplitItems


def fresh_outputs(
    model: Path, parts: Sequence[SplitItems], *, engine: str = "auto", targets: bool = False
) -> list[NDArray[np.float64]]:
    """Run the saved ``model`` on each of ``parts`` in a new process; returns their outputs ``(N, K)``.

    ``targets`` gives it the targets as well, for answers that say how probable these are.

    Cost: one start of Python with torch, and one exact forward pass.
    Raises ``RuntimeError`` with the child's last lines where it fails.
    """
    with tempfile.TemporaryDirectory(prefix="fresh-", dir=temporary_dir()) as name:
        folder = Path(name)
        for number, items in enumerate(parts):
            save_items(items, folder / f"part-{number}", targets=targets)
        command = [sys.executable, "-m", "crosstune.artifacts.fresh", str(model), str(folder), engine]
        child = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        if child.returncode != 0:
            tail = "\n".join(child.stderr.splitlines()[-20:])
            raise RuntimeError(f"the saved model failed in a fresh process:\n{tail}")
        return [np.load(folder / f"part-{i}.npy", allow_pickle=False) for i in range(len(parts))]


def save_items(items: SplitItems, folder: Path, *, targets: bool = False) -> None:
    """Write the raw input cells of ``items`` (image files stay where they are), and targets if asked."""
    columns = list(items.inputs)
    target = items.target if targets else None
    items.dataset.select_columns([*columns, *([target] if target else [])]).save_to_disk(str(folder))
    write_json(folder / "items.json", {"inputs": columns, "target": target, "modality": items.modality})


def load_items(folder: Path) -> SplitItems:
    """Read what ``save_items`` wrote."""
    about = read_json(folder / "items.json")
    return SplitItems(
        dataset=load_from_disk(str(folder)),
        inputs=tuple(about["inputs"]),
        target=about["target"],
        modality=about["modality"],
    )


def main() -> None:
    """Load the model, predict every part: the child's side of :func:`fresh_outputs`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("engine")
    asked = parser.parse_args()
    model = load_model(asked.model)
    for part in sorted(asked.folder.glob("part-[0-9]*")):
        outputs = model.outputs(load_items(part), engine=asked.engine)
        np.save(part.with_name(f"{part.name}.npy"), outputs, allow_pickle=False)


if __name__ == "__main__":
    main()
