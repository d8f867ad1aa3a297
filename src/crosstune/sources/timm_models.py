"""timm models by name: ``timm:name`` and ``timm/name``."""

from collections.abc import Mapping
from typing import Any

from crosstune.sources import hub
from crosstune.sources.assemble import Identity, require_modality
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions
from crosstune.sources.errors import UnknownModel
from crosstune.sources.guard import check_folder
from crosstune.sources.timm_folders import build, open_folder, stored_weights

KNOWN = (
    ("mobilenetv4_conv_small.e2400_r224_in1k", 3_774_024, "apache-2.0"),
    ("efficientnet_b0.ra_in1k", 5_288_548, "apache-2.0"),
    ("vit_tiny_patch16_224.augreg_in21k_ft_in1k", 5_717_416, "apache-2.0"),
    ("tf_efficientnetv2_b0.in1k", 7_139_704, "apache-2.0"),
    ("resnet18.a1_in1k", 11_689_512, "apache-2.0"),
    ("convnextv2_nano.fcmae_ft_in22k_in1k", 15_623_800, "cc-by-nc-4.0"),
    ("vit_small_patch16_224.augreg_in21k_ft_in1k", 22_050_664, "apache-2.0"),
    ("vit_small_patch14_dinov2.lvd142m", 22_056_192, "apache-2.0"),
    ("resnet50.a1_in1k", 25_557_032, "apache-2.0"),
    ("vit_base_patch16_224.augreg2_in21k_ft_in1k", 86_567_656, "apache-2.0"),
)
"""Name, parameters with the original head, licence of the weights."""


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
            ModelInfo(
                name=f"timm:{name}",
                modality="image",
                parameters=parameters,
                licence=licence,
                here=hub.is_cached(f"timm/{name}"),
                note="any name of timm.list_models() works",
            )
            for name, parameters, licence in KNOWN
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
