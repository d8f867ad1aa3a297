"""Transformers folders of detection models that ask queries: DETR, RT-DETR, D-FINE, YOLOS and their kin.

A head that was trained for just the classes of the data is kept; every other model gets new class layers.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from crosstune.core.errors import DamagedFile, shown
from crosstune.core.files import read_object
from crosstune.sources.assemble import Identity, assemble, same
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.detector import Detector
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.heads import no_dropout, seeded, start_head
from crosstune.sources.record import Record
from crosstune.sources.transformers_folders import (
    identify,
    load_model,
    misfit,
    quiet,
    read_config,
    require_most,
)
from crosstune.sources.whole_pictures import WholePictureSaver, whole_processor

FORMAT = "detector"
ENCODER_CHOOSES = ("rt_detr", "rt_detr_v2", "d_fine")
"""Model types whose encoder chooses the queries: they have one class layer more, for that."""
TYPES = ("detr", "table-transformer", "conditional_detr", "deformable_detr", "yolos", *ENCODER_CHOOSES)
"""Model types that are known here."""
BODY = (
    "backbone", "vit", "encoder", "input_projection", "input_proj", "encoder_input_proj",
    "position_embedding", "position_embeddings",
)  # fmt: skip
"""Names of parts up to the encoder; all others move with the head."""
RARE = 0.01
"""How probable a new sigmoid head finds each class at first, as in RetinaNet (arXiv:1708.02002): places
without an object are by far the most."""
LOADS_WITH = (
    "from transformers import pipeline\n\n"
    'find = pipeline("object-detection", model="{path}")\n'
    "boxes = find(picture, threshold=0.5)"
)


def claims(folder: Path) -> bool:
    """Say whether a folder holds a detection model that is known here."""
    try:
        config = read_object(folder / "config.json")
    except (DamagedFile, OSError):
        return False  # whoever opens the folder says what is wrong with it
    return config.get("model_type") in TYPES


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder as a detection model for the classes ``options.symbols``.

    Raises:
        UnsupportedModel: it has two stages, or no image processor, or no place for an option.
        BadWeights: the weights do not belong to the config, or are damaged.
    """
    identity = identify(folder, name, options, source, record)
    if options.dropout is not None:
        raise no_dropout(name)
    config = _config(folder, name)
    own = [str(label) for _, label in sorted((config.id2label or {}).items())]
    config.num_labels = options.outputs
    missing: list[str] = []
    with quiet(), seeded(options.seed, "weights"):
        if options.pretrained:
            model, missing = load_model(_model_class(), folder, config, head_of=_of_classes)
        else:
            model = _model_class().from_config(config, trust_remote_code=False).float()
    new = [one for one in missing if not one.startswith(tuple(f"{path}." for path in _of_classes(model)))]
    if options.pretrained:
        require_most(model, new, folder)
    if new:
        identity = identity.noting(f"layers that start from random values besides the head: {shown(new)}")
    wanted = options.symbols or ()
    trained = options.pretrained and not missing and sorted(own) == sorted(wanted)
    layers = [_linear(model, path) for path in class_layers(model)]
    if trained:
        _reorder(layers, [own.index(one) for one in wanted])
    else:
        _start(layers, options)
        if options.pretrained:
            identity = identity.noting(f"the class layers are new: {options.outputs} classes")
    return _finish(folder, model, identity, options, trained=trained)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`WholePictureSaver` wrote, head and all; raises ``BadWeights``."""
    config = _config(folder, record.name)
    with quiet():
        model, missing = load_model(_model_class(), folder, config, head_of=_of_classes)
    if missing:
        raise misfit(folder, missing)
    return _finish(folder, model, Identity.of(record), record.options, trained=True)


def class_layers(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - untyped
    """Name the linear layers that give classes: of every layer of the decoder; the last one answers."""
    kind = model.config.model_type
    if kind == "yolos":
        return (f"class_labels_classifier.layers.{len(model.class_labels_classifier.layers) - 1}",)
    if kind == "deformable_detr":
        return tuple(f"class_embed.{place}" for place in range(len(model.class_embed)))
    if kind in ENCODER_CHOOSES:
        decoder = model.model.decoder
        count = len(decoder.class_embed)
        answers = getattr(decoder, "eval_idx", count - 1)
        order = [place for place in range(count) if place != answers]
        every = (f"model.decoder.class_embed.{place}" for place in (*order, answers))
        return ("model.enc_score_head", *every)
    return ("class_labels_classifier",)


def _of_classes(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - untyped
    """Name the same layers by every name that files have for them (those of D-FINE have two)."""
    return (*class_layers(model), "class_embed")


def _config(folder: Path, name: str) -> Any:  # noqa: ANN401 - untyped
    """Read the config, and ask for every layer, for no denoising, and for pictures of any size."""
    config = read_config(folder, name)
    if getattr(config, "two_stage", False):
        raise UnsupportedModel(
            f"the model `{name}` chooses its queries in a way that is not known here",
            found="two_stage in its config",
            expected="a Deformable DETR of one stage, or a model such as RT-DETR",
            fix="choose another model; `crosstune models` lists them",
        )
    config.auxiliary_loss = config.model_type != "yolos"  # whose layers have no outputs of their own
    for setting, value in (("num_denoising", 0), ("anchor_image_size", None), ("eval_size", None)):
        if hasattr(config, setting):
            setattr(config, setting, value)
    return config


def _model_class() -> Any:  # noqa: ANN401 - untyped
    import transformers

    return transformers.AutoModelForObjectDetection


def _linear(model: nn.Module, path: str) -> nn.Linear:
    layer = model.get_submodule(path)
    assert isinstance(layer, nn.Linear)  # noqa: S101 - class_layers names only such
    return layer


def _distinct(layers: Sequence[nn.Linear]) -> list[nn.Linear]:
    """Leave out layers that share their weights with one before."""
    return list({id(layer.weight): layer for layer in layers}.values())


def _start(layers: Sequence[nn.Linear], options: OpenOptions) -> None:
    """Start new class layers; sigmoid models find every class improbable at first."""
    for layer in _distinct(layers):
        start_head(layer, options.seed)
        if layer.out_features == options.outputs:
            with torch.no_grad():
                layer.bias.fill_(-math.log((1 - RARE) / RARE))


def _reorder(layers: Sequence[nn.Linear], order: Sequence[int]) -> None:
    """Bring the classes into another order; *no object*, where there is one, stays the last."""
    with torch.no_grad():
        for layer in _distinct(layers):
            whole = [*order, *range(len(order), layer.out_features)]
            for parameter in layer.parameters():
                parameter.copy_(parameter[whole].clone())


def _beside(model: Any, head: str) -> tuple[str, ...]:  # noqa: ANN401 - untyped
    """Name what stands behind the encoder: the decoder, and all that makes classes and boxes."""

    def behind(module: nn.Module, path: str) -> list[str]:
        found: list[str] = []
        for name, child in module.named_children():
            place = f"{path}{name}"
            if place == head or name in BODY or not any(True for _ in child.parameters()):
                continue
            on_the_way = head.startswith(f"{place}.") or hasattr(child, "backbone")
            found += behind(child, f"{place}.") if on_the_way else [place]
        return found

    return tuple(behind(model, ""))


def _finish(
    folder: Path,
    model: Any,  # noqa: ANN401 - untyped
    identity: Identity,
    options: OpenOptions,
    *,
    trained: bool,
) -> Backbone:
    tool, preprocessing = whole_processor(folder, identity.name, options)
    head = class_layers(model)[-1]
    backbone = assemble(
        identity,
        model=Detector(model),
        head=f"inner.{head}",
        preprocessing=preprocessing,
        modality="image",
        logits=same,
        save=WholePictureSaver(model, tool, preprocessing, identity, options, FORMAT),
        loads_with=LOADS_WITH,
        beside=tuple(f"inner.{one}" for one in _beside(model, head)),
        dense=True,
    )
    backbone.head_trained, backbone.folder = trained, folder
    backbone.no_object = backbone.head_module().out_features > options.outputs
    return backbone
