"""transformers models from a folder, and folders as ``save_pretrained`` writes them."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import nn

from crosstune.core.errors import shown
from crosstune.sources import hub
from crosstune.sources.assemble import (
    Identity,
    assemble,
    logits_field,
    require_modality,
)
from crosstune.sources.base import Backbone, OpenOptions, Preprocessing
from crosstune.sources.errors import BadWeights, UnsupportedModel
from crosstune.sources.guard import check_torch_files, first_line
from crosstune.sources.heads import last_linear, no_dropout, no_linear_head, seeded, start_head
from crosstune.sources.kinds.registry import KINDS, modalities
from crosstune.sources.modality import modality_of
from crosstune.sources.processors import Gguf
from crosstune.sources.record import Record
from crosstune.sources.source_head import SourceHead, stored_head
from crosstune.sources.weights import require_finite

FORMAT = "transformers"
TEXT = "text-classification"
LOCAL = {"trust_remote_code": False, "local_files_only": True}
NOWHERE: Mapping[str, str] = {}
"""More arguments of ``from_pretrained``, where there are none."""


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a transformers folder with a new head; one of a run hears as much of a sound as it did there."""
    if record is not None and options.max_seconds is None:
        options = replace(options, max_seconds=record.options.max_seconds)
    return build(folder, identify(folder, name, options, source, record), options)


def identify(
    folder: Path, name: str, options: OpenOptions, source: str, record: Record | None = None
) -> Identity:
    """Say who the model in ``folder`` is."""
    return Identity(
        name=name,
        source=source,
        licence=record.licence if record else hub.licence_of(folder),
        origin=f"the folder {folder}" if options.pretrained else "random weights",
        pretrained=options.pretrained,
    )


def build(folder: Path, identity: Identity, options: OpenOptions, *, gguf: Gguf | None = None) -> Backbone:
    """Open the model in ``folder`` with a new head; whatever the folder lacks starts from ``seed``.

    Args:
        folder: config, weights and tokenizer, or only the file that ``gguf`` names.
        identity: what the model is called and where it comes from.
        options: the task and what it depends on.
        gguf: the one file that holds all three, as llama.cpp writes it; weights become float32.

    Raises:
        UnsupportedModel: the architecture cannot do the task, or has no place for an option.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    where = {"gguf_file": gguf.file} if gguf else {}
    config, model_class = _config(folder, identity.name, options, where)
    if options.dropout is not None:
        _set_dropout(config, options, identity.name)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if not options.pretrained:
            model = model_class.from_config(config, trust_remote_code=False).float()
        else:
            model, missing = load_model(model_class, folder, config, where)
    head = last_linear(model)
    if head is None:
        raise no_linear_head(identity.name)
    new = [name for name in missing if not name.startswith(f"{head}.")]
    if options.pretrained:
        require_most(model, new, folder)
    if new:
        identity = identity.noting(f"layers that start from random values besides the head: {shown(new)}")
    linear = model.get_submodule(head)
    assert isinstance(linear, nn.Linear)  # noqa: S101 - last_linear found it
    start_head(linear, options.seed)
    source = None
    if options.pretrained and not gguf:
        source = stored_head(folder, head, linear.in_features, config.to_dict())
    return _finish(folder, model, head, identity, options, gguf, source)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`TransformersSaver` wrote, head and all; raises ``BadWeights``."""
    config, model_class = _config(folder, record.name, record.options)
    with quiet():
        model, missing = load_model(model_class, folder, config)
    if missing:
        raise misfit(folder, missing)
    head = last_linear(model)
    if head is None:
        raise no_linear_head(record.name)
    return _finish(folder, model, head, Identity.of(record), record.options)


def _finish(
    folder: Path,
    model: Any,  # noqa: ANN401 - untyped
    head: str,
    identity: Identity,
    options: OpenOptions,
    gguf: Gguf | None = None,
    source_head: SourceHead | None = None,
) -> Backbone:
    kind = KINDS[modality_of(options.task)]
    opened = kind.open(folder, model, identity.name, options, gguf)
    backbone = assemble(
        identity,
        model=model,
        head=head,
        preprocessing=opened.preprocessing,
        modality=kind.modality,
        logits=logits_field,
        save=TransformersSaver(model, opened.tool, opened.preprocessing, identity, options),
        loads_with=kind.lines(options.task),
        mask=opened.mask,
        frames=opened.frames,
        source_head=source_head,
    )
    backbone.folder = None if gguf else folder
    backbone.notes += [note for note in opened.notes if note not in backbone.notes]
    return backbone


def reads(folder: Path, gguf: Gguf | None = None) -> set[str]:
    """Say what the model in ``folder`` can read; nothing where its config cannot be read."""
    import transformers

    where = {"gguf_file": gguf.file} if gguf else {}
    try:
        config = transformers.AutoConfig.from_pretrained(folder, **LOCAL, **where)
    except Exception:  # noqa: BLE001 - whoever opens the folder says what is wrong with it
        return set()
    return modalities(config.model_type)


def load_body(
    folder: Path, identity: Identity, options: OpenOptions, gguf: Gguf | None = None
) -> tuple[Any, Identity]:
    """Open the text model in ``folder`` without a head, whatever ``options.task`` says.

    Returns the body (:class:`transformers.PreTrainedModel`) and the identity, with a note on layers that
    start from random values; raises what :func:`build` raises.
    """
    where = {"gguf_file": gguf.file} if gguf else {}
    config, model_class = _config(folder, identity.name, replace(options, task=TEXT), where)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if not options.pretrained:
            model = model_class.from_config(config, trust_remote_code=False).float()
        else:
            model, missing = load_model(model_class, folder, config, where)
    new = [name for name in missing if _is_of_body(name, model)]
    if options.pretrained:
        require_most(model, new, folder)
    if new:
        identity = identity.noting(f"layers that start from random values besides the head: {shown(new)}")
    return model.base_model, identity


def _is_of_body(name: str, model: Any) -> bool:  # noqa: ANN401 - untyped
    return name.startswith(f"{model.base_model_prefix}.") and ".pooler." not in name


def body_from_config(raw: Mapping[str, Any], name: str, options: OpenOptions) -> Any:  # noqa: ANN401
    """Make the body that a config of ``to_dict`` describes, with random weights.

    Raises:
        UnsupportedModel: transformers itself has no such text body.
    """
    import transformers

    values = {key: value for key, value in raw.items() if key != "model_type"}
    try:
        config = transformers.AutoConfig.for_model(str(raw.get("model_type")), **values)
        model_class = getattr(transformers, KINDS["text"].auto_class)
        with quiet(), seeded(options.seed, "weights"):
            return model_class.from_config(config, trust_remote_code=False).float().base_model
    except Exception as error:  # transformers raises anything on a config that is not what it says
        raise UnsupportedModel(
            f"the body of `{name}` cannot be made from its config",
            found=first_line(error),
            expected="the config of a text encoder or a language model that transformers itself knows",
            fix="copy the whole model folder again, or train again",
        ) from error


def reads_in_order(body: Any) -> bool:  # noqa: ANN401 - untyped
    """Say whether a body is a decoder: no token sees those behind it."""
    from transformers.models.auto import modeling_auto

    kind = body.config.model_type
    causal = kind in modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    return causal and kind not in modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES


def read_config(folder: Path, name: str, where: Mapping[str, str] = NOWHERE) -> Any:  # noqa: ANN401 - untyped
    """Read the config of the model in ``folder``; raises ``UnsupportedModel`` where transformers cannot."""
    import transformers

    try:
        return transformers.AutoConfig.from_pretrained(folder, **LOCAL, **where)
    except Exception as error:  # transformers raises anything on a config that is not what it says
        raise UnsupportedModel(
            f"transformers cannot read the model `{name}`",
            found=first_line(error),
            expected="a config.json of an architecture that transformers itself knows (no code of its own)",
            fix="choose another model, or update transformers",
        ) from error


def _config(
    folder: Path, name: str, options: OpenOptions, where: Mapping[str, str] = NOWHERE
) -> tuple[Any, Any]:
    import transformers

    config = read_config(folder, name, where)
    config.num_labels = options.outputs
    able = modalities(config.model_type)
    wanted = modality_of(options.task)
    if len(able) == 1 and wanted in KINDS:
        require_modality(name, next(iter(able)), options.task)
    if wanted not in able:
        raise UnsupportedModel(
            f"the architecture of `{name}` has no model for {options.task} in transformers",
            found=f"model type `{config.model_type}`",
            expected="an encoder with a classification model, such as BERT, ViT, ConvNeXt or wav2vec2",
            fix="choose another model; `crosstune models` lists them",
        )
    KINDS[wanted].prepare(config)
    return config, getattr(transformers, KINDS[wanted].auto_class)


def load_model(
    model_class: Any,  # noqa: ANN401 - untyped
    folder: Path,
    config: Any,  # noqa: ANN401 - untyped
    where: Mapping[str, str] = NOWHERE,
    *,
    head_of: Callable[[nn.Module], str | tuple[str, ...] | None] = last_linear,
) -> tuple[Any, list[str]]:
    """Load in float32; returns the model and the names of the parameters that the folder lacks.

    ``head_of`` finds the head, or several, which alone may be of another shape in the folder.
    """
    import torch

    check_torch_files(folder)
    try:
        model, info = model_class.from_pretrained(
            folder, config=config, dtype=torch.float32, ignore_mismatched_sizes=True,
            output_loading_info=True, weights_only=True, **LOCAL, **where,
        )  # fmt: skip
    except Exception as error:  # transformers raises anything on a folder that is not what it says
        raise BadWeights(
            "the weights of a transformers folder cannot be read",
            found=f"{folder}: {first_line(error)}",
            expected="complete weights beside config.json",
            fix="copy or download the folder again",
        ) from error
    mismatched = [key[0] if isinstance(key, tuple) else str(key) for key in info["mismatched_keys"]]
    found = head_of(model)
    heads = found if isinstance(found, tuple) else (found,)
    body = [key for key in mismatched if not key.startswith(tuple(f"{head}." for head in heads))]
    if body:
        raise misfit(folder, body)
    # Weights out of a GGUF file are plain float32 by now; the mark that they were not would forbid saving.
    if (packed := getattr(model, "hf_quantizer", None)) is not None:
        packed.remove_quantization_config(model)
    require_finite(model.state_dict().items(), where=folder)
    return model, sorted({*info["missing_keys"], *mismatched})


def require_most(model: nn.Module, missing: list[str], folder: Path) -> None:
    """Raise ``BadWeights`` where more than a tenth of the body would start from random values."""
    sizes = {name: parameter.numel() for name, parameter in model.named_parameters()}
    if sum(sizes.get(name, 0) for name in missing) > 0.1 * sum(sizes.values()):
        raise misfit(folder, missing)


def misfit(folder: Path, names: list[str]) -> BadWeights:
    """Make the error for weights that are not those of the model."""
    return BadWeights(
        "the weights do not fit the model that the folder describes",
        found=f"missing or of another shape in {folder}: {shown(names)}",
        expected="all tensors of the architecture except a new head",
        fix="restore the folder: weights and config belong together",
    )


def _set_dropout(config: Any, options: OpenOptions, name: str) -> None:  # noqa: ANN401 - untyped
    for attribute in KINDS[modality_of(options.task)].dropouts:
        if hasattr(config, attribute):
            setattr(config, attribute, options.dropout)
            return
    raise no_dropout(name)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bars and load reports off the terminal: they become notes and errors."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def save_parts(path: Path, model: Any, *tools: Any, names: Mapping[Any, Any] | None = None) -> None:  # noqa: ANN401
    """Write a model of transformers, and the tools that belong to it, with ``save_pretrained``.

    Args:
        path: folder; made where it is not there.
        model: its weights are checked first.
        tools: tokenizer, image processor, feature extractor.
        names: of its outputs by number, for its config.

    Raises:
        BadWeights: a weight is not a finite number.
    """
    path.mkdir(parents=True, exist_ok=True)
    require_finite(model.state_dict().items(), where=path)
    if names is not None:
        model.config.id2label = {int(index): str(label) for index, label in names.items()}
        model.config.label2id = {label: index for index, label in model.config.id2label.items()}
    with quiet():
        for part in (model, *tools):
            part.save_pretrained(path)


@dataclass(frozen=True)
class TransformersSaver:
    """Writes a model folder with ``save_pretrained``."""

    model: Any
    tool: Any
    """The tokenizer, the image processor or the feature extractor."""
    preprocessing: Preprocessing
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write config, weights, what makes batches, and ``crosstune.json`` into ``path``."""
        self.model.config.problem_type = hub_config.get("problem_type")
        save_parts(path, self.model, self.tool, names=hub_config["id2label"])
        limits = ("max_length", "max_seconds")
        decided = {
            one: getattr(self.preprocessing, one) for one in limits if hasattr(self.preprocessing, one)
        }
        options = replace(self.options, **decided)
        self.identity.record(FORMAT, options, self.preprocessing).write(path)
