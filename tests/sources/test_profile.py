"""What heads read of a spectrogram itself: each row's mean and deviation, before the first block."""

from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.core.sound import Sound
from crosstune.frozen.taps import TapModel
from crosstune.sources.base import OpenOptions
from crosstune.sources.profile import Profile
from crosstune.sources.registry import open_model
from tests.support.tiny import tiny_vit_dir


@pytest.mark.parametrize(("height", "rows"), [(48, 48), (64, 64), (160, 64)])
def test_rows_are_averaged_over_time_and_high_pictures_over_neighbours(height: int, rows: int) -> None:
    picture = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 1, height, 30)).astype(np.float32))
    profile = Profile("x", height)
    found = profile({"x": picture.repeat(1, 3, 1, 1)}).numpy()
    assert found.shape == (2, profile.width) == (2, 2 * rows)
    plain = picture[:, 0].double().numpy()
    for half, values in ((found[:, :rows], plain.mean(2)), (found[:, rows:], plain.std(2))):
        edges = [(row * height // rows, -(-(row + 1) * height // rows)) for row in range(rows)]
        expected = np.stack([values[:, low:high].mean(1) for low, high in edges], axis=1)
        np.testing.assert_allclose(half, expected, atol=1e-5)


def test_it_stands_before_the_first_block(tmp_path: Path) -> None:
    options = OpenOptions(task="audio-classification", outputs=2, max_seconds=0.5)
    backbone = open_model(str(tiny_vit_dir(tmp_path / "vit")), options)
    assert backbone.profile is not None
    first, *others = backbone.pooled_widths
    assert first == backbone.blocks[0].width + backbone.profile.width
    assert others == [block.width for block in backbone.blocks[1:]]
    batch = backbone.preprocessing(
        [Sound(np.random.default_rng(1).normal(size=900).astype(np.float32), 8_000)]
    )
    with torch.no_grad():
        pooled, _ = TapModel(backbone).eval()(**batch)
        backbone.profile, profile = None, backbone.profile
        plain, _ = TapModel(backbone).eval()(**batch)
    assert torch.equal(pooled, torch.cat([profile(batch), plain], dim=1))
