"""Language models of transformers that write answers: Llama, Qwen, SmolLM and their kin, GGUF files included.

Vocabulary and chat template stay the model's own. A model without a template is given a plain one
(``chat_template.py``), which is saved with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crosstune.core.errors import BadValue, shown
from crosstune.sources.assemble import Identity, assemble, same
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.chat import ChatTokenizer
from crosstune.sources.chat_files import read_chat
from crosstune.sources.heads import last_linear, no_dropout, no_linear_head, seeded
from crosstune.sources.model_dialogue import ModelDialogue, PromptPreprocessing
from crosstune.sources.processors import Gguf
from crosstune.sources.record import Record
from crosstune.sources.transformers_folders import (
    identify,
    load_model,
    misfit,
    quiet,
    require_most,
    save_parts,
)
from crosstune.sources.writer import Writer

FORMAT = "causal-lm"
TASK = "text-generation"
LONGEST = 1024
"""ASSUMED: default limit of a conversation in tokens, also for models that could read more: the logits of so
many tokens and 50,000 pieces take 200 MB."""
ANSWER = 256
"""ASSUMED: tokens of an answer, until the answers of the training split say more."""
LOADS_WITH = """from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{path}")
model = AutoModelForCausalLM.from_pretrained("{path}")
asked = [{{"role": "user", "content": "..."}}]
batch = tokenizer.apply_chat_template(
    asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
)
written = model.generate(**batch)[0, batch["input_ids"].shape[1] :]
print(tokenizer.decode(written, skip_special_tokens=True))"""


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder as a model that writes; raises what :func:`build` raises."""
    return build(folder, identify(folder, name, options, source, record), options)


def build(folder: Path, identity: Identity, options: OpenOptions, *, gguf: Gguf | None = None) -> Backbone:
    """Open the model in ``folder`` with its own head.

    Raises:
        UnsupportedModel: the architecture does not write, or there is no tokenizer.
        BadValue: ``max_length`` is above what the model reads.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    import transformers

    where = {"gguf_file": gguf.file} if gguf else {}
    config, chat, most = read_chat(folder, identity.name, gguf)
    if options.dropout is not None:
        _set_dropout(config, options.dropout, identity.name)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if options.pretrained:
            model, missing = load_model(transformers.AutoModelForCausalLM, folder, config, where)
            require_most(model, missing, folder)
        else:
            model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=False).float()
    if missing:
        identity = identity.noting(f"layers that start from random values: {shown(missing)}")
    return _finish(model, chat, most, identity, options, trained=options.pretrained and not missing)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`WriterSaver` wrote; raises ``BadWeights``."""
    import transformers

    config, chat, most = read_chat(folder, record.name, None)
    with quiet():
        model, missing = load_model(transformers.AutoModelForCausalLM, folder, config)
    if missing:
        raise misfit(folder, missing)
    return _finish(model, chat, most, Identity.of(record), record.options, trained=True)


def _finish(
    model: Any,  # noqa: ANN401 - untyped
    chat: ChatTokenizer,
    most: int,
    identity: Identity,
    options: OpenOptions,
    *,
    trained: bool,
) -> Backbone:
    head = last_linear(model)
    if head is None:
        raise no_linear_head(identity.name)
    dialogue = ModelDialogue(chat, model.get_submodule(head).out_features, _longest(options, most, identity))
    tokenizer = chat.tokenizer
    tokenizer.chat_template = chat.template  # a plain one must be there for whoever loads the folder
    padding = min(chat.ends) if tokenizer.pad_token_id is None and chat.ends else tokenizer.pad_token_id or 0
    _greedy(model.generation_config, chat, padding)
    preprocessing = PromptPreprocessing(dialogue, padding)
    backbone = assemble(
        identity,
        model=Writer(model, head, most),
        head=f"inner.{head}",
        preprocessing=preprocessing,
        modality="text",
        logits=same,
        save=WriterSaver(model, tokenizer, preprocessing, identity, options),
        loads_with=LOADS_WITH,
        mask="attention_mask",
        vector=False,
    )
    backbone.dialogue, backbone.head_trained, backbone.head_rests = dialogue, trained, trained
    # What a block gives in training depends on the answer, which is no part of the example: it is not stored.
    backbone.blocks = tuple(replace(block, cut=False) for block in backbone.blocks)
    if not chat.own:
        backbone.notes.append("the model has no chat template: a plain one is used, and saved with it")
    return backbone


def _longest(options: OpenOptions, most: int, identity: Identity) -> int:
    if options.max_length is not None and not 2 <= options.max_length <= most:
        raise BadValue(
            "`max_length` is outside what the model can read",
            found=f"max_length {options.max_length}",
            expected=f"2 to {most} tokens for `{identity.name}`",
            fix=f"leave out `max_length`, or give at most {most}",
        )
    return options.max_length or min(most, LONGEST)


def _greedy(said: Any, chat: ChatTokenizer, padding: int) -> None:  # noqa: ANN401 - untyped
    """Fix how the model is generated from: greedily, up to the tokens at which it stops."""
    said.do_sample, said.num_beams = False, 1
    said.temperature = said.top_p = said.top_k = (
        None  # they say nothing without sampling, and would be warned of
    )
    said.max_length = None
    said.max_new_tokens = said.max_new_tokens or ANSWER
    said.eos_token_id = sorted(chat.ends) or None
    said.pad_token_id = padding


def _set_dropout(config: Any, value: float, name: str) -> None:  # noqa: ANN401 - untyped
    names = ("attention_dropout", "attention_probs_dropout_prob", "resid_pdrop", "dropout")
    for attribute in names:
        if hasattr(config, attribute):
            setattr(config, attribute, value)
            return
    raise no_dropout(name)


@dataclass(frozen=True)
class WriterSaver:
    """Writes a language model with ``save_pretrained``: weights, generation config, tokenizer, template."""

    model: Any
    tokenizer: Any
    preprocessing: PromptPreprocessing
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:  # noqa: ARG002 - tokens, no labels
        """Write everything that ``AutoModelForCausalLM`` and a chat need, and ``crosstune.json``."""
        save_parts(path, self.model, self.tokenizer)
        options = replace(self.options, max_length=self.preprocessing.max_length)
        self.identity.record(FORMAT, options, self.preprocessing).write(path)
