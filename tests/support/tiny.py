"""Tiny random models written to a directory, tiny raw data, and an in-memory ``Items``."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Literal, get_args

import numpy as np
import torch
from PIL import Image

from crosstune.core.domains import Domains
from crosstune.core.seeding import derived_seed, generator
from crosstune.core.sound import Sound
from crosstune.sources.base import Backbone, OpenOptions

Kind = Literal[
    "bert", "vit", "resnet", "efficientnet", "timm-vit", "llama", "bert-patches", "llama-patches",
    "wav2vec2", "hubert", "whisper", "ast", "vit-sounds",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
TEXT_KINDS = ("bert", "llama")
SOUND_KINDS = ("wav2vec2", "hubert", "whisper", "ast", "vit-sounds")
GOOD = ("good", "great", "lovely", "bright", "warm")
BAD = ("bad", "awful", "dull", "cold", "broken")
PLAIN = ("the", "film", "phone", "day", "was", "is", "very", "a", "this", "and", "not", "quite")
WORDS = (*GOOD, *BAD, *PLAIN)


@dataclass(frozen=True)
class MemoryItems:
    """``core.items.Items`` over a list."""

    raw: Sequence[Any]
    values: Sequence[Any] = field(default=())
    sources: Domains | None = None

    @property
    def digest(self) -> str:
        """Hash the pixels, the text or the samples of every example."""
        total = hashlib.blake2b(digest_size=16)
        for one in self.raw:
            content = repr(one).encode()
            if isinstance(one, Image.Image):
                content = one.tobytes()
            if isinstance(one, Sound):
                content = one.samples.tobytes() + str(one.rate).encode()
            total.update(hashlib.blake2b(content).digest())
        return total.hexdigest()

    def __len__(self) -> int:
        return len(self.raw)

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Return the examples at ``indices``."""
        return [self.raw[int(index)] for index in indices]

    def targets(self) -> list[Any]:
        """Return the raw targets."""
        return list(self.values)

    def origins(self) -> list[str]:
        """Name the rows."""
        return [f"memory:{index}" for index in range(len(self.raw))]

    def domains(self) -> Domains | None:
        """Return the domains that were given."""
        return self.sources


def random_images(n: int, seed: int = 0, *, size: int = 40) -> list[Image.Image]:
    """Make ``n`` RGB pictures of noise, of slightly different sizes."""
    draw = generator(seed, "test images")
    sizes = [(size + int(draw.integers(0, 9)), size + int(draw.integers(0, 9))) for _ in range(n)]
    return [
        Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8)) for height, width in sizes
    ]


def random_texts(n: int, seed: int = 0) -> list[str]:
    """Make ``n`` sentences of 3 to 14 known words."""
    draw = random.Random(derived_seed(seed, "test texts"))  # noqa: S311 - test data
    return [" ".join(draw.choices(WORDS, k=draw.randint(3, 14))) for _ in range(n)]


def random_sounds(n: int, seed: int = 0, *, rate: int = 8000) -> list[Sound]:
    """Make ``n`` tones in noise at 8 kHz, 0.1 to 0.4 seconds long, so that models have to resample them."""
    draw = generator(seed, "test sounds")
    sounds = []
    for _ in range(n):
        time = np.arange(int(draw.uniform(0.1, 0.4) * rate)) / rate
        tone = 0.3 * np.sin(2 * np.pi * draw.uniform(200, 2000) * time)
        samples = tone + 0.05 * draw.standard_normal(len(time))
        sounds.append(Sound(samples.astype(np.float32), rate))
    return sounds


def modality_of(kind: Kind) -> str:
    """Say what a tiny model reads."""
    return "text" if kind in TEXT_KINDS else "audio" if kind in SOUND_KINDS else "image"


def random_raw(kind: Kind, n: int, seed: int = 0) -> list[Any]:
    """Make ``n`` examples of what a tiny model reads."""
    make = {"text": random_texts, "audio": random_sounds, "image": random_images}[modality_of(kind)]
    return list(make(n, seed))


def tiny_bert_dir(path: Path, *, layers: int = 3, seed: int = 0) -> Path:
    """Save a BERT classifier (width 32, dropout 0.1) and a WordPiece tokenizer that knows ``WORDS``."""
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    pieces = (*special, *WORDS, *ascii_lowercase, *".,!?", *(f"##{letter}" for letter in ascii_lowercase))
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = BertTokenizer(vocab=vocabulary, model_max_length=64)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1, initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        BertForSequenceClassification(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def tiny_llama_dir(path: Path, *, layers: int = 3, seed: int = 0, side: str = "left") -> Path:
    """Save a Llama classifier (width 32, two query heads a key head) and a tokenizer of whole words.

    The tokenizer pads on ``side`` and puts nothing before a text; as with many language models, the end of
    a text serves as padding, and the model's config knows of no padding.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForSequenceClassification, PreTrainedTokenizerFast

    words = {word: i for i, word in enumerate(("<unk>", "<s>", "</s>", *WORDS))}
    inner = Tokenizer(models.WordLevel(words, unk_token="<unk>"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    special = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "</s>"}
    names = ["input_ids", "attention_mask"]
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, padding_side=side, model_max_length=64, model_input_names=names, **special
    )
    config = LlamaConfig(
        vocab_size=len(words), hidden_size=32, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, intermediate_size=64, max_position_embeddings=64, initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForSequenceClassification(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def tiny_vit_dir(path: Path, *, layers: int = 3, seed: int = 0) -> Path:
    """Save a transformers ViT (32 px, patches of 8, width 32, dropout 0.1) with its image processor."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=32, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=64, hidden_dropout_prob=0.1, attention_probs_dropout_prob=0.1,
        initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ViTForImageClassification(config).save_pretrained(path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(path)
    return path


def tiny_resnet_dir(path: Path, *, seed: int = 0) -> Path:
    """Save a transformers ResNet (BatchNorm, 4 stages, 7 layers) with its image processor."""
    from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

    config = ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24, 32], depths=[2, 2, 2, 1], layer_type="basic",
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ResNetForImageClassification(config).save_pretrained(path)
    ConvNextImageProcessor(size={"shortest_edge": 48}, crop_pct=0.875).save_pretrained(path)
    return path


WAV2VEC2_KIN = {
    "wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM", "unispeech": "UniSpeech",
    "unispeech-sat": "UniSpeechSat", "data2vec-audio": "Data2VecAudio", "conformer": "Wav2Vec2Conformer",
    "sew": "SEW",
}  # fmt: skip
"""What the classes of transformers begin with."""


def tiny_wav2vec2_dir(path: Path, *, family: str = "wav2vec2", layers: int = 3, seed: int = 0) -> Path:
    """Save a classifier of the wav2vec2 kin (width 32, dropout 0.1) with its feature extractor.

    A frame is made of 80 samples at 16 kHz. HuBERT is like the published large model (layer norms, a mask),
    the others are like the base ones (group norm over time, no mask from the extractor). All are set to drop
    layers and to mask frames at random in training.
    """
    import transformers

    name, large = WAV2VEC2_KIN[family], family == "hubert"
    config = getattr(transformers, f"{name}Config")(
        hidden_size=32, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=64,
        conv_dim=[16, 16, 24], conv_kernel=[10, 4, 4], conv_stride=[5, 4, 4], num_feat_extract_layers=3,
        num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2, classifier_proj_size=24,
        feat_extract_norm="layer" if large else "group", do_stable_layer_norm=large, conv_bias=large,
        layerdrop=0.2, mask_time_prob=0.3, mask_time_length=2, mask_feature_prob=0.1, mask_feature_length=4,
        initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        getattr(transformers, f"{name}ForSequenceClassification")(config).save_pretrained(path)
    transformers.Wav2Vec2FeatureExtractor(return_attention_mask=large).save_pretrained(path)
    return path


def tiny_whisper_dir(path: Path, *, layers: int = 3, seed: int = 0) -> Path:
    """Save a Whisper encoder with a classifier (width 32, a window of 1 s, dropout 0.1) and its extractor."""
    from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForAudioClassification

    config = WhisperConfig(
        d_model=32, encoder_layers=layers, encoder_attention_heads=4, encoder_ffn_dim=64, num_mel_bins=16,
        max_source_positions=50, classifier_proj_size=24, dropout=0.1, encoder_layerdrop=0.2, init_std=0.2,
        vocab_size=40, pad_token_id=0, bos_token_id=1, eos_token_id=2, decoder_start_token_id=1,
        decoder_layers=1, decoder_attention_heads=4, decoder_ffn_dim=32,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        WhisperForAudioClassification(config).save_pretrained(path)
    WhisperFeatureExtractor(feature_size=16, chunk_length=1).save_pretrained(path)
    return path


def tiny_ast_dir(path: Path, *, layers: int = 3, seed: int = 0) -> Path:
    """Save an audio spectrogram transformer (32 frames of 16 bands, width 32, dropout 0.1), extractor too."""
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    config = ASTConfig(
        hidden_size=32, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=64, patch_size=8,
        frequency_stride=8, time_stride=8, max_length=32, num_mel_bins=16, hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1, initializer_range=0.2,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        ASTForAudioClassification(config).save_pretrained(path)
    ASTFeatureExtractor(num_mel_bins=16, max_length=32).save_pretrained(path)
    return path


def tiny_backbone(
    kind: Kind, outputs: int, tmp_path: Path, *, task: str | None = None, seed: int = 0
) -> Backbone:
    """Open a tiny model with a new head.

    ``bert`` and ``vit`` are transformers models with dropout, ``llama`` is a decoder, whose head reads the
    last token and has no intercept, ``resnet`` (timm) has BatchNorm, ``efficientnet`` (timm) has BatchNorm
    and classifier dropout, ``timm-vit`` has a class token. ``bert-patches`` and ``llama-patches`` are the two
    text bodies reading pictures, with learned positions of their own and without. ``wav2vec2``, ``hubert``,
    ``whisper`` and ``ast`` read sounds, ``vit-sounds`` is ``vit`` reading pictures of 0.3 s of them.
    All have random weights; images are 32 px for ``vit``, 28 px for patches and
    64 px otherwise.
    """
    from crosstune.sources.registry import open_model

    task = task or f"{modality_of(kind)}-classification"
    folders: dict[str, Callable[[Path], Path]] = {
        "bert": tiny_bert_dir, "vit": tiny_vit_dir, "llama": tiny_llama_dir, "wav2vec2": tiny_wav2vec2_dir,
        "hubert": partial(tiny_wav2vec2_dir, family="hubert"), "whisper": tiny_whisper_dir,
        "ast": tiny_ast_dir,
    }  # fmt: skip
    if kind == "vit-sounds":
        path = tmp_path / "tiny-vit"
        if not path.exists():
            tiny_vit_dir(path)
        return open_model(str(path), OpenOptions(task=task, outputs=outputs, max_seconds=0.3, seed=seed))
    if kind.endswith("-patches"):
        body = kind.removesuffix("-patches")
        path = tmp_path / f"tiny-{body}"
        if not path.exists():
            folders[body](path)
        options = OpenOptions(task=task, outputs=outputs, image_size=28, patch=7, seed=seed)
        return open_model(str(path), options)
    if kind in folders:
        make = folders[kind]
        path = tmp_path / f"tiny-{kind}"
        if not path.exists():
            make(path)
        return open_model(str(path), OpenOptions(task=task, outputs=outputs, seed=seed))
    name = {"resnet": "timm:test_resnet", "efficientnet": "timm:test_efficientnet"}.get(kind, "timm:test_vit")
    dropout = 0.1 if kind == "efficientnet" else None
    options = OpenOptions(
        task=task, outputs=outputs, pretrained=False, image_size=64, dropout=dropout, seed=seed
    )  # fmt: skip
    return open_model(name, options)
