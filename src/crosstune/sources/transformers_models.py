"""Hub ids: ``organisation/name``, whatever library the model was saved with."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from crosstune.core.errors import DamagedFile
from crosstune.core.files import read_object
from crosstune.sources import hub
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions
from crosstune.sources.catalogue import entries, known
from crosstune.sources.folders import open_folder
from crosstune.sources.kinds.registry import modalities
from crosstune.sources.weights import WEIGHTS, count_parameters


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
        listed = [info for info in entries() if ":" not in info.name]
        return [*cached.values(), *(info for info in listed if info.name not in cached)]


def _cached() -> Iterator[ModelInfo]:
    """Look through the Hub's cache for models that can be opened, timm's own included."""
    for name in hub.cached_models():
        if not hub.is_cached(name) or _listed_by_timm(name):
            continue
        folder = hub.cached_folder(name)
        before = known(name)
        for modality in sorted(_reads(name, folder)):
            row = before or ModelInfo(
                name=name,
                modality=modality,
                parameters=count_parameters(folder / WEIGHTS),
                licence=hub.licence_of(folder),
                here=True,
            )
            yield replace(row, here=True, note=f"in the Hub's cache {row.note}".strip())


def _listed_by_timm(name: str) -> bool:
    return name.startswith("timm/") and known(f"timm:{name.removeprefix('timm/')}") is not None


def _reads(name: str, folder: Path) -> set[str]:
    """Say what a cached model reads; nothing where its config cannot be read or is of another kind."""
    if name.startswith("timm/"):
        return {"image"}
    try:
        return modalities(str(read_object(folder / "config.json").get("model_type", "")))
    except (DamagedFile, OSError):
        return set()  # a list of models is no place to complain about one of them
