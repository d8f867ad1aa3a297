"""timm models from their parts, and folders in timm's own format.

A saved folder holds ``config.json`` and ``model.safetensors`` as timm writes them, so that
``timm.create_model("local-dir:...")`` and ``transformers.pipeline("image-classification")`` load it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from crosstune.core.errors import shown
from crosstune.core.files import read_object, write_json
from crosstune.sources import hub
from crosstune.sources.assemble import Identity, assemble, image_lines, require_modality, same
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.errors import BadWeights, UnknownModel, UnsupportedModel
from crosstune.sources.guard import read_torch
from crosstune.sources.heads import no_dropout, no_linear_head, path_of, seeded, start_head
from crosstune.sources.preprocessing import ImagePreprocessing, crop_share
from crosstune.sources.record import Record
from crosstune.sources.sizes import sized
from crosstune.sources.source_head import SourceHead, head_of
from crosstune.sources.weights import (
    WEIGHTS,
    load_weights,
    read_weights,
    require_finite,
    write_weights,
)

FORMAT = "timm"
KEPT = ("fixed_input_size", "pool_size", "first_conv", "classifier", "license")
"""Fields of ``pretrained_cfg`` that still hold after tuning; sources and tags do not."""

LOADING = frozenset(
    {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "pretrained_model_args", "checkpoint_path"}
    | {"cache_dir", "scriptable", "exportable", "no_jit", "model_name"}
)
"""Arguments of ``timm.create_model`` that load files or belong to the caller."""


def is_timm_folder(folder: Path) -> bool:
    """Say whether ``folder`` holds a model as timm saves it."""
    config = folder / "config.json"
    return config.is_file() and "architecture" in read_object(config)


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a timm folder with a new head."""
    require_modality(name, "image", options.task)
    raw = _settings(folder)
    config = dict(raw["pretrained_cfg"]) | {"num_classes": raw.get("num_classes", 1000)}
    identity = Identity(
        name=name,
        source=source,
        licence=record.licence if record else config.get("license") or hub.licence_of(folder),
        origin=f"the folder {folder}" if options.pretrained else "random weights",
        pretrained=options.pretrained,
    )
    state = stored_weights(folder, name) if options.pretrained else None
    backbone = build(raw["architecture"], config, raw["model_args"], state, identity, options)
    if raw.get("problem_type") not in (None, "single_label_classification"):
        backbone.source_head = None  # several labels, or values: no classes that exclude each other
    return backbone


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`TimmSaver` wrote, head and all; raises ``BadWeights``."""
    raw = _settings(folder)
    arguments = raw["model_args"]
    outputs = record.options.outputs
    model = _create(record.name, raw["architecture"], num_classes=outputs, **arguments)
    load_weights(model, read_weights(folder / WEIGHTS), where=folder)
    preprocessing = ImagePreprocessing.from_json(record.preprocessing)
    identity = Identity.of(record)
    return _finish(
        model, raw["architecture"], raw["pretrained_cfg"], arguments, preprocessing, identity, record.options
    )


def _settings(folder: Path) -> dict[str, Any]:
    """Read ``config.json``: an architecture of timm's own, and arguments that only describe it.

    timm takes ``local-dir:`` and ``hf-hub:`` for architectures and loads what they name; arguments such as
    ``checkpoint_path`` would load a pickle.

    Raises:
        UnsupportedModel: the architecture or an argument is anything else.
    """
    import timm

    raw = read_object(folder / "config.json")
    architecture, arguments = raw.get("architecture"), raw.get("model_args") or {}
    config, classes = raw.get("pretrained_cfg") or {}, raw.get("num_classes", 1000)
    if not isinstance(architecture, str) or not timm.is_model(architecture):
        raise _unsafe(folder, f"the architecture {str(architecture)[:80]!r}", "the name of a model in timm")
    if not (isinstance(arguments, dict) and isinstance(config, dict) and isinstance(classes, int)):
        raise _unsafe(folder, "model_args, pretrained_cfg or num_classes of another type", "what timm writes")
    if named := sorted(LOADING & arguments.keys()):
        raise _unsafe(folder, f"model_args with {shown(named)}", "arguments that load nothing")
    # timm writes the number of classes here too; it is the caller's to say.
    arguments = {name: value for name, value in arguments.items() if name != "num_classes"}
    return raw | {"pretrained_cfg": config, "model_args": arguments}


def _unsafe(folder: Path, found: str, expected: str) -> UnsupportedModel:
    return UnsupportedModel(
        "a timm folder describes a model in a way that is not followed",
        found=f"{folder / 'config.json'}: {found}",
        expected=expected,
        fix="use another model, or correct config.json",
    )


def stored_weights(folder: Path, name: str) -> dict[str, Tensor]:
    """Read the weights of a timm folder without unpickling code."""
    state: dict[str, Tensor]
    if (folder / WEIGHTS).is_file():
        state = read_weights(folder / WEIGHTS)
    elif (folder / "pytorch_model.bin").is_file():
        state = read_torch(folder / "pytorch_model.bin")
    else:
        raise UnknownModel(name, reason=f"the folder {folder} holds no {WEIGHTS} or pytorch_model.bin")
    return {key.removeprefix("timm_model."): tensor for key, tensor in state.items()}


def build(
    architecture: str,
    config: Mapping[str, Any],
    arguments: Mapping[str, Any],
    state: dict[str, Tensor] | None,
    identity: Identity,
    options: OpenOptions,
) -> Backbone:
    """Create a model with a new head.

    Args:
        architecture: timm's name without a tag.
        config: timm's ``pretrained_cfg``: sizes, normalisation, the number of classes of ``state``.
        arguments: further arguments of ``timm.create_model`` that belong to the weights.
        state: the pretrained weights, or ``None`` for random ones.
        identity: who the model is.
        options: what was asked for.
    """
    preprocessing = sized(preprocessing_of(config, identity.name), options)
    made_with = dict(arguments)
    if config.get("fixed_input_size") and preprocessing.size != config["input_size"][-1]:
        made_with["img_size"] = preprocessing.size
    if options.dropout is not None:
        made_with["drop_rate"] = options.dropout
    source: SourceHead | None = None
    with seeded(options.seed, "weights"):
        if state is None:
            model = _create(identity.name, architecture, num_classes=options.outputs, **made_with)
        else:
            model = _create_from(state, identity.name, architecture, config, made_with)
            source = head_of(model.get_classifier())
            model.reset_classifier(options.outputs)
    if options.dropout is not None and not _has_dropout(model, options.dropout):
        raise no_dropout(identity.name)
    head = _classifier(model, identity.name)
    start_head(head, options.seed)
    return _finish(model, architecture, config, made_with, preprocessing, identity, options, source)


def _finish(
    model: nn.Module,
    architecture: str,
    config: Mapping[str, Any],
    arguments: Mapping[str, Any],
    preprocessing: ImagePreprocessing,
    identity: Identity,
    options: OpenOptions,
    source_head: SourceHead | None = None,
) -> Backbone:
    saver = TimmSaver(model, architecture, config, arguments, preprocessing, identity, options)
    return assemble(
        identity,
        model=model,
        head=path_of(model, _classifier(model, identity.name)),
        preprocessing=preprocessing,
        modality="image",
        logits=same,
        save=saver,
        loads_with=image_lines(options.task),
        source_head=source_head,
    )


def _create(name: str, architecture: str, **arguments: Any) -> Any:  # noqa: ANN401 - timm is untyped
    import timm

    try:
        return timm.create_model(architecture, pretrained=False, **arguments)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise UnsupportedModel(
            f"timm cannot make the model `{name}` this way",
            found=f"{error}",
            expected=f"arguments that `{architecture}` takes: {arguments}",
            fix="leave out `image_size` and `dropout`, or update timm",
        ) from error


def _create_from(
    state: dict[str, Tensor],
    name: str,
    architecture: str,
    config: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> Any:  # noqa: ANN401 - timm is untyped
    """Create a model from ``state`` with the head that ``state`` has: then timm loads it strictly.

    timm's own loading adapts position embeddings to another picture size.
    """
    import timm

    require_finite(state.items(), where=name)
    sources = ("url", "file", "hf_hub_id", "hf_hub_filename", "source", "custom_load", "label_offset")
    plain = {key: value for key, value in config.items() if key not in sources}
    classes = int(config.get("num_classes", 1000))
    try:
        model = timm.create_model(
            architecture,
            pretrained=True,
            pretrained_cfg={**plain, "state_dict": dict(state), "num_classes": classes},
            num_classes=classes,
            **arguments,
        )
    except (RuntimeError, TypeError, AssertionError) as error:
        raise BadWeights(
            f"the weights of `{name}` do not load into timm's `{architecture}`",
            found=f"{error}",
            expected="all tensors of the architecture, each of its shape",
            fix="update timm, leave out `image_size` and `dropout`, or use another model",
        ) from error
    model.pretrained_cfg = model.default_cfg = plain  # timm would keep the whole state alive in it
    return model


def _has_dropout(model: nn.Module, rate: float) -> bool:
    layers = [module for module in model.modules() if isinstance(module, nn.Dropout)]
    return getattr(model, "drop_rate", None) == rate or any(layer.p == rate for layer in layers)


def _classifier(model: Any, name: str) -> nn.Linear:  # noqa: ANN401 - timm is untyped
    head = model.get_classifier()
    if not isinstance(head, nn.Linear):
        raise no_linear_head(name)
    return head


def preprocessing_of(config: Mapping[str, Any], name: str) -> ImagePreprocessing:
    """Read timm's evaluation transform from a ``pretrained_cfg``; raises ``UnsupportedModel``."""
    import timm

    data = timm.data.resolve_data_config(pretrained_cfg=dict(config))
    channels, height, width = data["input_size"]
    if channels != 3 or height != width or data["crop_mode"] == "border":
        raise UnsupportedModel(
            f"the model `{name}` reads pictures in a form that is not supported",
            found=f"{channels} channels, {height} x {width} pixels, crop mode {data['crop_mode']}",
            expected="3 channels, a square, crop mode `center` or `squash`",
            fix="choose another model; `crosstune models` lists them",
        )
    return ImagePreprocessing(
        argument="x",
        size=height,
        resize=math.floor(height / data["crop_pct"]),
        interpolation=data["interpolation"],
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        squash=data["crop_mode"] == "squash",
    )


@dataclass(frozen=True)
class TimmSaver:
    """Writes a model folder in timm's format."""

    model: nn.Module
    architecture: str
    config: Mapping[str, Any]
    arguments: Mapping[str, Any]
    preprocessing: ImagePreprocessing
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write ``config.json``, ``model.safetensors`` and ``crosstune.json`` into ``path``."""
        path.mkdir(parents=True, exist_ok=True)
        write_weights(self.model, path / WEIGHTS)
        names = {int(index): str(label) for index, label in hub_config["id2label"].items()}
        settings = {
            "architecture": self.architecture,
            "num_classes": self.options.outputs,
            "num_features": getattr(self.model, "num_features", None),
            "label_names": [names[index] for index in sorted(names)],
            "problem_type": hub_config.get("problem_type"),
            "model_args": dict(self.arguments),
            "pretrained_cfg": self._pretrained_cfg(),
        }
        write_json(path / "config.json", settings)
        record = self.identity.record(FORMAT, self.options, self.preprocessing, self.architecture)
        record.write(path)

    def _pretrained_cfg(self) -> dict[str, Any]:
        own = self.preprocessing
        return {key: self.config[key] for key in KEPT if self.config.get(key) is not None} | {
            "input_size": [3, own.size, own.size],
            "interpolation": own.interpolation,
            "crop_pct": crop_share(own.size, own.resize),
            "crop_mode": "squash" if own.squash else "center",
            "mean": list(own.mean),
            "std": list(own.std),
        }
