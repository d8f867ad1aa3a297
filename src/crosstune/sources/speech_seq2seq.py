"""Recognisers in transformers folders that write piece by piece, with a tokenizer of their own: Whisper.

The vocabulary stays the model's. What stands before every text (start, language, task) is fixed when the
model is opened, and saved in its generation config: training and every prediction begin alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crosstune.core.errors import BadValue, shown
from crosstune.core.files import read_object
from crosstune.sources.assemble import Identity, assemble, example, same
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.guard import first_line
from crosstune.sources.heads import last_linear, no_linear_head, seeded
from crosstune.sources.kinds.registry import KINDS
from crosstune.sources.pieces import ModelPieces
from crosstune.sources.processors import LOCAL
from crosstune.sources.record import Record
from crosstune.sources.speech import LOADS_WITH
from crosstune.sources.transcriber import Transcriber, prompt_of
from crosstune.sources.transformers_folders import (
    identify,
    load_model,
    misfit,
    quiet,
    read_config,
    require_most,
    save_parts,
)

FORMAT = "speech-seq2seq"
FAMILIES = ("whisper",)
"""Model types that are opened; why no others so far is in docs/decisions/0019."""
TOKENIZERS = ("tokenizer.json", "vocab.json")
"""Files of which one must be there: without them transformers opens a tokenizer that knows nothing."""


def claims(folder: Path) -> bool:
    """Say whether the folder's architecture is one that writes what it hears piece by piece."""
    from transformers.models.auto import modeling_auto

    kind = read_object(folder / "config.json").get("model_type")
    return kind in modeling_auto.MODEL_FOR_SPEECH_SEQ_2_SEQ_MAPPING_NAMES


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder as a recogniser that writes with its own pieces.

    Raises:
        UnsupportedModel: the architecture is none of ``FAMILIES``, or the folder lacks a tokenizer.
        BadValue: the model writes several languages and none is named, or it does not know the one named.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    identity = identify(folder, name, options, source, record)
    config = _config(folder, name)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if options.pretrained:
            model, missing = load_model(_model_class(), folder, config)
            require_most(model, missing, folder)
        else:
            model = _model_class().from_config(config, trust_remote_code=False).float()
            _read_generation(model, folder)
    if missing:
        identity = identity.noting(f"layers that start from random values: {shown(missing)}")
    return _finish(folder, model, identity, options, trained=options.pretrained and not missing)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`TranscriberSaver` wrote; raises ``BadWeights``."""
    with quiet():
        model, missing = load_model(_model_class(), folder, _config(folder, record.name))
    if missing:
        raise misfit(folder, missing)
    return _finish(folder, model, Identity.of(record), record.options, trained=True)


def _config(folder: Path, name: str) -> Any:  # noqa: ANN401 - untyped
    config = read_config(folder, name)
    if config.model_type not in FAMILIES:
        raise UnsupportedModel(
            f"recognisers of the kind of `{name}` are not opened yet",
            found=f"model type `{config.model_type}`",
            expected="Whisper, or a CTC model such as wav2vec 2.0, HuBERT or WavLM",
            fix="choose another model; `crosstune models` lists them",
        )
    KINDS["audio"].prepare(config)
    config.decoder_layerdrop = 0.0  # for the reason given there
    return config


def _model_class() -> Any:  # noqa: ANN401 - untyped
    import transformers

    return transformers.AutoModelForSpeechSeq2Seq


def _read_generation(model: Any, folder: Path) -> None:  # noqa: ANN401 - untyped
    """Give a model with random weights what the folder says about generating."""
    from transformers import GenerationConfig

    if (folder / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(folder, local_files_only=True)


def _finish(
    folder: Path,
    model: Any,  # noqa: ANN401 - untyped
    identity: Identity,
    options: OpenOptions,
    *,
    trained: bool,
) -> Backbone:
    head = last_linear(model)
    if head is None:
        raise no_linear_head(identity.name)
    model.eval()
    opened = KINDS["audio"].open(folder, model, identity.name, options, None)
    tokenizer = _tokenizer(folder, identity.name)
    pieces = _pieces(model, tokenizer, identity.name, options, opened.preprocessing)
    seconds = opened.tool.n_samples / opened.tool.sampling_rate
    wrapped = Transcriber(model, pieces.prompt, seconds)
    backbone = assemble(
        identity,
        model=wrapped,
        head=f"inner.{head}",
        preprocessing=opened.preprocessing,
        modality="audio",
        logits=same,
        save=TranscriberSaver(model, opened.tool, tokenizer, opened.preprocessing, identity, options),
        loads_with=LOADS_WITH,
        mask=opened.mask,
        frames=opened.frames,
        vector=False,
    )
    backbone.pieces, backbone.head_trained, backbone.folder = pieces, trained, folder
    backbone.blocks = tuple(
        replace(block, cut=block.cut and not any(".decoder." in f"{path}." for path in block.modules))
        for block in backbone.blocks
    )  # what the decoder gives depends on the transcript, and cannot be stored with the sound
    return backbone


def _tokenizer(folder: Path, name: str) -> Any:  # noqa: ANN401 - untyped
    from transformers import AutoTokenizer

    try:
        if not any((folder / file).is_file() for file in TOKENIZERS):
            raise FileNotFoundError(f"{folder} holds none of {', '.join(TOKENIZERS)}")
        with quiet():
            found = AutoTokenizer.from_pretrained(folder, **LOCAL)
            found.backend_tokenizer  # noqa: B018 - only fast ones have it
    except Exception as error:  # transformers raises anything on a damaged folder
        raise UnsupportedModel(
            f"the recogniser `{name}` comes without a tokenizer that can be opened",
            found=first_line(error),
            expected="a fast tokenizer of its own, as `save_pretrained` writes it (tokenizer.json)",
            fix="copy or download the folder again, whole",
        ) from error
    return found


def _pieces(model: Any, tokenizer: Any, name: str, options: OpenOptions, preprocessing: Any) -> ModelPieces:  # noqa: ANN401
    """Fix how the model is generated from, and ask it for its prompt."""
    said = model.generation_config
    _fix_language(said, name, options.language)
    said.num_beams, said.do_sample, said.return_timestamps = 1, False, False
    said.max_length = said.max_new_tokens = None
    try:
        prompt = prompt_of(model, preprocessing([example("audio")]))
    except Exception as error:  # transformers raises anything on a config that does not fit
        raise UnsupportedModel(
            f"the recogniser `{name}` cannot be asked to write",
            found=first_line(error),
            expected="a generation_config.json as its publisher made it",
            fix="copy or download the folder again, whole",
        ) from error
    positions, size = int(model.config.max_target_positions), int(model.config.vocab_size)
    said.max_new_tokens = positions - len(prompt)
    largest = max(tokenizer.get_vocab().values())
    if largest >= size or said.max_new_tokens < 1:
        raise UnsupportedModel(
            f"the tokenizer of `{name}` is not that of its weights",
            found=f"pieces up to number {largest}, {size} outputs, {positions} positions",
            expected="an output for each piece, and room behind the prompt",
            fix="copy or download the folder again, whole",
        )
    end = said.eos_token_id[0] if isinstance(said.eos_token_id, list) else said.eos_token_id
    never = frozenset(said.begin_suppress_tokens or ())
    return ModelPieces(tokenizer, prompt, int(end), size, int(said.max_new_tokens), never)


def _fix_language(said: Any, name: str, asked: str | None) -> None:  # noqa: ANN401 - untyped
    """Put the language and the task into a generation config; a guess would differ from sound to sound."""
    from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

    known = getattr(said, "lang_to_id", None)
    if not known:
        if asked is not None:
            raise UnsupportedModel(
                f"the model `{name}` writes one language",
                found=f"a value for `language`: {asked}",
                expected="no value",
                fix="leave out `language`, or choose a model of several languages",
            )
        return
    language = asked or getattr(said, "language", None)
    code = None if language is None else TO_LANGUAGE_CODE.get(language.lower(), language.lower())
    if f"<|{str(code).strip('<|>')}|>" not in known:
        raise BadValue(
            f"the model `{name}` writes several languages and must be told which",
            found="none is named" if language is None else f"language={language}",
            expected=f"one of {shown(sorted(one.strip('<|>') for one in known), most=12)}",
            fix="name the language of the transcripts: --set language=en",
        )
    said.language, said.task, said.forced_decoder_ids = str(code).strip("<|>"), "transcribe", None


@dataclass(frozen=True)
class TranscriberSaver:
    """Writes a recogniser with ``save_pretrained``: weights, generation config, extractor, tokenizer."""

    model: Any
    extractor: Any
    tokenizer: Any
    preprocessing: Any
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:  # noqa: ARG002 - pieces, no labels
        """Write everything that ``transformers.pipeline`` needs, and ``crosstune.json``, into ``path``."""
        save_parts(path, self.model, self.extractor, self.tokenizer)
        options = replace(self.options, symbols=None)
        self.identity.record(FORMAT, options, self.preprocessing).write(path)
