"""transformers encoders of sounds: the pipeline's scores, alone or in company, and what is switched off."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from crosstune.core.errors import BadValue
from crosstune.core.sound import Sound
from crosstune.frozen.taps import TapModel
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import OtherModality, UnsupportedModel
from crosstune.sources.kinds.audio import LEAKS, LONGEST, RANDOM
from crosstune.sources.kinds.registry import KINDS, modalities
from crosstune.sources.registry import open_model
from crosstune.sources.sound_preprocessing import SoundPreprocessing
from tests.sources.conftest import HUB, Opener, Runner
from tests.support.tiny import Kind, random_sounds, tiny_wav2vec2_dir, tiny_whisper_dir

ENCODERS: tuple[Kind, ...] = ("wav2vec2", "hubert", "whisper", "ast")
OPTIONS = OpenOptions(task="audio-classification", outputs=3)


def sounds_of(backbone: Backbone) -> SoundPreprocessing:
    assert isinstance(backbone.preprocessing, SoundPreprocessing)
    return backbone.preprocessing


@pytest.mark.parametrize("kind", ENCODERS)
def test_the_pipeline_gives_the_same_labels_and_scores(
    kind: Kind, tiny_models: Opener, outputs: Runner, tmp_path: Path
) -> None:
    from transformers.utils import logging

    logging.disable_progress_bar()
    backbone = tiny_models(kind)
    backbone.save(tmp_path / "model", HUB)
    namespace: dict[str, Any] = {}
    exec(backbone.loads_with.format(path=tmp_path / "model"), namespace)  # noqa: S102 - our own lines
    raw = random_sounds(5)
    rows = namespace["predict"]([sounds_of(backbone).heard(one) for one in raw], top_k=None)
    scores = torch.softmax(outputs(backbone, raw), dim=-1).numpy()
    names = list(HUB["id2label"].values())
    theirs = [[next(x["score"] for x in row if x["label"] == name) for name in names] for row in rows]
    np.testing.assert_allclose(theirs, scores, atol=1e-5)
    assert scores.std(axis=0).min() > 1e-4  # else every sound would be the same


def logits_and_features(backbone: Backbone, raw: list[Sound]) -> tuple[torch.Tensor, ...]:
    batch = backbone.preprocessing(raw)
    with torch.no_grad():
        pooled, _ = TapModel(backbone).eval()(**batch)
        return backbone.logits(backbone.model.eval()(**batch)), pooled


def check_alone_and_in_company(backbone: Backbone) -> None:
    """Compare up to rounding: 1e-4 of the value, or 1e-5."""
    raw = [*random_sounds(4), Sound(random_sounds(1)[0].samples[:130], 8000)]
    alone = [
        torch.cat(both) for both in zip(*(logits_and_features(backbone, [one]) for one in raw), strict=True)
    ]
    for ours, expected in zip(logits_and_features(backbone, raw), alone, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
        assert expected.std(dim=0).max() > 1e-3


@pytest.mark.parametrize("kind", [*ENCODERS, "vit-sounds"])
def test_a_sound_gives_the_same_alone_and_in_any_company(kind: Kind, tiny_models: Opener) -> None:
    check_alone_and_in_company(tiny_models(kind))


@pytest.mark.filterwarnings("ignore:Support for mismatched:UserWarning")  # WavLM of transformers
@pytest.mark.parametrize("family", ["wavlm", "unispeech", "unispeech-sat"])
def test_so_does_their_kin(family: str, tmp_path: Path) -> None:
    opened = open_model(str(tiny_wav2vec2_dir(tmp_path / family, family=family)), OPTIONS)
    check_alone_and_in_company(opened)
    assert LEAKS not in opened.notes
    assert opened.blocks[0].cut
    assert opened.blocks[1].cut == (family != "wavlm")  # all layers of WavLM read the positions of the first


@pytest.mark.parametrize("family", ["data2vec-audio", "conformer", "sew"])
def test_some_of_their_kin_cannot_and_say_so(family: str, tmp_path: Path) -> None:
    opened = open_model(str(tiny_wav2vec2_dir(tmp_path / family, family=family)), OPTIONS)
    with pytest.raises(AssertionError, match="not close"):
        check_alone_and_in_company(opened)
    assert LEAKS in opened.notes


def test_a_model_of_frames_that_are_no_convolutions_too(tmp_path: Path) -> None:
    from transformers import (
        SeamlessM4TFeatureExtractor,
        Wav2Vec2BertConfig,
        Wav2Vec2BertForSequenceClassification,
    )

    config = Wav2Vec2BertConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        classifier_proj_size=24, feature_projection_input_dim=32, conv_depthwise_kernel_size=5,
        left_max_position_embeddings=8, initializer_range=0.2,
    )  # fmt: skip
    torch.manual_seed(0)
    Wav2Vec2BertForSequenceClassification(config).save_pretrained(tmp_path)
    SeamlessM4TFeatureExtractor(feature_size=16, num_mel_bins=16).save_pretrained(tmp_path)
    opened = open_model(str(tmp_path), OPTIONS)
    assert opened.frames is None
    check_alone_and_in_company(opened)


@pytest.mark.parametrize("kind", ENCODERS)
def test_nothing_is_random_in_training_but_dropout(kind: Kind, tiny_models: Opener, outputs: Runner) -> None:
    backbone = tiny_models(kind)
    model, raw = backbone.model, random_sounds(3)
    expected = outputs(backbone, raw)
    changed: list[tuple[torch.nn.Module, str, float]] = []
    for module in model.modules():
        for name in ("p", "dropout", "dropout_prob", "attention_dropout", "activation_dropout"):
            if isinstance(getattr(module, name, None), float):
                changed.append((module, name, getattr(module, name)))
                setattr(module, name, 0.0)
    model.train()
    batch = backbone.preprocessing(raw)
    with torch.no_grad():
        found = [backbone.logits(model(**batch)) for _ in range(4)]
    model.eval()
    for module, name, value in changed:
        setattr(module, name, value)
    for one in found:
        torch.testing.assert_close(one, expected, rtol=1e-4, atol=1e-5)
    assert changed
    assert not any(getattr(model.config, name, 0.0) for name in RANDOM)
    assert not any("masked_spec_embed" in name for name, _ in model.named_parameters())


def test_the_positions_of_whisper_stay_as_they_are(tiny_models: Opener) -> None:
    still = [n for n, p in tiny_models("whisper").model.named_parameters() if not p.requires_grad]
    assert still == ["encoder.embed_positions.weight"]
    assert all(p.requires_grad for p in tiny_models("wav2vec2").model.parameters())


def test_so_much_is_heard_and_no_more(tiny_models: Opener, tmp_path: Path) -> None:
    default = sounds_of(tiny_models("wav2vec2"))
    assert default.max_seconds == LONGEST
    folder = tiny_wav2vec2_dir(tmp_path / "wav2vec2")
    short = open_model(str(folder), replace(OPTIONS, max_seconds=0.1))
    (sound,) = random_sounds(1)
    start = Sound(sound.samples[:800], 8000)
    assert torch.equal(short.preprocessing([sound])["input_values"], default([start])["input_values"])
    assert short.preprocessing.describe() != default.describe()
    assert short.preprocessing.lengths([sound, start]) == [6, 6]  # 1,600 samples of 16 kHz, and one
    short.save(tmp_path / "run", HUB)
    again = open_model(str(tmp_path / "run"), OPTIONS)
    assert sounds_of(again).max_seconds == 0.1
    assert sounds_of(open_model(str(tmp_path / "run"), replace(OPTIONS, max_seconds=2.0))).max_seconds == 2.0


def test_lengths_are_the_frames_of_20_ms(tiny_models: Opener) -> None:
    second = Sound(np.zeros(8000, np.float32), 8000)
    long = Sound(np.zeros(8000 * 60, np.float32), 8000)
    assert tiny_models("wav2vec2").preprocessing.lengths([second, long]) == [51, 751]
    assert tiny_models("whisper").preprocessing.lengths([second, long]) == [1, 1]
    assert tiny_models("wav2vec2").lengths_vary
    assert not tiny_models("ast").lengths_vary


@pytest.mark.parametrize("kind", ENCODERS)
def test_silence_and_next_to_nothing_are_heard(kind: Kind, tiny_models: Opener, outputs: Runner) -> None:
    raw = [Sound(np.zeros(count, np.float32), 16_000) for count in (0, 1, 30, 4000)]
    assert torch.isfinite(outputs(tiny_models(kind), raw)).all()


def test_what_has_no_place_is_said(tiny_models: Opener, tmp_path: Path, bert_folder: Path) -> None:
    folder = tiny_whisper_dir(tmp_path / "whisper")
    with pytest.raises(UnsupportedModel, match="window of fixed length"):
        open_model(str(folder), replace(OPTIONS, max_seconds=1.0))
    with pytest.raises(UnsupportedModel, match="dropout"):
        open_model(str(folder), replace(OPTIONS, dropout=0.1))
    with pytest.raises(OtherModality, match="a model that reads sounds"):
        open_model(str(folder), replace(OPTIONS, task="image-classification"))
    with pytest.raises(UnsupportedModel, match="max_seconds"):
        open_model(str(bert_folder), replace(OPTIONS, task="text-classification", max_seconds=1.0))
    with pytest.raises(BadValue, match="above 0"):
        open_model(str(tiny_wav2vec2_dir(tmp_path / "wav2vec2")), replace(OPTIONS, max_seconds=-1.0))
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UnsupportedModel, match="feature extractor"):
        open_model(str(folder), OPTIONS)


def test_every_kind_names_a_class_that_transformers_has() -> None:
    import transformers

    assert set(KINDS) == {"image", "text", "audio"}
    assert all(hasattr(transformers, kind.auto_class) for kind in KINDS.values())
    assert modalities("wav2vec2") == {"audio"}
    assert modalities("vit") == {"image"}
    assert modalities("bert") == {"text"}
    assert modalities("no-such-type") == set()
