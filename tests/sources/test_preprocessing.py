"""Preprocessing equals timm's and torchvision's own transforms bit for bit; texts are cut and padded."""

import math
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crosstune.sources.preprocessing import ImagePreprocessing, TextPreprocessing, crop_share
from crosstune.sources.timm_folders import preprocessing_of
from crosstune.sources.torchvision_models import preset
from tests.sources.conftest import Opener
from tests.support.tiny import random_images, random_texts


def pictures() -> list[Image.Image]:
    """Make noise, tall, wide, small, and one that is grey."""
    shapes = [(40, 40), (33, 90), (90, 31), (12, 17)]
    noise = [random_images(1, i, size=20)[0].resize(shape) for i, shape in enumerate(shapes)]
    return [*noise, noise[1].convert("L").convert("RGB")]


@pytest.mark.parametrize("crop_mode", ["center", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_equals_timm(crop_mode: str, interpolation: str) -> None:
    config = timm.models.get_pretrained_cfg("tf_efficientnet_lite0").to_dict()
    config |= {"input_size": (3, 48, 48), "crop_pct": 0.875, "interpolation": interpolation}
    config |= {"crop_mode": crop_mode, "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    ours = preprocessing_of(config, "test")
    data = timm.data.resolve_data_config(pretrained_cfg=config)
    theirs = timm.data.create_transform(**data, is_training=False)
    batch = ours(pictures())["x"]
    assert batch.dtype == torch.float32
    assert torch.equal(batch, torch.stack([theirs(picture) for picture in pictures()]))


def test_equals_torchvision() -> None:
    transforms = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.transforms(crop_size=48, resize_size=56)
    ours = preset(transforms)
    assert (ours.size, ours.resize) == (48, 56)
    assert torch.equal(ours(pictures())["x"], torch.stack([transforms(picture) for picture in pictures()]))


def test_a_grey_picture_is_prepared_like_any_other() -> None:
    ours = ImagePreprocessing(
        argument="x", size=32, resize=32, interpolation="bicubic", mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7)
    )  # fmt: skip
    grey = pictures()[-1]
    assert ours.pixels(grey).ndim == 2
    alone, mixed = ours([grey])["x"], ours([grey, pictures()[0]])["x"]
    slow = np.asarray(grey.resize((32, int(32 * 90 / 33)), Image.Resampling.BICUBIC))
    top = round((slow.shape[0] - 32) / 2)
    expected = (torch.from_numpy(slow[top : top + 32].copy()).permute(2, 0, 1).float() / 255).sub(
        torch.tensor([0.1, 0.2, 0.3]).view(3, 1, 1)
    ) / torch.tensor([0.5, 0.6, 0.7]).view(3, 1, 1)
    assert torch.equal(alone[0], expected)
    assert torch.equal(mixed[0], expected)


@settings(max_examples=40)
@given(st.integers(1, 1024), st.integers(0, 512))
def test_crop_share_gives_back_the_resize(size: int, more: int) -> None:
    share = crop_share(size, size + more)
    assert 0 < share <= 1
    assert math.floor(size / share) == size + more


def test_description_rebuilds_the_preprocessing() -> None:
    ours = preset(torchvision.models.ResNet18_Weights.DEFAULT.transforms())
    assert ImagePreprocessing.from_json(ours.describe()) == ours


def test_texts_are_cut_and_padded_to_the_longest(bert_folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    ours = TextPreprocessing(tokenizer, 8)
    texts = ["good day", "very good film", " ".join(["bad"] * 50)]
    batch = ours(texts)
    assert batch["input_ids"].shape == (3, 8)
    assert batch["attention_mask"].sum(1).tolist() == ours.lengths(texts) == [4, 5, 8]
    assert ours(texts[:2])["input_ids"].shape == (2, 5)
    assert ours.lengths([]) == []


def test_pairs_get_their_own_segment(bert_folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    ours = TextPreprocessing(tokenizer, 16)
    pair = ours([("good day", "bad film")])
    assert pair["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 1]]
    assert ours.lengths([("good day", "bad film")]) == [7]
    assert pair["input_ids"].tolist() == [tokenizer("good day", "bad film")["input_ids"]]


def test_descriptions_differ_where_the_tokens_do(bert_folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    first = TextPreprocessing(tokenizer, 8).describe()
    assert first == TextPreprocessing(AutoTokenizer.from_pretrained(bert_folder), 8).describe()
    assert first != TextPreprocessing(tokenizer, 9).describe()
    other = tokenizer.train_new_from_iterator(random_texts(9), 60)
    assert first != TextPreprocessing(other, 8).describe()


def test_the_description_of_a_tokenizer_does_not_depend_on_its_last_call(tiny_models: Opener) -> None:
    tokenizer = tiny_models("bert").preprocessing.tokenizer
    fresh = TextPreprocessing(tokenizer, 64)
    fresh(["good", "a bad film"])
    padded = fresh.describe()
    again = TextPreprocessing(tokenizer, 64)
    again.lengths(["good", "a bad film"])
    assert again.describe() == padded
    assert TextPreprocessing(tokenizer, 32).describe() != padded
