"""torchvision models: ``torchvision:resnet50``, or ``torchvision:resnet50.IMAGENET1K_V1``."""

import hashlib
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlparse
from urllib.request import urlopen

import torch
from torch import Tensor, nn

from crosstune.core.files import replacing, write_json
from crosstune.sources.assemble import Identity, assemble, require_modality, same
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions, PublicFigure
from crosstune.sources.catalogue import SOURCES, entries
from crosstune.sources.errors import UnknownModel, UnsupportedModel
from crosstune.sources.guard import read_torch
from crosstune.sources.heads import (
    last_linear,
    no_dropout,
    no_linear_head,
    replace_head,
    seeded,
    start_head,
)
from crosstune.sources.preprocessing import ImagePreprocessing
from crosstune.sources.record import Record
from crosstune.sources.sizes import sized
from crosstune.sources.source_head import SourceHead, head_of
from crosstune.sources.weights import WEIGHTS, load_weights, read_weights, write_weights

FORMAT = "torchvision"
LABELS = "labels.json"
LICENCE = "bsd-3-clause"
TIMEOUT = 10.0
"""Seconds without a byte after which a download is given up."""
TWO_OUTPUTS = {"inception_v3", "googlenet"}
"""Models whose training forward returns auxiliary logits too."""
PREFIX = "torchvision:"


class TorchvisionSource:
    """``torchvision:name`` and ``torchvision:name.WEIGHTS``."""

    name = "torchvision"

    def claims(self, name: str) -> bool:
        """Say whether the name starts with ``torchvision:``."""
        return name.startswith("torchvision:")

    def open(self, name: str, options: OpenOptions) -> Backbone:
        """Open a torchvision classification model with a new head.

        Raises:
            UnknownModel: no such model or weights, or the weights cannot be reached.
        """
        require_modality(name, "image", options.task)
        architecture, weights = _weights(name)
        identity = Identity(
            name=name,
            source=self.name,
            licence=LICENCE,
            origin=f"torchvision, {weights}" if options.pretrained else "random weights",
            pretrained=options.pretrained,
        )
        with seeded(options.seed, "weights"):
            model = _create(architecture, name)
        if options.pretrained:
            file = _weight_file(name, weights.url)
            load_weights(model, _renamed(read_torch(file)), where=file)
        own = preset(weights.transforms())
        return _with_new_head(model, architecture, sized(own, options), identity, options)

    def available(self) -> list[ModelInfo]:
        """List a few of torchvision's models, and every one whose weights are in torch's cache."""
        cached = _cached()
        listed = {info.name: info for info in entries() if info.name.startswith(PREFIX)}
        return [
            *(replace(info, here=name in cached) for name, info in listed.items()),
            *(info for name, info in cached.items() if name not in listed),
        ]


def _renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors of a file the names that torchvision has now: those of DenseNet had one more dot."""
    old = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12]\.)")
    return {old.sub(r"\1\2", name): tensor for name, tensor in state.items()}


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a folder that :class:`TorchvisionSaver` wrote, with a new head."""
    record = record or Record.read(folder)
    require_modality(name, "image", options.task)
    with seeded(options.seed, "weights"):
        model = _create(record.architecture, name)
        replace_head(model, _head(model, name), record.options.outputs)
    if options.pretrained:
        load_weights(model, read_weights(folder / WEIGHTS), where=folder)
    identity = Identity(
        name=name,
        source=source,
        licence=record.licence,
        origin=f"the folder {folder}" if options.pretrained else "random weights",
        pretrained=options.pretrained,
    )
    own = ImagePreprocessing.from_json(record.preprocessing)
    backbone = _with_new_head(model, record.architecture, sized(own, options), identity, options)
    backbone.source_head = None  # the record does not say whether its outputs are classes
    return backbone


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`TorchvisionSaver` wrote, head and all; raises ``BadWeights``."""
    model = _create(record.architecture, record.name)
    head = _head(model, record.name)
    replace_head(model, head, record.options.outputs)
    _set_dropout(model, head, record.name, record.options.dropout)
    load_weights(model, read_weights(folder / WEIGHTS), where=folder)
    own = ImagePreprocessing.from_json(record.preprocessing)
    return _finish(model, head, record.architecture, own, Identity.of(record), record.options)


def _with_new_head(
    model: nn.Module,
    architecture: str,
    preprocessing: ImagePreprocessing,
    identity: Identity,
    options: OpenOptions,
) -> Backbone:
    head = _head(model, identity.name)
    source = head_of(model.get_submodule(head)) if options.pretrained else None
    start_head(replace_head(model, head, options.outputs), options.seed)
    _set_dropout(model, head, identity.name, options.dropout)
    return _finish(model, head, architecture, preprocessing, identity, options, source)


def _finish(
    model: nn.Module,
    head: str,
    architecture: str,
    preprocessing: ImagePreprocessing,
    identity: Identity,
    options: OpenOptions,
    source_head: SourceHead | None = None,
) -> Backbone:
    return assemble(
        identity,
        model=model,
        head=head,
        preprocessing=preprocessing,
        modality="image",
        logits=same,
        save=TorchvisionSaver(model, architecture, preprocessing, identity, options),
        loads_with=(
            "import torchvision\nfrom safetensors.torch import load_file\n\n"
            f'model = torchvision.models.get_model("{architecture}", num_classes={options.outputs})\n'
            'model.load_state_dict(load_file("{path}/model.safetensors"))'
        ),
        source_head=source_head,
    )


def _weights(name: str) -> tuple[str, Any]:
    """Read ``torchvision:architecture[.WEIGHTS]`` into the architecture and torchvision's weights entry."""
    import torchvision

    architecture, _, tag = name.removeprefix("torchvision:").partition(".")
    listed = torchvision.models.list_models(module=torchvision.models)
    if architecture not in listed:
        known = [f"torchvision:{one}" for one in listed]
        raise UnknownModel(name, reason="torchvision has no such classification model", choices=known)
    choices = torchvision.models.get_model_weights(architecture)
    if tag and tag not in choices.__members__:
        known = [f"torchvision:{architecture}.{one}" for one in choices.__members__]
        raise UnknownModel(name, reason="torchvision has no such weights for it", choices=known)
    return architecture, choices[tag or "DEFAULT"]


def _create(architecture: str, name: str) -> nn.Module:
    import torchvision

    if architecture in TWO_OUTPUTS:
        raise UnsupportedModel(
            f"the model `{name}` has auxiliary heads",
            found="an architecture that returns several outputs in training",
            expected="one output for each example",
            fix="choose another model, such as torchvision:resnet50",
        )
    model: nn.Module = torchvision.models.get_model(architecture, weights=None)
    return model


def _head(model: nn.Module, name: str) -> str:
    head = last_linear(model)
    if head is None:
        raise no_linear_head(name)
    return head


def _set_dropout(model: nn.Module, head: str, name: str, rate: float | None) -> None:
    """Set the dropout layers that stand beside the head."""
    if rate is None:
        return
    parent = head.rpartition(".")[0]
    beside = model.get_submodule(parent).children() if parent else ()
    layers = [layer for layer in beside if isinstance(layer, nn.Dropout)]
    if not layers:
        raise no_dropout(name)
    for layer in layers:
        layer.p = rate


def preset(transforms: Any) -> ImagePreprocessing:  # noqa: ANN401 - torchvision is untyped
    """Read one of torchvision's classification presets."""
    return ImagePreprocessing(
        argument="x",
        size=int(transforms.crop_size[0]),
        resize=int(transforms.resize_size[0]),
        interpolation=str(transforms.interpolation.value),
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )


def _cache_file(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name


def _cached() -> dict[str, ModelInfo]:
    """Look through torch's cache for weights of classification models; the default ones have no tag."""
    import torchvision

    present = {path.name for path in (Path(torch.hub.get_dir()) / "checkpoints").glob("*.pth")}
    found: dict[str, ModelInfo] = {}
    for architecture in torchvision.models.list_models(module=torchvision.models) if present else ():
        choices = torchvision.models.get_model_weights(architecture)
        for weights in choices:
            if architecture in TWO_OUTPUTS or _cache_file(weights.url).name not in present:
                continue
            tag = "" if weights is choices.DEFAULT else f".{weights.name}"
            found[f"{PREFIX}{architecture}{tag}"] = _info(f"{PREFIX}{architecture}{tag}", weights)
    return found


def _info(name: str, weights: Any) -> ModelInfo:  # noqa: ANN401 - torchvision is untyped
    top = weights.meta.get("_metrics", {}).get("ImageNet-1K", {}).get("acc@1")
    return ModelInfo(
        name=name,
        modality="image",
        parameters=int(weights.meta["num_params"]),
        licence=LICENCE,
        here=True,
        note="in torch's cache",
        reads=f"{weights.transforms().crop_size[0]} px",
        accuracy=PublicFigure(value=top, measure="ImageNet-1k top-1", source=SOURCES["torchvision"])
        if top
        else None,
    )


def _weight_file(name: str, url: str) -> Path:
    """Return the file of the weights, downloaded into torch's own cache where it is not there yet."""
    file = _cache_file(url)
    if file.is_file():
        return file
    digest = hashlib.sha256()
    try:
        with urlopen(url, timeout=TIMEOUT) as answer, replacing(file) as temporary:  # noqa: S310 - torchvision's own table of URLs
            with temporary.open("wb") as handle:
                shutil.copyfileobj(answer, handle)
            digest.update(temporary.read_bytes())
            if not digest.hexdigest().startswith(file.stem.rpartition("-")[2]):
                raise OSError("the download is damaged: its hash is not the one in its name")
    except OSError as error:
        raise UnknownModel(
            name,
            reason=f"its weights are not on this machine and cannot be downloaded ({error})",
            fix="`--set pretrained=false` starts from random weights (and says so);"
            f" or copy the file of {url} to {file}",
        ) from error
    return file


@dataclass(frozen=True)
class TorchvisionSaver:
    """Writes weights and records; torchvision has no folder format of its own."""

    model: nn.Module
    architecture: str
    preprocessing: ImagePreprocessing
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write ``model.safetensors``, ``labels.json`` and ``crosstune.json`` into ``path``."""
        path.mkdir(parents=True, exist_ok=True)
        write_weights(self.model, path / WEIGHTS)
        labels = {str(index): str(label) for index, label in hub_config["id2label"].items()}
        write_json(path / LABELS, {"id2label": labels, "problem_type": hub_config.get("problem_type")})
        self.identity.record(FORMAT, self.options, self.preprocessing, self.architecture).write(path)
