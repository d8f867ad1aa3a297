"""Files of weights from before: other names, and no counters of BatchNorm."""

from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from crosstune.sources.errors import BadWeights
from crosstune.sources.torchvision_models import _renamed
from crosstune.sources.weights import load_weights


def test_counters_may_be_missing_and_nothing_else() -> None:
    saved = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    nn.init.normal_(saved[1].running_mean)
    state = {
        name: one for name, one in saved.state_dict().items() if not name.endswith("num_batches_tracked")
    }
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    load_weights(model, state, where=Path("old"))
    assert torch.equal(model[1].running_mean, saved[1].running_mean)
    assert model[1].num_batches_tracked == 0
    del state["1.running_mean"]
    with pytest.raises(BadWeights, match="running_mean"):
        load_weights(model, state, where=Path("old"))


def test_the_old_names_of_densenet_are_those_of_today() -> None:
    state = torchvision.models.densenet121(weights=None).state_dict()
    parts = ("norm", "relu", "conv")
    old = dict(state)
    for name in state:
        if "denselayer" in name:
            before = name
            for part in parts:
                before = before.replace(f".{part}1.", f".{part}.1.").replace(f".{part}2.", f".{part}.2.")
            old[before] = old.pop(name)
    assert set(old) != set(state)
    assert set(_renamed(old)) == set(state)
