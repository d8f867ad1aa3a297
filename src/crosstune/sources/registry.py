"""All model sources, in the order in which they are asked whether a name is theirs."""

from crosstune.sources.base import Backbone, ModelInfo, ModelSource, OpenOptions
from crosstune.sources.errors import UnknownModel
from crosstune.sources.local import LocalSource
from crosstune.sources.packages import PackageSource
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
        return source.open(name, options)
    except UnknownModel as error:
        here = [info.name for info in catalogue() if info.here]
        raise error.listing(here) from error.__cause__


def catalogue() -> list[ModelInfo]:
    """List the models that each source knows; those that can be opened here come first.

    Needs no network and reads no weights.
    """
    listed = [info for source in SOURCES for info in source.available()]
    return sorted(listed, key=_elsewhere)


def _elsewhere(info: ModelInfo) -> bool:
    return not info.here
