"""Recognisers with a CTC head in transformers folders: wav2vec 2.0, HuBERT, WavLM and their kin.

The head keeps what it can write already. Characters of the training transcripts that it lacks get rows of
their own, which start from random values; only a body without a recogniser's tokenizer gets a new head.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from crosstune.core.errors import shown
from crosstune.core.files import read_object, write_json
from crosstune.core.spelling import BLANK, SPACE, Spelling
from crosstune.sources.assemble import Identity, assemble
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.guard import first_line
from crosstune.sources.heads import last_linear, no_linear_head, seeded, start_head
from crosstune.sources.kinds.registry import KINDS
from crosstune.sources.processors import LOCAL
from crosstune.sources.recogniser import Recogniser, recogniser_logits
from crosstune.sources.record import Record
from crosstune.sources.source_head import stored_tensor
from crosstune.sources.transformers_folders import (
    identify,
    load_model,
    misfit,
    quiet,
    read_config,
    require_most,
)
from crosstune.sources.weights import require_finite

FORMAT = "speech"
TASK = "automatic-speech-recognition"
VOCABULARY = "vocab.json"
LOADS_WITH = f'from transformers import pipeline\n\nrecognise = pipeline("{TASK}", model="{{path}}")'


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder as a recogniser that can write ``options.symbols``; raises what :func:`build` raises."""
    return build(folder, identify(folder, name, options, source, record), options)


def build(folder: Path, identity: Identity, options: OpenOptions) -> Backbone:
    """Open the model in ``folder`` as a recogniser that can write ``options.symbols``.

    Raises:
        UnsupportedModel: the architecture has no CTC model, or spells otherwise than by characters.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    name = identity.name
    own = own_spelling(folder, name)
    spelling, added = widened(own, options.symbols or ())
    config = _config(folder, name, spelling)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if options.pretrained:
            model, missing = load_model(_model_class(), folder, config)
        else:
            model = _model_class().from_config(config, trust_remote_code=False).float()
    head = _head(model, name)
    new = [one for one in missing if not one.startswith(f"{head}.")]
    if options.pretrained:
        require_most(model, new, folder)
    if new:
        identity = identity.noting(f"layers that start from random values besides the head: {shown(new)}")
    trained = False
    if added or not options.pretrained or own is None:
        start_head(model.get_submodule(head), options.seed)
        trained = (
            options.pretrained and own is not None and _keep_rows(model.get_submodule(head), folder, head)
        )
    else:
        trained = not any(one.startswith(f"{head}.") for one in missing)
    if added and trained:
        identity = identity.noting(f"symbols that the head could not write yet: {shown(added)}")
    elif not trained and options.pretrained:
        identity = identity.noting(f"the head is new: {len(spelling.symbols)} symbols")
    return _finish(folder, model, spelling, identity, options, trained=trained)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`SpeechSaver` wrote, head and all; raises ``BadWeights``."""
    own = own_spelling(folder, record.name)
    if own is None:
        raise _unspelled(record.name, f"no {VOCABULARY}")
    with quiet():
        model, missing = load_model(_model_class(), folder, _config(folder, record.name, own))
    if missing:
        raise misfit(folder, missing)
    return _finish(folder, model, own, Identity.of(record), record.options, trained=True)


def own_spelling(folder: Path, name: str) -> Spelling | None:
    """Read what the head of a folder writes; ``None`` where it has no tokenizer.

    Raises:
        UnsupportedModel: the tokenizer spells otherwise than by one symbol for each character.
    """
    if not (folder / VOCABULARY).is_file():
        if (folder / "tokenizer.json").is_file():
            raise _unspelled(name, "a tokenizer of pieces of words")
        return None
    numbers = read_object(folder / VOCABULARY)
    if not numbers or sorted(numbers.values()) != list(range(len(numbers))):
        raise _unspelled(name, f"{VOCABULARY} whose numbers are not 0 to {len(numbers) - 1}")
    symbols = tuple(sorted(numbers, key=numbers.__getitem__))
    blank, space = _marks(folder, name)
    if blank not in numbers or space not in numbers:
        raise _unspelled(name, f"no symbol `{blank if blank not in numbers else space}`")
    return Spelling(symbols, blank, space)


def widened(own: Spelling | None, wanted: tuple[str, ...]) -> tuple[Spelling, tuple[str, ...]]:
    """Give the symbols of the head, and which of them it cannot write yet.

    Where the model writes only capitals, capitals are what is wanted.
    """
    if own is None:
        return Spelling.of(["".join(wanted)]), ()
    written = {one.upper() if own.capitals else one for one in wanted} - {own.space, SPACE}
    single = {one for text in written for one in text}  # `ß` has two capitals
    added = tuple(sorted(single - set(own.symbols)))
    return replace(own, symbols=(*own.symbols, *added)), added


def _marks(folder: Path, name: str) -> tuple[str, str]:
    """Ask the tokenizer of a folder what it calls the blank and the space."""
    from transformers import Wav2Vec2CTCTokenizer

    try:
        with quiet():
            tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder, **LOCAL)
    except Exception as error:  # transformers raises anything on a damaged folder
        raise _unspelled(name, f"a tokenizer that cannot be opened: {first_line(error)}") from error
    return str(tokenizer.pad_token or BLANK), str(tokenizer.word_delimiter_token or SPACE)


def _config(folder: Path, name: str, spelling: Spelling) -> Any:  # noqa: ANN401 - untyped
    from transformers.models.auto import modeling_auto

    config = read_config(folder, name)
    if config.model_type not in modeling_auto.MODEL_FOR_CTC_MAPPING_NAMES:
        raise UnsupportedModel(
            f"the architecture of `{name}` has no CTC model in transformers",
            found=f"model type `{config.model_type}`",
            expected="a recogniser such as wav2vec 2.0, HuBERT or WavLM",
            fix="choose another model; `crosstune models` lists them",
        )
    config.vocab_size, config.pad_token_id = len(spelling.symbols), spelling.blank_index
    KINDS["audio"].prepare(config)
    return config


def _model_class() -> Any:  # noqa: ANN401 - untyped
    import transformers

    return transformers.AutoModelForCTC


def _head(model: nn.Module, name: str) -> str:
    head = last_linear(model)
    if head is None:
        raise no_linear_head(name)
    return head


def _keep_rows(head: nn.Module, folder: Path, path: str) -> bool:
    """Give a wider head the rows of the one in ``folder``; say whether there were some."""
    found = False
    for part in ("weight", "bias"):
        before, here = stored_tensor(folder, f"{path}.{part}"), getattr(head, part, None)
        if before is None or here is None or before.shape[1:] != here.shape[1:]:
            continue
        with torch.no_grad():
            here[: len(before)] = before.float()
        found = True
    return found


def _finish(
    folder: Path,
    model: Any,  # noqa: ANN401 - untyped
    spelling: Spelling,
    identity: Identity,
    options: OpenOptions,
    *,
    trained: bool,
) -> Backbone:
    opened = KINDS["audio"].open(folder, model, identity.name, options, None)
    wrapped = Recogniser(model, spelling.blank_index, opened.mask, opened.frames)
    backbone = assemble(
        identity,
        model=wrapped,
        head=f"inner.{_head(model, identity.name)}",
        preprocessing=opened.preprocessing,
        modality="audio",
        logits=recogniser_logits,
        save=SpeechSaver(model, opened.tool, spelling, opened.preprocessing, identity, options),
        loads_with=LOADS_WITH,
        mask=opened.mask,
        frames=opened.frames,
        vector=False,
    )
    backbone.spelling, backbone.head_trained, backbone.folder = spelling, trained, folder
    return backbone


def _unspelled(name: str, found: str) -> UnsupportedModel:
    return UnsupportedModel(
        f"the recogniser `{name}` does not spell by characters",
        found=found,
        expected=f"a {VOCABULARY} with one symbol for each character, a blank and a space",
        fix="choose a CTC model such as wav2vec 2.0, HuBERT or WavLM",
    )


@dataclass(frozen=True)
class SpeechSaver:
    """Writes a recogniser with ``save_pretrained``: weights, feature extractor, tokenizer."""

    model: Any
    extractor: Any
    spelling: Spelling
    preprocessing: Any
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:  # noqa: ARG002 - symbols, no labels
        """Write everything that ``transformers.pipeline`` needs, and ``crosstune.json``, into ``path``."""
        path.mkdir(parents=True, exist_ok=True)
        require_finite(self.model.state_dict().items(), where=path)
        write_json(path / VOCABULARY, dict(self.spelling.index))
        with quiet():
            self.model.save_pretrained(path)
            self.extractor.save_pretrained(path)
            _tokenizer(path / VOCABULARY, self.spelling).save_pretrained(path)
        options = replace(self.options, symbols=None)
        self.identity.record(FORMAT, options, self.preprocessing).write(path)


def _tokenizer(file: Path, spelling: Spelling) -> Any:  # noqa: ANN401 - untyped
    from transformers import Wav2Vec2CTCTokenizer

    unknown = "<unk>" if "<unk>" in spelling.index else spelling.blank
    return Wav2Vec2CTCTokenizer(
        str(file), bos_token=None, eos_token=None, unk_token=unknown, pad_token=spelling.blank,
        word_delimiter_token=spelling.space, do_lower_case=False,
    )  # fmt: skip
