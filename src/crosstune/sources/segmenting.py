"""Transformers folders of semantic segmentation models: SegFormer, UPerNet, DPT and their kin.

A head that was trained for just the classes of the data is kept; every other body gets a new last layer, and
a decoder that the folder lacks starts from random values.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from crosstune.core.errors import DamagedFile, shown
from crosstune.core.files import read_object
from crosstune.sources.assemble import Identity, assemble, same
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.heads import no_dropout, seeded, start_head
from crosstune.sources.record import Record
from crosstune.sources.segmenter import PlaceLinear, Segmenter
from crosstune.sources.transformers_folders import (
    identify,
    load_model,
    misfit,
    quiet,
    read_config,
    require_most,
)
from crosstune.sources.whole_pictures import WholePictureSaver, whole_processor

FORMAT = "segmenter"
ALWAYS = ("segformer", "upernet", "dpt")
"""Model types whose bodies are made for it, whatever head they come with."""
HEADS = "ForSemanticSegmentation"
"""What the names of such architectures end with."""
DROPOUTS = ("classifier_dropout_prob", "semantic_classifier_dropout", "classifier_dropout")
LOADS_WITH = (
    "from transformers import AutoImageProcessor, AutoModelForSemanticSegmentation\n\n"
    'processor = AutoImageProcessor.from_pretrained("{path}")\n'
    'model = AutoModelForSemanticSegmentation.from_pretrained("{path}")\n'
    'outputs = model(**processor(images=picture, return_tensors="pt"))\n'
    "(mask,) = processor.post_process_semantic_segmentation(outputs, [picture.size[::-1]])"
)


def claims(folder: Path) -> bool:
    """Say whether a folder holds a model that transformers opens for masks."""
    from transformers.models.auto import modeling_auto

    try:
        config = read_object(folder / "config.json")
    except (DamagedFile, OSError):
        return False  # whoever opens the folder says what is wrong with it
    kind, named = config.get("model_type"), config.get("architectures") or []
    if kind not in modeling_auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING_NAMES:
        return False
    return kind in ALWAYS or any(str(one).endswith(HEADS) for one in named)


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder as a segmentation model for the classes ``options.symbols``.

    Raises:
        UnsupportedModel: its last layer, or its image processor, is of another kind than is known here.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    identity = identify(folder, name, options, source, record)
    config = _config(folder, name)
    own = [str(label) for _, label in sorted((config.id2label or {}).items())]
    config.num_labels = options.outputs
    if options.dropout is not None:
        _set_dropout(config, options.dropout, name)
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if options.pretrained:
            model, missing = _loaded(folder, config, name, options.outputs)
        else:
            model = _model_class().from_config(config, trust_remote_code=False).float()
    head = _last_layer(model, name, options.outputs)
    beside = _beside(model, name)
    new = [one for one in missing if not one.startswith(f"{head}.")]
    if options.pretrained:
        require_most(
            model, [one for one in new if not one.startswith(tuple(f"{p}." for p in beside))], folder
        )
    if new:
        identity = identity.noting(f"layers that start from random values besides the head: {shown(new)}")
    wanted = options.symbols or ()
    trained = options.pretrained and not missing and sorted(own) == sorted(wanted)
    layer = _linear(model, head)
    if trained:
        _reorder(layer, [own.index(one) for one in wanted])
    else:
        start_head(layer, options.seed)
        if options.pretrained:
            identity = identity.noting(f"the last layer is new: {options.outputs} classes")
    return _finish(folder, model, (head, beside), identity, options, trained=trained)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`WholePictureSaver` wrote, head and all; raises ``BadWeights``."""
    config = _config(folder, record.name)
    with quiet():
        model, missing = _loaded(folder, config, record.name, record.options.outputs)
    if missing:
        raise misfit(folder, missing)
    head = _last_layer(model, record.name, record.options.outputs)
    _linear(model, head)
    parts = (head, _beside(model, record.name))
    return _finish(folder, model, parts, Identity.of(record), record.options, trained=True)


def _config(folder: Path, name: str) -> Any:  # noqa: ANN401 - untyped
    config = read_config(folder, name)
    if hasattr(config, "use_auxiliary_head"):
        config.use_auxiliary_head = False  # it only adds to a loss of transformers' own
    return config


def _model_class() -> Any:  # noqa: ANN401 - untyped
    import transformers

    return transformers.AutoModelForSemanticSegmentation


def _loaded(folder: Path, config: Any, name: str, outputs: int) -> tuple[Any, list[str]]:  # noqa: ANN401
    return load_model(
        _model_class(), folder, config, head_of=partial(_last_layer, name=name, outputs=outputs)
    )


def _last_layer(model: nn.Module, name: str, outputs: int) -> str:
    """Find the convolution of one pixel that gives the classes: the last with K outputs."""
    found: list[str] = [
        path
        for path, module in model.named_modules()
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1) and module.out_channels == outputs
    ]
    if not found:
        raise UnsupportedModel(
            f"the last layer of `{name}` is not known here",
            found="no convolution of one pixel with as many outputs as there are classes",
            expected="a model such as SegFormer, UPerNet or DPT",
            fix="choose another model; `crosstune models` lists them",
        )
    return found[-1]


def _linear(model: nn.Module, path: str) -> PlaceLinear:
    """Put a :class:`PlaceLinear` in the place of the last layer, with its weights."""
    old = model.get_submodule(path)
    assert isinstance(old, nn.Conv2d)  # noqa: S101 - found as one
    new = PlaceLinear.of(old)
    parent, _, leaf = path.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new)
    return new


def _beside(model: Any, name: str) -> tuple[str, ...]:  # noqa: ANN401 - untyped
    """Name what stands behind the encoder: the decoder."""
    children = [one for one, module in model.named_children() if any(True for _ in module.parameters())]
    encoder = next((one for one in (model.base_model_prefix, "backbone") if one in children), None)
    if encoder is None or len(children) < 2:
        raise UnsupportedModel(
            f"the parts of `{name}` are not known here",
            found=f"{type(model).__name__} with {shown(children)}",
            expected="an encoder, and a decoder beside it",
            fix="choose another model; `crosstune models` lists them",
        )
    return tuple(one for one in children if one != encoder)


def _reorder(layer: PlaceLinear, order: Sequence[int]) -> None:
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(parameter[list(order)].clone())


def _set_dropout(config: Any, value: float, name: str) -> None:  # noqa: ANN401 - untyped
    for attribute in DROPOUTS:
        if hasattr(config, attribute):
            setattr(config, attribute, value)
            return
    raise no_dropout(name)


def _finish(
    folder: Path,
    model: Any,  # noqa: ANN401 - untyped
    parts: tuple[str, tuple[str, ...]],
    identity: Identity,
    options: OpenOptions,
    *,
    trained: bool,
) -> Backbone:
    tool, preprocessing = whole_processor(folder, identity.name, options)
    head, beside = parts
    backbone = assemble(
        identity,
        model=Segmenter(model),
        head=f"inner.{head}",
        preprocessing=preprocessing,
        modality="image",
        logits=same,
        save=WholePictureSaver(model, tool, preprocessing, identity, options, FORMAT),
        loads_with=LOADS_WITH,
        beside=tuple(f"inner.{one}" for one in beside),
        dense=True,
    )
    backbone.head_trained, backbone.folder = trained, folder
    return backbone
