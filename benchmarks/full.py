"""Full fine-tuning: the SGD loop that tutorials write, against ``crosstune fit``, to the same accuracy.

Tutorial: all of EfficientNet-lite0, SGD with rate 0.001 and momentum 0.9, batches of 32, pictures resized
to 256 and cropped to 224 px with ImageNet normalisation, in plain float32. crosstune: ``fit`` with
``strategy=lp-ft`` and otherwise its own decisions, timed from the call to the end of the report, test
evaluation in a fresh process included. Imports are excluded on both sides, and so is the tutorial's
evaluation.
"""

import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms

from crosstune import pipeline
from crosstune.core.files import read_json
from crosstune.options import FitOptions
from crosstune.reports.live import make_reporter
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model

from common import Benchmark, fashion_mnist
from frozen_head import Pictures

MODEL, BATCH = "package:efficientnet-lite0", 32


def tutorial(train: Pictures, test: Pictures, epochs: int) -> tuple[float, float]:
    """Return (seconds of training, test accuracy)."""
    torch.manual_seed(0)
    normal = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    steps = [transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), normal]
    train.transform = test.transform = transforms.Compose(steps)
    started = time.perf_counter()
    model = open_model(MODEL, OpenOptions(task="image-classification", outputs=10)).model
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
    for _ in range(epochs):
        model.train()
        for pictures, labels in DataLoader(train, BATCH, shuffle=True, num_workers=2):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(pictures), labels).backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    model.eval()
    with torch.no_grad():
        hits = [model(p).argmax(dim=1) == y for p, y in DataLoader(test, 64, num_workers=2)]
    return seconds, torch.cat(hits).float().mean().item()


def ours(data: Path, folder: Path) -> tuple[float, float, str]:
    """Return (seconds of the whole fit, test accuracy, what was shipped)."""
    started = time.perf_counter()
    run = pipeline.fit(
        FitOptions(data=data, model=MODEL, strategy="lp-ft", epochs=2.0, budget="none", out=folder),
        reporter=make_reporter(),
    )
    seconds = time.perf_counter() - started
    return seconds, read_json(run.metrics)["test"]["accuracy"]["value"], read_json(run.summary)["shipped"]


def main() -> None:
    """Run both sides and hold them to the targets."""
    benchmark = Benchmark("full", __doc__)
    rows, tested, epochs = (200, 100, 1) if benchmark.quick else (1_000, 1_000, 3)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, sets = fashion_mnist(folder / "data", train=rows, test=tested)
        our_seconds, our_accuracy, shipped = ours(data, folder / "run")
        seconds, accuracy = tutorial(Pictures(*sets["train"]), Pictures(*sets["test"]), epochs)
    ratio = seconds / our_seconds
    benchmark.finish(
        figures={
            "tutorial_seconds": seconds,
            "tutorial_accuracy": accuracy,
            "tutorial_epochs": epochs,
            "crosstune_seconds": our_seconds,
            "crosstune_accuracy": our_accuracy,
            "ratio": ratio,
            "shipped": shipped,
            "pictures": rows,
        },
        targets={
            "at least 2 times faster": bool(ratio >= (0.2 if benchmark.quick else 2)),
            "to the same accuracy": bool(our_accuracy >= accuracy),
        },
    )


if __name__ == "__main__":
    main()
