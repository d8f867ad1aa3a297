"""What all scores of one model cost, on made-up features of the widths of real models.

``python benchmarks/model_scores.py image`` (EfficientNet-lite0: 18 blocks, 3,120 columns) or ``text``
(SmolLM2-135M: 30 blocks of 576, 17,280 columns), 2,000 rows of ten classes. With OMP_NUM_THREADS=1 the
processor seconds are those of the work alone: several threads on a busy machine wait for each other, and
waiting counts.
"""

import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crosstune.probing.ranking import score_model
from crosstune.tasks.registry import make_task

ROWS, CLASSES = 2000, 10

WIDTHS = {
    "image": (32, 16, 24, 24, 40, 40, 80, 80, 80, 112, 112, 112, 192, 192, 192, 192, 320, 1280),
    "text": (576,) * 30,
}


@dataclass(frozen=True)
class Made:
    """Blocks of noise with a little of the classes in each."""

    head_input: NDArray[np.float32]
    blocks: tuple[NDArray[np.float32], ...]
    names: tuple[str, ...]


def main(kind: str) -> None:
    """Score one made-up model and print what it took."""
    draw = np.random.default_rng(0)
    labels = draw.integers(0, CLASSES, ROWS)
    blocks = []
    for width in WIDTHS[kind]:
        signal = draw.normal(size=(CLASSES, width))[labels] / 4
        blocks.append((signal + draw.normal(size=(ROWS, width))).astype(np.float32))
    head = blocks[-1] if kind == "image" else np.tanh(blocks[-1])
    made = Made(head, tuple(blocks), tuple(f"block.{index}" for index in range(len(blocks))))
    task = make_task("image-classification", [f"c{one}" for one in range(CLASSES)])
    began, busy = time.monotonic(), time.process_time()
    scores = score_model(kind, task, made, labels)
    busy, took = time.process_time() - busy, time.monotonic() - began
    print(f"{kind}: {took:.1f} s, {busy:.1f} processor seconds, {len(scores.measurements)} figures")
    for row in sorted(scores.measurements, key=lambda one: -one.seconds)[:6]:
        print(f"  {row.name.partition('/')[2]:28} {row.seconds:6.2f} s  {row.metric}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "image")
