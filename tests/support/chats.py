"""Tiny tokenizers that talk: one token for each character, or pieces; with the templates that models have."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from crosstune.core.conversation import Conversation, Message
from crosstune.core.conversation_text import asked, to_text
from crosstune.core.seeding import generator
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.model_dialogue import ModelDialogue
from tests.support.tiny import MemoryItems

CHATML = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
MARKED = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ message['content'] + '<|im_end|>' }}"
    "{% endgeneration %}{% else %}{{ message['content'] + '<|im_end|>' }}{% endif %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""The same texts, with the answers marked for transformers' own mask."""
FORGETFUL = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' }}"
    "{{ message['content'] if loop.last else message['content'].split('=')[-1] }}{{ '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
"""Of earlier turns it keeps only what follows the last ``=``, as others drop what the model was thinking."""
SPECIAL = ("<|im_start|>", "<|im_end|>", "<s>", "</s>")
LETTERS = [chr(code) for code in range(32, 127)] + ["\n", "é", "ü", "漢"]


def chat_tokenizer(
    template: str | None = CHATML,
    *,
    end: str | None = "<|im_end|>",
    merges: Sequence[tuple[str, str]] = (),
    begin: bool = False,
) -> Any:
    """Make a tokenizer of single characters and special tokens; ``merges`` joins characters to pieces.

    With ``begin`` it puts ``<s>`` before every text.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, processors
    from transformers import PreTrainedTokenizerFast

    words = {letter: number for number, letter in enumerate([*LETTERS, *map("".join, merges)])}
    inner = Tokenizer(models.BPE(vocab=words, merges=list(merges)))
    inner.decoder = decoders.Fuse()
    inner.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in SPECIAL])
    if begin:
        number = inner.token_to_id("<s>")
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", number)]
        )
    special = {"bos_token": "<s>", "eos_token": end}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=512, **special)
    tokenizer.chat_template = template
    return tokenizer


def talk(*contents: str, system: str | None = None) -> Conversation:
    """Make a conversation of contents, user and assistant in turn; every answer is trained."""
    said = [
        Message("assistant" if place % 2 else "user", content, trained=place % 2 == 1)
        for place, content in enumerate(contents)
    ]
    return Conversation((*([Message("system", system)] if system else []), *said))


def document(text: str) -> Conversation:
    """Make a plain text."""
    return Conversation((Message("document", text, trained=True),))


def talking_folder(path: Path, tokenizer: Any = None) -> Path:
    """Save the config of a tiny Llama that reads 100 tokens, and a tokenizer; no weights."""
    from transformers import LlamaConfig

    tokenizer = tokenizer or chat_tokenizer()
    LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=100,
    ).save_pretrained(path)  # fmt: skip
    tokenizer.save_pretrained(path)
    return path


LETTERS_ASKED = "abcd"


def question(letter: str) -> Conversation:
    """Ask for the capital of a letter, and answer."""
    return talk(f"say {letter}", letter.upper())


def dialogue_items(conversations: Sequence[Conversation]) -> MemoryItems:
    """Give what a model is asked with as examples, and whole conversations as their targets."""
    return MemoryItems(
        [to_text(asked(one)) for one in conversations], [to_text(one) for one in conversations]
    )


def letter_items(n: int, seed: int = 0) -> MemoryItems:
    """Give ``n`` questions for capitals."""
    random = generator(seed, "letters")
    return dialogue_items([question(str(random.choice(list(LETTERS_ASKED)))) for _ in range(n)])


def tiny_writer_dir(path: Path, tokenizer: Any = None, *, seed: int = 0, **config: Any) -> Path:
    """Save a Llama with random weights (width 32, two layers) that reads 100 tokens, and its tokenizer."""
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = tokenizer or chat_tokenizer()
    made = LlamaConfig(**{
        "vocab_size": len(tokenizer), "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 100,
        "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "initializer_range": 0.2,
        "tie_word_embeddings": True, **config,
    })  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        LlamaForCausalLM(made).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def open_writer(folder: Path, **options: Any) -> Backbone:
    """Open a folder as a model that answers."""
    from crosstune.sources.registry import open_model

    return open_model(str(folder), OpenOptions(task="text-generation", outputs=1, **options))


def dialogue_of(backbone: Backbone) -> ModelDialogue:
    """Give the dialogue of an opened model."""
    assert isinstance(backbone.dialogue, ModelDialogue)
    return backbone.dialogue
