"""Hub ids: ``organisation/name``, whatever library the model was saved with."""

from collections.abc import Iterator
from pathlib import Path

from crosstune.core.errors import DamagedFile
from crosstune.core.files import read_object
from crosstune.sources import hub
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions
from crosstune.sources.folders import open_folder
from crosstune.sources.transformers_folders import modalities
from crosstune.sources.weights import WEIGHTS, count_parameters

KNOWN = (
    ("sentence-transformers/all-MiniLM-L6-v2", "text", 22_713_216, "apache-2.0"),
    ("distilbert/distilbert-base-uncased", "text", 66_362_880, "apache-2.0"),
    ("google-bert/bert-base-uncased", "text", 109_482_240, "apache-2.0"),
    ("FacebookAI/roberta-base", "text", 124_645_632, "mit"),
    ("answerdotai/ModernBERT-base", "text", 149_014_272, "apache-2.0"),
    ("facebook/dinov2-small", "image", 22_056_576, "apache-2.0"),
    ("microsoft/resnet-50", "image", 25_557_032, "apache-2.0"),
    ("google/vit-base-patch16-224", "image", 86_567_656, "apache-2.0"),
)
"""Name, modality, parameters, licence of the weights."""


class HubSource:
    """Everything else that is written like a Hub id."""

    name = "hub"

    def claims(self, name: str) -> bool:
        """Say whether the name could be a Hub id."""
        return hub.is_hub_id(name)

    def open(self, name: str, options: OpenOptions) -> Backbone:
        """Open a Hub model with a new head; raises ``UnknownModel`` where it cannot be reached."""
        folder = hub.snapshot(name, weights=options.pretrained)
        backbone = open_folder(folder, name, options, source=self.name)
        if options.pretrained:
            backbone.origin = f"the Hub, {name}, revision {folder.name}"
        return backbone

    def available(self) -> list[ModelInfo]:
        """List what is in the Hub's cache on this machine, and a few good models to download."""
        cached = {info.name: info for info in _cached()}
        listed = [
            ModelInfo(name=name, modality=modality, parameters=parameters, licence=licence, here=False)
            for name, modality, parameters, licence in KNOWN
            if name not in cached
        ]
        return [*cached.values(), *listed]


def _cached() -> Iterator[ModelInfo]:
    from huggingface_hub.constants import HF_HUB_CACHE

    for folder in sorted(Path(HF_HUB_CACHE).glob("models--*")):
        name = folder.name.removeprefix("models--").replace("--", "/")
        found = next(folder.glob("snapshots/*/config.json"), None)
        if found is None or name.startswith("timm/") or not hub.is_cached(name):
            continue
        try:
            kinds = modalities(str(read_object(found).get("model_type", "")))
        except (DamagedFile, OSError):
            continue  # a list of models is no place to complain about one of them
        for modality in sorted(kinds):
            yield ModelInfo(
                name=name,
                modality=modality,
                parameters=count_parameters(found.parent / WEIGHTS),
                licence=hub.licence_of(found.parent),
                here=True,
                note="in the Hub's cache",
            )
