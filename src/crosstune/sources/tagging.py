"""Transformers folders that tag words: BERT, ModernBERT, DeBERTa, RoBERTa and their kin.

A head that was trained for just the tags of the data is kept; every other body gets a new one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from crosstune.core.errors import shown
from crosstune.sources.assemble import Identity, assemble
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.heads import last_linear, no_dropout, no_linear_head, seeded, start_head
from crosstune.sources.kinds.base import HEAD_DROPOUTS
from crosstune.sources.processors import open_tokenizer
from crosstune.sources.record import Record
from crosstune.sources.tagger import Tagger, WordPreprocessing, tagger_logits
from crosstune.sources.transformers_folders import (
    identify,
    load_model,
    misfit,
    quiet,
    read_config,
    require_most,
    save_parts,
)

FORMAT = "tagger"
TASK = "token-classification"
LOADS_WITH = (
    f'from transformers import pipeline\n\ntag = pipeline("{TASK}", model="{{path}}", '
    'aggregation_strategy="first")'
)


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder as a tagger for ``options.symbols``; raises what :func:`build` raises."""
    return build(folder, identify(folder, name, options, source, record), options)


def build(folder: Path, identity: Identity, options: OpenOptions) -> Backbone:
    """Open the model in ``folder`` as a tagger for the tags ``options.symbols``.

    Raises:
        UnsupportedModel: the architecture has no model for tags, or its tokenizer does not say which piece
            is which part of a text.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    config = _config(folder, identity.name, options.outputs)
    own = _labels(config)
    config.num_labels = options.outputs
    if options.dropout is not None:
        _set_dropout(config, options.dropout, identity.name)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if options.pretrained:
            model, missing = load_model(_model_class(), folder, config)
        else:
            model = _model_class().from_config(config, trust_remote_code=False).float()
    head = _head(model, identity.name)
    new = [one for one in missing if not one.startswith(f"{head}.")]
    if options.pretrained:
        require_most(model, new, folder)
    if new:
        identity = identity.noting(f"layers that start from random values besides the head: {shown(new)}")
    wanted = options.symbols or ()
    whole = options.pretrained and not any(one.startswith(f"{head}.") for one in missing)
    trained = whole and sorted(own) == sorted(wanted)
    if trained:
        _reorder(model.get_submodule(head), [own.index(tag) for tag in wanted])
    else:
        start_head(model.get_submodule(head), options.seed)
        if options.pretrained:
            identity = identity.noting(f"the head is new: {options.outputs} tags")
    return _finish(folder, model, identity, options, trained=trained)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`TaggerSaver` wrote, head and all; raises ``BadWeights``."""
    config = _config(folder, record.name, record.options.outputs)
    with quiet():
        model, missing = load_model(_model_class(), folder, config)
    if missing:
        raise misfit(folder, missing)
    return _finish(folder, model, Identity.of(record), record.options, trained=True)


def _labels(config: Any) -> list[str]:  # noqa: ANN401 - untyped
    """Give what a config calls its outputs, in their order."""
    return [str(label) for _, label in sorted((config.id2label or {}).items())]


def _reorder(head: nn.Module, order: Sequence[int]) -> None:
    """Put the rows of a head into another order, in place."""
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(parameter[list(order)].clone())


def _config(folder: Path, name: str, outputs: int) -> Any:  # noqa: ANN401 - untyped
    from transformers.models.auto import modeling_auto

    config = read_config(folder, name)
    if config.model_type not in modeling_auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES:
        raise UnsupportedModel(
            f"the architecture of `{name}` has no model for {TASK} in transformers",
            found=f"model type `{config.model_type}`, {outputs} tags",
            expected="a text encoder such as BERT, ModernBERT, DeBERTa or RoBERTa",
            fix="choose another model; `crosstune models` lists them",
        )
    return config


def _set_dropout(config: Any, value: float, name: str) -> None:  # noqa: ANN401 - untyped
    for attribute in HEAD_DROPOUTS:
        if hasattr(config, attribute):
            setattr(config, attribute, value)
            return
    raise no_dropout(name)


def _model_class() -> Any:  # noqa: ANN401 - untyped
    import transformers

    return transformers.AutoModelForTokenClassification


def _head(model: nn.Module, name: str) -> str:
    head = last_linear(model)
    if head is None:
        raise no_linear_head(name)
    return head


def _finish(
    folder: Path,
    model: Any,  # noqa: ANN401 - untyped
    identity: Identity,
    options: OpenOptions,
    *,
    trained: bool,
) -> Backbone:
    tokenizer, plain = open_tokenizer(folder, model, identity.name, replace(options, max_length=None))
    if not tokenizer.is_fast:
        raise UnsupportedModel(
            f"the tokenizer of `{identity.name}` does not say where its pieces stand in the text",
            found=type(tokenizer).__name__,
            expected="a fast tokenizer (tokenizer.json)",
            fix="convert it with transformers, or choose another model",
        )
    most, length = plain.max_length, options.max_length or plain.max_length
    if length > most:
        identity = identity.noting(f"texts are read in parts of {most} tokens, the most that the model reads")
    tokenizer.model_max_length = min(length, most)  # saved, so that the pipeline cuts at the same place
    preprocessing = WordPreprocessing(tokenizer, min(length, most))
    backbone = assemble(
        identity,
        model=Tagger(model),
        head=f"inner.{_head(model, identity.name)}",
        preprocessing=preprocessing,
        modality="text",
        logits=tagger_logits,
        save=TaggerSaver(model, preprocessing, identity, options),
        loads_with=LOADS_WITH,
        mask="attention_mask",
        vector=False,
    )
    backbone.head_trained, backbone.folder = trained, folder
    return backbone


@dataclass(frozen=True)
class TaggerSaver:
    """Writes a tagger with ``save_pretrained``: weights, tokenizer, tags."""

    model: Any
    preprocessing: WordPreprocessing
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write everything that ``transformers.pipeline`` needs, and ``crosstune.json``, into ``path``."""
        save_parts(path, self.model, self.preprocessing.tokenizer, names=hub_config["id2label"])
        options = replace(self.options, symbols=None, max_length=self.preprocessing.max_length)
        self.identity.record(FORMAT, options, self.preprocessing).write(path)
