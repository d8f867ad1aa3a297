"""Sounds as pictures: what they show, that a saved model hears the same, and text bodies on sounds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from crosstune.core.errors import BadValue
from crosstune.core.log_mel import FLOOR
from crosstune.core.sound import Sound
from crosstune.sources.base import OpenOptions
from crosstune.sources.embedder import PatchModel
from crosstune.sources.record import PICTURE, RECORD, BadModelFolder
from crosstune.sources.registry import open_model
from crosstune.sources.saved import open_saved
from crosstune.sources.spectrograms import MEAN, NOTE, STD, SpectrogramPreprocessing
from tests.sources.conftest import HUB, Runner
from tests.support.tiny import random_sounds

OPTIONS = OpenOptions(task="audio-classification", outputs=3)
SILENCE = (np.log(FLOOR) - MEAN) / STD
ONE_SECOND = SpectrogramPreprocessing(
    argument="x", height=64, width=50, channels=3, seconds=1.0, bands=64
)  # fmt: skip


def tone(hertz: float, seconds: float, rate: int) -> Sound:
    time = np.arange(round(seconds * rate)) / rate
    return Sound((0.5 * np.sin(2 * np.pi * hertz * time)).astype(np.float32), rate)


def test_low_tones_lie_at_the_bottom_and_time_runs_to_the_right() -> None:
    pictures = ONE_SECOND([tone(300, 0.5, 16_000), tone(3000, 0.5, 8000)])["x"]
    assert pictures.shape == (2, 3, 64, 50)
    assert torch.equal(pictures[:, 0], pictures[:, 2])
    low, high = (int(one[0, :, 10].argmax()) for one in pictures)
    assert low > high + 20
    assert pictures[0, 0, low, 2:48].min() > 0  # heard twice


def test_a_short_sound_is_said_again_until_the_picture_is_full() -> None:
    short = Sound(np.random.default_rng(0).normal(size=6_000).astype(np.float32) * 0.1, 16_000)
    again = Sound(np.concatenate([short.samples] * 3)[:16_000], 16_000)
    assert torch.equal(ONE_SECOND([short])["x"], ONE_SECOND([again])["x"])
    nothing = ONE_SECOND([Sound(np.zeros(0, np.float32), 16_000)])["x"]
    assert nothing.max() == pytest.approx(SILENCE, abs=1e-4)


def test_what_comes_behind_the_seconds_is_not_heard_and_the_rate_hardly_matters() -> None:
    start, longer = tone(500, 1.0, 16_000), tone(500, 2.0, 16_000)
    assert torch.equal(ONE_SECOND([start])["x"], ONE_SECOND([longer])["x"])
    other = ONE_SECOND([tone(500, 1.0, 22_050)])["x"]
    rows = slice(40, 60)  # where the tone is; elsewhere both are next to nothing
    torch.testing.assert_close(
        other[:, :, rows, 2:48], ONE_SECOND([start])["x"][:, :, rows, 2:48], atol=0.3, rtol=0
    )
    assert ONE_SECOND.lengths([start, longer]) == [1, 1]
    assert SpectrogramPreprocessing.from_json(ONE_SECOND.describe()) == ONE_SECOND


def test_a_model_of_pictures_hears_and_hears_the_same_when_reopened(
    vit_folder: Path, outputs: Runner, tmp_path: Path
) -> None:
    opened = open_model(str(vit_folder), replace(OPTIONS, max_seconds=0.5))
    assert (opened.modality, opened.mask, opened.only_here) == ("audio", None, True)
    assert NOTE in opened.notes
    assert opened.preprocessing(random_sounds(2))["pixel_values"].shape == (2, 3, 32, 32)
    opened.save(tmp_path / "model", HUB)
    assert {RECORD, PICTURE, "model.safetensors"} <= {path.name for path in (tmp_path / "model").iterdir()}
    again = open_saved(tmp_path / "model")
    raw = random_sounds(4)
    assert torch.equal(outputs(again, raw), outputs(opened, raw))
    assert outputs(opened, raw).std(dim=0).max() > 1e-3
    start = open_model(str(tmp_path / "model"), replace(OPTIONS, outputs=2))
    assert start.preprocessing.describe() == opened.preprocessing.describe()
    assert start.head_module().out_features == 2


@pytest.mark.parametrize("name", ["timm:test_efficientnet", "torchvision:mobilenet_v3_small"])
def test_models_of_any_picture_source_hear(name: str, outputs: Runner, tmp_path: Path) -> None:
    options = replace(OPTIONS, pretrained=False, image_size=64, max_seconds=0.4)
    opened = open_model(name, options)
    raw = random_sounds(2)
    opened.save(tmp_path / "model", HUB)
    assert torch.equal(outputs(open_saved(tmp_path / "model"), raw), outputs(opened, raw))
    (pixels,) = opened.preprocessing(raw).values()
    assert pixels.shape == (2, 3, 64, 64)


def test_a_text_body_hears_patches_of_the_spectrogram(
    bert_folder: Path, outputs: Runner, tmp_path: Path
) -> None:
    options = replace(OPTIONS, image_size=28, patch=7, max_seconds=0.3)
    opened = open_model(str(bert_folder), options)
    assert isinstance(opened.model, PatchModel)
    assert opened.new_parts == ("embedder",)
    raw = random_sounds(3)
    opened.save(tmp_path / "model", HUB)
    again = open_saved(tmp_path / "model")
    assert torch.equal(outputs(again, raw), outputs(opened, raw))
    start = open_model(str(tmp_path / "model"), OPTIONS)
    assert torch.equal(start.preprocessing(raw)["pixel_values"], opened.preprocessing(raw)["pixel_values"])
    assert start.new_parts == ()


def test_what_cannot_be_is_said(vit_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="one frame"):
        open_model(str(vit_folder), replace(OPTIONS, max_seconds=0.001))
    opened = open_model(str(vit_folder), OPTIONS)
    opened.save(tmp_path, HUB)
    record = (tmp_path / RECORD).read_text()
    (tmp_path / PICTURE).write_text(record)
    with pytest.raises(BadModelFolder, match="not of pictures"):
        open_saved(tmp_path)
    for old, new in (('"width": 32', '"width": "wide"'), ('"width": 32', '"breadth": 32')):
        assert old in record
        (tmp_path / RECORD).write_text(record.replace(old, new))
        opened.save(tmp_path / "again", HUB)
        (tmp_path / PICTURE).write_text((tmp_path / "again" / PICTURE).read_text())
        with pytest.raises(BadModelFolder, match="preprocessing"):
            open_saved(tmp_path)
    (tmp_path / PICTURE).unlink()
    with pytest.raises(BadModelFolder, match=PICTURE):
        open_saved(tmp_path)
