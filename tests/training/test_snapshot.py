"""Copies of weights: what is in them, and that they come back bit for bit, in any layout."""

from pathlib import Path

import torch

from crosstune.frozen.freeze import freeze
from crosstune.training.snapshot import mean, moving, read, restore, take, write
from tests.training.small import convolutional


def test_weights_survive_a_file_and_a_change_of_layout(tmp_path: Path) -> None:
    backbone = convolutional(3)
    freeze(backbone, 1)
    names = [name for name, parameter in backbone.model.named_parameters() if parameter.requires_grad]
    live = moving(backbone.model, names)
    assert "stem.0.weight" not in live
    assert "stem.1.running_mean" in live
    backbone.model.to(memory_format=torch.channels_last)
    before = take(live)
    write(tmp_path / "w.safetensors", before)
    with torch.no_grad():
        for tensor in live.values():
            tensor.add_(1)
    restore(live, read(tmp_path / "w.safetensors"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in live.items())
    assert backbone.model.first[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_the_mean_leaves_counters_alone() -> None:
    many = [{"w": torch.tensor([float(i)]), "n": torch.tensor(i)} for i in (1, 2, 6)]
    assert mean(many) == {"w": torch.tensor([3.0]), "n": torch.tensor(1)}
