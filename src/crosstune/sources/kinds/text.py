"""Models that read texts: encoders such as BERT, and language models that read the last token."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from crosstune.sources.assemble import text_lines
from crosstune.sources.base import OpenOptions
from crosstune.sources.decoders import is_decoder, read_last_token
from crosstune.sources.kinds.base import HEAD_DROPOUTS, Opened
from crosstune.sources.processors import Gguf, open_tokenizer


class TextKind:
    """Texts and pairs of texts, through a tokenizer."""

    modality = "text"
    auto_class = "AutoModelForSequenceClassification"
    dropouts = HEAD_DROPOUTS

    def types(self) -> Collection[str]:
        """List the model types."""
        from transformers.models.auto import modeling_auto

        names: Collection[str] = modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES
        return names

    def prepare(self, config: Any) -> None:  # noqa: ANN401 - untyped
        """Leave the config as it is."""

    def open(self, folder: Path, model: Any, name: str, options: OpenOptions, gguf: Gguf | None) -> Opened:  # noqa: ANN401
        """Open the tokenizer; a decoder then reads its last token only."""
        tool, preprocessing = open_tokenizer(folder, model, name, options, gguf)
        if is_decoder(model):
            read_last_token(model, tool)
        return Opened(tool=tool, preprocessing=preprocessing, mask="attention_mask")

    def lines(self, task: str) -> str:
        """Give the pipeline for texts."""
        return text_lines(task)
