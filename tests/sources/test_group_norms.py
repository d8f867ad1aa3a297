"""Group norms over time: of one sound they are torch's, and in a batch they are those of one sound."""

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.frames import Frames
from crosstune.sources.group_norms import MaskedGroupNorm
from crosstune.sources.registry import open_model
from tests.support.tiny import random_sounds, tiny_wav2vec2_dir


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    folder = tiny_wav2vec2_dir(tmp_path_factory.mktemp("models") / "wav2vec2")
    return open_model(str(folder), OpenOptions(task="audio-classification", outputs=3))


def masked(frames: Frames) -> MaskedGroupNorm:
    norm = nn.GroupNorm(6, 6)
    with torch.no_grad():
        norm.weight.uniform_(0.5, 2)
        norm.bias.uniform_(-1, 1)
    norm.__class__ = MaskedGroupNorm
    assert isinstance(norm, MaskedGroupNorm)
    norm.frames = frames
    return norm


def test_each_row_is_what_torch_makes_of_its_own_frames() -> None:
    torch.manual_seed(0)
    norm, values = masked(Frames((3,), (2,))), torch.randn(3, 6, 10) + 4
    with torch.no_grad():
        alone = [nn.GroupNorm.forward(norm, values[row : row + 1, :, :n]) for row, n in enumerate((10, 4, 2))]
        norm.samples = torch.tensor([21, 9, 5])
        found = norm(values)
    for row, one in enumerate(alone):
        torch.testing.assert_close(found[row, :, : one.shape[-1]], one[0], rtol=1e-5, atol=1e-5)
    norm.samples = None
    assert torch.equal(norm(values), nn.GroupNorm.forward(norm, values))


def test_the_model_alone_is_transformers_own(base: Backbone) -> None:
    model = base.model.eval()
    for sound in random_sounds(3):
        batch = base.preprocessing([sound])
        with torch.no_grad():
            ours = model(**batch).logits
            theirs = type(model).forward(model, batch["input_values"]).logits
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


def test_transformers_own_forward_depends_on_the_batch_and_ours_does_not(base: Backbone) -> None:
    model, sounds = base.model.eval(), random_sounds(4)
    batch = base.preprocessing(sounds)
    with torch.no_grad():
        alone = torch.cat([model(**base.preprocessing([one])).logits for one in sounds])
        ours = model(**batch).logits
        theirs = type(model).forward(model, batch["input_values"]).logits
    torch.testing.assert_close(ours, alone, rtol=1e-4, atol=1e-5)
    assert (theirs - alone).abs().max() > 1e-3


def test_nothing_stays_after_a_call_and_a_copy_is_its_own(base: Backbone) -> None:
    model = copy.deepcopy(base.model)
    (norm,) = (one for one in model.modules() if isinstance(one, MaskedGroupNorm))
    (other,) = (one for one in base.model.modules() if isinstance(one, MaskedGroupNorm))
    assert norm is not other
    assert model.forward.__self__ is model
    with pytest.raises(RuntimeError):
        model(input_values=torch.zeros(1, 3), attention_mask=torch.ones(1, 3))
    assert norm.samples is None
    assert norm.frames == Frames((10,), (5,))


def test_a_model_without_such_norms_keeps_its_forward(tmp_path: Path) -> None:
    folder = tiny_wav2vec2_dir(tmp_path / "hubert", family="hubert")
    opened = open_model(str(folder), OpenOptions(task="audio-classification", outputs=3))
    assert "forward" not in vars(opened.model)
