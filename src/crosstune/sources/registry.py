"""All model sources, in the order in which they are asked whether a name is theirs."""

from functools import partial

from crosstune.core.errors import shown
from crosstune.sources.base import Backbone, ModelInfo, ModelSource, OpenOptions
from crosstune.sources.dense import KINDS, with_decoder
from crosstune.sources.embedder import PatchModel
from crosstune.sources.errors import WORDS, OtherModality, UnknownModel, UnsupportedModel
from crosstune.sources.local import LocalSource
from crosstune.sources.modality import modality_of
from crosstune.sources.packages import PackageSource
from crosstune.sources.pyramid import MapReader
from crosstune.sources.spectrograms import hear
from crosstune.sources.timm_models import TimmSource
from crosstune.sources.torchvision_models import TorchvisionSource
from crosstune.sources.transformers_models import HubSource

SOURCES: list[ModelSource] = [
    PackageSource(),
    TorchvisionSource(),
    LocalSource(),
    TimmSource(),
    HubSource(),
]


def open_model(name: str, options: OpenOptions) -> Backbone:
    """Open a pretrained model with a new head of ``options.outputs``.

    Cost: reading the weights, and two forwards of one example.

    Raises:
        UnknownModel: no source knows the name, or the weights cannot be reached.
        UnsupportedModel: the model does not fit the task or an option.
        BadWeights: the weights are damaged.
        MissingExtra: the name belongs to a pip package that is not installed.
    """
    source = next((source for source in SOURCES if source.claims(name)), None)
    try:
        if source is None:
            raise UnknownModel(name, reason="it is not written like any model name")
        return _heeded(_opened(source, name, options), options)
    except UnknownModel as error:
        here = [info.name for info in catalogue() if info.here]
        raise error.listing(here) from error.__cause__


def _opened(source: ModelSource, name: str, options: OpenOptions) -> Backbone:
    """Open a model: one of pictures with a decoder for masks or boxes, or with spectrograms for sounds."""
    try:
        opened = source.open(name, options)
        return with_decoder(opened, options) if options.task in KINDS and not opened.dense else opened
    except OtherModality:
        if modality_of(options.task) != "audio":
            raise
    return hear(partial(source.open, name), options)


def _heeded(backbone: Backbone, options: OpenOptions) -> Backbone:
    """Raise ``UnsupportedModel`` where an option was given that the model has no place for."""
    given = [name for name, asked in (("patch", options.patch), ("body", not options.body)) if asked]
    if options.max_seconds is not None and backbone.modality != "audio":
        raise UnsupportedModel(
            f"the model `{backbone.name}` reads {WORDS.get(backbone.modality, backbone.modality)}",
            found="a value for `max_seconds`",
            expected="a model that reads sounds",
            fix="leave it out",
        )
    if options.language is not None and backbone.pieces is None:
        raise UnsupportedModel(
            f"the model `{backbone.name}` is not told a language",
            found=f"a value for `language`: {options.language}",
            expected="a recogniser of several languages, such as Whisper",
            fix="leave it out",
        )
    if options.decoder != "auto" and not isinstance(backbone.model, MapReader):
        raise UnsupportedModel(
            f"the model `{backbone.name}` answers with what it has",
            found=f"decoder {options.decoder}",
            expected="a picture model that was not made for masks or boxes, and one of these tasks",
            fix="leave `decoder` out",
        )
    if given and not isinstance(backbone.model, PatchModel):
        raise UnsupportedModel(
            f"the model `{backbone.name}` reads {WORDS.get(backbone.modality, backbone.modality)} as it is",
            found=f"a value for {shown(f'`{name}`' for name in given)}",
            expected="a model that changes its modality, such as a text encoder on pictures",
            fix="leave it out",
        )
    return backbone


def catalogue() -> list[ModelInfo]:
    """List the models that each source knows; those that can be opened here come first.

    Needs no network and reads no weights.
    """
    listed = [info for source in SOURCES for info in source.available()]
    return sorted(listed, key=_elsewhere)


def _elsewhere(info: ModelInfo) -> bool:
    return not info.here
