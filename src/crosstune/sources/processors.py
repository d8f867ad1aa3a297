"""Tokenizers, image processors and feature extractors of transformers folders, as the pipelines use them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from crosstune.core.errors import BadValue
from crosstune.sources.base import OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.guard import first_line
from crosstune.sources.preprocessing import ProcessorPreprocessing, TextPreprocessing
from crosstune.sources.sizes import check_sizes

LOCAL = {"trust_remote_code": False, "local_files_only": True}
LONGEST = 512
"""Default limit of the text length in tokens, also for models that could read more."""


@dataclass(frozen=True, kw_only=True)
class Gguf:
    """Config, weights and tokenizer in one file, as llama.cpp keeps them."""

    file: str
    """Its name inside the folder."""
    start: str | None = None
    """A token to put before every text, where the file's own tokenizer adds none."""


def open_tokenizer(
    folder: Path, model: nn.Module, name: str, options: OpenOptions, gguf: Gguf | None = None
) -> tuple[Any, TextPreprocessing]:
    """Open the tokenizer and fix the length at which texts are cut.

    Raises:
        UnsupportedModel: there is no tokenizer, or it has no padding token.
        BadValue: ``max_length`` is above what the model can read.
    """
    from transformers import AutoTokenizer

    try:
        where = {"gguf_file": gguf.file} if gguf else {}
        tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL, **where)
    except Exception as error:  # transformers raises anything on a damaged folder
        raise _no_tool(name, folder, "tokenizer", error) from error
    if tokenizer.pad_token_id is None:
        raise UnsupportedModel(
            f"the tokenizer of `{name}` has no padding token",
            found=type(tokenizer).__name__,
            expected="a tokenizer that can pad the texts of a batch",
            fix="choose an encoder such as BERT, ModernBERT or MiniLM",
        )
    most = min(tokenizer.model_max_length, positions(model))
    if options.max_length is not None and not 1 <= options.max_length <= most:
        raise BadValue(
            "`max_length` is outside what the model can read",
            found=f"max_length {options.max_length}",
            expected=f"1 to {most} tokens for `{name}`",
            fix=f"leave out `max_length`, or give at most {most}",
        )
    length = options.max_length or min(most, LONGEST)
    tokenizer.model_max_length = length  # saved, so that truncation=True cuts at the same place
    if gguf is not None and gguf.start is not None:
        _begin_with(tokenizer, gguf.start)
    return tokenizer, TextPreprocessing(tokenizer, length)


def _begin_with(tokenizer: Any, token: str) -> None:  # noqa: ANN401 - untyped
    """Put ``token`` before every text and before the second of a pair; saved with the tokenizer."""
    tokenizer.bos_token = token
    tokenizer.add_bos_token = True
    tokenizer.update_post_processor()


def positions(model: nn.Module) -> int:
    """Return how many tokens a model can read."""
    table = next(
        (module for path, module in model.named_modules() if path.endswith("position_embeddings")), None
    )
    if isinstance(table, nn.Embedding):
        # RoBERTa and its kin count positions from behind the padding index.
        before = 0 if table.padding_idx is None else table.padding_idx + 1
        return table.num_embeddings - before
    config: Any = model.config
    return int(getattr(config, "max_position_embeddings", None) or 1_000_000)


def open_processor(folder: Path, name: str, options: OpenOptions) -> tuple[Any, ProcessorPreprocessing]:
    """Open the image processor and apply ``image_size`` and ``resize``.

    Raises:
        UnsupportedModel: there is no image processor, or it has no such setting.
    """
    from transformers import AutoImageProcessor

    try:
        processor = AutoImageProcessor.from_pretrained(folder, **LOCAL)
    except Exception as error:  # transformers raises anything on a damaged folder
        raise _no_tool(name, folder, "image processor", error) from error
    if options.image_size is not None or options.resize is not None:
        _set_size(processor, name, options)
    return processor, ProcessorPreprocessing(processor)


def open_extractor(folder: Path, name: str) -> Any:  # noqa: ANN401 - untyped
    """Open the feature extractor of a model that reads sounds.

    Raises:
        UnsupportedModel: there is none.
    """
    from transformers import AutoFeatureExtractor

    try:
        return AutoFeatureExtractor.from_pretrained(folder, **LOCAL)
    except Exception as error:  # transformers raises anything on a damaged folder
        raise _no_tool(name, folder, "feature extractor", error) from error


def _set_size(processor: Any, name: str, options: OpenOptions) -> None:  # noqa: ANN401 - untyped
    own = dict(processor.size)
    crop = getattr(processor, "crop_size", None) if getattr(processor, "do_center_crop", None) else None
    native = (dict(crop) if crop else own).get("height") or own.get("shortest_edge")
    size = options.image_size or int(native or 0)
    resize = options.resize or size
    check_sizes(size, resize)
    if "shortest_edge" in own and crop:
        processor.size = {"shortest_edge": resize}
        processor.crop_size = {"height": size, "width": size}
    elif resize != size:
        raise UnsupportedModel(
            f"the image processor of `{name}` does not resize and crop in two steps",
            found=f"resize {resize} for image_size {size}, and a processor with size {own}",
            expected="no value for `resize`",
            fix="leave out `resize`",
        )
    elif "shortest_edge" in own:
        processor.size = {"shortest_edge": size}
    else:
        processor.size = {"height": size, "width": size}


def _no_tool(name: str, folder: Path, tool: str, error: Exception) -> UnsupportedModel:
    return UnsupportedModel(
        f"the model `{name}` has no usable {tool}",
        found=f"{folder}: {first_line(error)}",
        expected=f"the files of its {tool} beside the weights",
        fix=f"copy them into the folder, or choose a model that ships its {tool}",
    )
