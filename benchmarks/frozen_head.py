"""A new head on a frozen body: the loop that tutorials write, against crosstune, on the same pictures.

Tutorial: EfficientNet-lite0 at 224 px, every weight frozen but a new ten-class head, Adam, batches of 32,
``model.train()``, nothing cached, ten epochs. One epoch is timed and multiplied by ten. For its accuracy
the other nine epochs of the head are trained on features of the body as the first epoch left it
(BatchNorm statistics drift in ``model.train()``), which changes the figure little and spares an hour.

crosstune: ``recipes/frozen_head.toml``, from opening the model to the saved folder: speed test, compilation,
frozen pass, heads, save. Imports are excluded on both sides, evaluation on the test pictures too.
"""

import tempfile
import time
from pathlib import Path

import numpy as np
import openvino  # noqa: F401 - imports are excluded on both sides
import timm  # noqa: F401
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import transforms

from crosstune import pipeline
from crosstune.core.clock import Budget
from crosstune.options import fit_options
from crosstune.reports.live import make_reporter
from crosstune.sources.base import OpenOptions
from crosstune.sources.registry import open_model
from crosstune.stages.closed_form import ship_closed_form
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.probe import probe
from crosstune.stages.run import Run, new_folder

from common import Benchmark, fashion_mnist

RECIPE = Path(__file__).parents[1] / "recipes" / "frozen_head.toml"
MODEL, EPOCHS, BATCH, SIDE = "package:efficientnet-lite0", 10, 32, 224
"""What the tutorial uses."""


class Pictures(torch.utils.data.Dataset[tuple[torch.Tensor, int]]):
    """What a tutorial writes: one picture at a time, transformed on the fly."""

    def __init__(self, pictures: list, labels: list[int]) -> None:
        """Hold pictures and the transforms of the tutorial."""
        self.pictures, self.labels = pictures, labels
        normal = transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        self.transform = transforms.Compose([transforms.Resize(SIDE), transforms.ToTensor(), normal])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.pictures[index]), self.labels[index]


def one_epoch(model: nn.Module, head: nn.Linear, loader: DataLoader) -> float:
    """Train the head for one epoch as tutorials do; returns seconds."""
    started = time.perf_counter()
    optimizer, loss = torch.optim.Adam(head.parameters(), lr=1e-3), nn.CrossEntropyLoss()
    model.train()
    for pictures, labels in loader:
        optimizer.zero_grad()
        loss(model(pictures), labels).backward()
        optimizer.step()
    return time.perf_counter() - started


def features(model: nn.Module, head: nn.Linear, loader: DataLoader) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the body as it is, in eval mode; returns (head inputs, labels)."""
    caught: list[torch.Tensor] = []
    handle = head.register_forward_pre_hook(lambda _module, inputs: caught.append(inputs[0].detach()))
    model.eval()
    with torch.no_grad():
        labels = torch.cat([label for picture, label in loader if model(picture) is not None])
    handle.remove()
    return torch.cat(caught), labels


def tutorial(train: Pictures, test: Pictures) -> tuple[float, float]:
    """Return (seconds of ten epochs, test accuracy)."""
    torch.manual_seed(0)
    started = time.perf_counter()
    backbone = open_model(MODEL, OpenOptions(task="image-classification", outputs=10))
    model, head = backbone.model, backbone.head_module()
    for parameter in model.parameters():
        parameter.requires_grad = False
    head.requires_grad_(requires_grad=True)
    opened = time.perf_counter() - started
    seconds = one_epoch(model, head, DataLoader(train, BATCH, shuffle=True, num_workers=2))
    plain = {"batch_size": 64, "num_workers": 2}
    known = DataLoader(TensorDataset(*features(model, head, DataLoader(train, **plain))), BATCH, shuffle=True)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    for _ in range(EPOCHS - 1):
        for inputs, labels in known:
            optimizer.zero_grad()
            nn.functional.cross_entropy(head(inputs), labels).backward()
            optimizer.step()
    inputs, labels = features(model, head, DataLoader(test, **plain))
    accuracy = (head(inputs).argmax(dim=1) == labels).float().mean().item()
    return opened + EPOCHS * seconds, accuracy


def ours(data: Path, folder: Path) -> tuple[float, float]:
    """Return (seconds from opening the model to the saved folder, test accuracy of the saved model)."""
    asked = {"data": data, "model": MODEL, "budget": "none", "out": folder}
    options = fit_options(asked, recipe=RECIPE)
    run = Run(options, new_folder(folder), Budget(None), make_reporter())
    prepared = prepare(run)
    started = time.perf_counter()
    opened = open_planned(run, prepared)
    ship_closed_form(run, prepared, opened, probe(run, prepared, opened))
    seconds = time.perf_counter() - started
    return seconds, pipeline.evaluate(folder, data)["accuracy"].value


def main() -> None:
    """Run both sides and hold them to the targets."""
    benchmark = Benchmark("frozen_head", __doc__)
    rows, tested = (300, 200) if benchmark.quick else (5_000, 1_000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data, sets = fashion_mnist(folder / "data", train=rows, test=tested)
        our_seconds, our_accuracy = ours(data, folder / "run")
        their_seconds, their_accuracy = tutorial(Pictures(*sets["train"]), Pictures(*sets["test"]))
    ratio = their_seconds / our_seconds
    slack = 0.05 if benchmark.quick else 0.0  # 200 test pictures say no more than that
    benchmark.finish(
        figures={
            "tutorial_seconds": their_seconds,
            "crosstune_seconds": our_seconds,
            "ratio": ratio,
            "tutorial_accuracy": their_accuracy,
            "crosstune_accuracy": our_accuracy,
            "pictures": rows,
            "threads": torch.get_num_threads(),
        },
        targets={
            "at least 200 times faster": bool(ratio >= (20 if benchmark.quick else 200)),
            "test accuracy at least as good": bool(our_accuracy >= their_accuracy - slack),
        },
    )


if __name__ == "__main__":
    np.random.seed(0)
    main()
