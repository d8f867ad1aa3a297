"""Tiny random models written to a directory, tiny raw data, and an in-memory ``Items``."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image

from crosstune.core.domains import Domains
from crosstune.core.seeding import derived_seed, generator
from crosstune.sources.base import Backbone, OpenOptions

Kind = Literal["bert", "vit", "resnet", "efficientnet", "timm-vit", "llama", "bert-patches", "llama-patches"]
KINDS: tuple[Kind, ...] = (
    "bert", "vit", "resnet", "efficientnet", "timm-vit", "llama", "bert-patches", "llama-patches",
)  # fmt: skip
TEXT_KINDS = ("bert", "llama")
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
        """Hash the pixels or the text of every example."""
        total = hashlib.blake2b(digest_size=16)
        for one in self.raw:
            content = one.tobytes() if isinstance(one, Image.Image) else repr(one).encode()
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


def tiny_backbone(
    kind: Kind, outputs: int, tmp_path: Path, *, task: str | None = None, seed: int = 0
) -> Backbone:
    """Open a tiny model with a new head.

    ``bert`` and ``vit`` are transformers models with dropout, ``llama`` is a decoder, whose head reads the
    last token and has no intercept, ``resnet`` (timm) has BatchNorm, ``efficientnet`` (timm) has BatchNorm
    and classifier dropout, ``timm-vit`` has a class token. ``bert-patches`` and ``llama-patches`` are the two
    text bodies reading pictures, with learned positions of their own and without.
    All have random weights; images are 32 px for ``vit``, 28 px for patches and
    64 px otherwise.
    """
    from crosstune.sources.registry import open_model

    task = task or ("text-classification" if kind in TEXT_KINDS else "image-classification")
    folders = {"bert": tiny_bert_dir, "vit": tiny_vit_dir, "llama": tiny_llama_dir}
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
