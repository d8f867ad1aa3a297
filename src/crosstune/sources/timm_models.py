"""timm models by name: ``timm:name`` and ``timm/name``."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crosstune.sources import hub
from crosstune.sources.assemble import Identity, require_modality
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions
from crosstune.sources.catalogue import entries
from crosstune.sources.errors import UnknownModel
from crosstune.sources.guard import check_folder
from crosstune.sources.timm_folders import build, open_folder, stored_weights

PREFIX = "timm:"


class TimmSource:
    """``timm:name`` and ``timm/name``."""

    name = "timm"

    def claims(self, name: str) -> bool:
        """Say whether the name starts with ``timm:`` or ``timm/``."""
        return name.startswith(("timm:", "timm/"))

    def open(self, name: str, options: OpenOptions) -> Backbone:
        """Open a model by its timm name, with or without a tag that names the weights.

        Raises:
            UnknownModel: timm has no such model or weights, or the weights cannot be reached.
        """
        import timm

        require_modality(name, "image", options.task)
        bare = name[len("timm:") :]
        if not timm.is_model(bare):
            if name.startswith("timm/"):  # a Hub repository that this release of timm has no name for
                folder = hub.snapshot(name, weights=options.pretrained)
                check_folder(folder)
                return open_folder(folder, name, options, source=self.name)
            raise UnknownModel(
                name, reason="timm has no such model", choices=[f"timm:{one}" for one in timm.list_models()]
            )
        settings = _settings(name, bare)
        identity = Identity(
            name=name,
            source=self.name,
            licence=settings.get("license") or "unknown",
            origin="random weights",
            pretrained=options.pretrained,
        )
        state = None
        if options.pretrained:
            repository = _repository(name, settings)
            identity = identity.starting_from(f"the Hub, {repository}")
            folder = hub.snapshot(repository, name=name)
            check_folder(folder)
            state = stored_weights(folder, name)
        return build(bare.partition(".")[0], settings, {}, state, identity, options)

    def available(self) -> list[ModelInfo]:
        """List a few good ones of timm's more than a thousand."""
        return [
            replace(info, here=hub.is_cached(f"timm/{info.name.removeprefix(PREFIX)}"))
            for info in entries()
            if info.name.startswith(PREFIX)
        ]


def _settings(name: str, bare: str) -> dict[str, Any]:
    import timm

    try:
        config = timm.models.get_pretrained_cfg(bare)
    except RuntimeError as error:
        raise UnknownModel(name, reason="timm has no such weights for it", choices=_tags(bare)) from error
    return dict(config.to_dict()) if config else {}


def _repository(name: str, settings: Mapping[str, Any]) -> str:
    if not settings.get("hf_hub_id"):
        raise UnknownModel(
            name,
            reason="timm has no pretrained weights under this name",
            choices=_tags(name[len("timm:") :]),
            fix="`--set pretrained=false` starts from random weights",
        )
    return str(settings["hf_hub_id"])


def _tags(bare: str) -> list[str]:
    import timm

    return [f"timm:{one}" for one in timm.list_pretrained(f"{bare.partition('.')[0]}*")]
