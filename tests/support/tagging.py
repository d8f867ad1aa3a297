"""Tiny random taggers of three kinds, and texts whose names can be told by rule."""

import json
import random
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase
from typing import Any, Literal, get_args

import torch

from crosstune.sources.base import Backbone, OpenOptions
from tests.support.tiny import MemoryItems

Family = Literal["bert", "modernbert", "deberta"]
FAMILIES: tuple[Family, ...] = get_args(Family)

PLAIN = ("the", "film", "was", "seen", "by", "and", "in", "with", "very", "good")
NAMES = ("ada", "byron", "mary", "alan")
PLACES = ("london", "paris", "rome", "oslo")
TAGS = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
"""Of the rows below, in the order of the task."""


def tagged_rows(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Make sentences with people and places, tagged as IOB2."""
    draw = random.Random(seed)  # noqa: S311 - test data
    rows = []
    for _ in range(count):
        tokens, tags = list[str](), list[str]()
        for _ in range(draw.randint(2, 5)):
            kind = draw.choice(("plain", "plain", "PER", "LOC"))
            words = {"plain": PLAIN, "PER": NAMES, "LOC": PLACES}[kind]
            length = draw.randint(1, 2)
            tokens += [draw.choice(words) for _ in range(length)]
            tags += ["O"] * length if kind == "plain" else [f"B-{kind}", f"I-{kind}"][:length]
        rows.append({"tokens": [*tokens, "."], "tags": [*tags, "O"]})
    return rows


def tagged_items(count: int, seed: int = 0) -> MemoryItems:
    """Give the same sentences as texts of words with their tags."""
    rows = tagged_rows(count, seed)
    return MemoryItems([" ".join(row["tokens"]) for row in rows], [row["tags"] for row in rows])


def open_tagger(folder: Path) -> Backbone:
    """Open a folder as a tagger of these rows."""
    from crosstune.sources.registry import open_model

    return open_model(str(folder), OpenOptions(task="token-classification", outputs=len(TAGS), symbols=TAGS))


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def tiny_tagger_dir(
    path: Path, family: Family = "bert", *, tags: tuple[str, ...] = (), seed: int = 0
) -> Path:
    """Save a token classification model (width 32, two blocks) and a fast tokenizer.

    The tokenizer of BERT and DeBERTa cuts words into known ones and letters, that of ModernBERT into bytes.
    """
    import transformers

    tokenizer = _bytes() if family == "modernbert" else _pieces()
    common: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 64, "max_position_embeddings": 64, "initializer_range": 0.2,
        "pad_token_id": tokenizer.pad_token_id, "num_labels": max(2, len(tags)),
    }  # fmt: skip
    if tags:
        common |= {"id2label": dict(enumerate(tags)), "label2id": {tag: i for i, tag in enumerate(tags)}}
    if family == "bert":
        config: Any = transformers.BertConfig(**common)
    elif family == "modernbert":
        config = transformers.ModernBertConfig(
            **common,
            bos_token_id=0,
            eos_token_id=2,
            cls_token_id=0,
            sep_token_id=2,
            initializer_cutoff_factor=2.0,
        )
    else:
        config = transformers.DebertaV2Config(
            **common, relative_attention=True, pos_att_type=["p2c", "c2p"], position_buckets=8,
            norm_rel_ebd="layer_norm", share_att_key=True, position_biased_input=False, type_vocab_size=0,
        )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        transformers.AutoModelForTokenClassification.from_config(config).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def _pieces() -> Any:
    from transformers import BertTokenizer

    special = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    letters = (*ascii_lowercase, *(f"##{letter}" for letter in ascii_lowercase))
    pieces = (*special, *PLAIN, *NAMES[:2], *PLACES[:2], *letters, *".,!?-")
    return BertTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, model_max_length=64)


def _bytes() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special, space = ("<s>", "<pad>", "</s>", "<unk>"), "\u0120"
    signs = (*".,!?-", *ascii_lowercase, *ascii_uppercase)
    merges = [(space, one) for one in signs]  # as in real ones: a space belongs to the piece behind it
    pieces = (*special, space, *signs, *map("".join, merges))
    inner = Tokenizer(models.BPE({one: i for i, one in enumerate(pieces)}, merges, unk_token="<unk>"))  # noqa: S106
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    named = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    names = ["input_ids", "attention_mask"]
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=64, model_input_names=names,
        cls_token="<s>", sep_token="</s>", **named,  # noqa: S106
    )  # fmt: skip
