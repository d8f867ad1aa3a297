"""Config, tokenizer and template of a language model, out of its folder or its one file."""

from pathlib import Path
from typing import Any

from crosstune.core.errors import DamagedFile
from crosstune.core.files import read_object
from crosstune.sources.chat import ChatTokenizer
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.guard import first_line
from crosstune.sources.processors import LOCAL, Gguf


def read_chat(folder: Path, name: str, gguf: Gguf | None) -> tuple[Any, ChatTokenizer, int]:
    """Read config and tokenizer of a folder that has passed the guard, or of its one file.

    Returns the config (a ``PretrainedConfig``), the tokenizer with its template, and how many tokens the
    model reads.

    Raises:
        UnsupportedModel: the model does not write texts, or its files cannot be read.
        DamagedFile: its generation config is damaged.
    """
    from transformers import AutoConfig, AutoTokenizer

    where = {"gguf_file": gguf.file} if gguf else {}
    try:
        config = AutoConfig.from_pretrained(folder, **LOCAL, **where)
        tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL, **where)
    except Exception as error:  # transformers raises anything on a damaged folder
        raise UnsupportedModel(
            f"the model `{name}` cannot write texts",
            found=f"{folder}: {first_line(error)}",
            expected="a language model of transformers with its config and its tokenizer",
            fix="copy these files into the folder, or choose another model",
        ) from error
    _require_writer(name, config)
    most = getattr(config, "max_position_embeddings", None) or 1_000_000
    return config, ChatTokenizer(tokenizer, _ends(folder)), min(int(most), tokenizer.model_max_length)


def _require_writer(name: str, config: Any) -> None:  # noqa: ANN401 - untyped
    """Refuse encoders: transformers lists some of them among the models that write."""
    from transformers.models.auto import modeling_auto

    kind = str(config.model_type)
    writes = kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    fills_in = kind in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if not writes or (fills_in and not getattr(config, "is_decoder", False)):
        raise UnsupportedModel(
            f"the model `{name}` does not write texts",
            found=f"model type `{kind}`",
            expected="a language model that writes on from what it reads, such as SmolLM2, Llama or Qwen",
            fix="name another model with `--model`, such as package:smollm2",
        )


def _ends(folder: Path) -> list[int]:
    """Return the tokens at which the model's own generation config stops; none where it has no such file."""
    path = folder / "generation_config.json"
    if not path.is_file():
        return []
    found = read_object(path).get("eos_token_id")
    ends = found if isinstance(found, list) else [] if found is None else [found]
    if not all(isinstance(one, int) for one in ends):
        raise DamagedFile(
            f"{path} is damaged",
            found=f"eos_token_id {found!r}",
            expected="the number of a token, or a list of them",
            fix="copy the file again from where the model came from",
        )
    return ends
