"""Models in a local folder."""

from pathlib import Path

from crosstune.core.refused import refuse
from crosstune.sources.base import Backbone, ModelInfo, OpenOptions
from crosstune.sources.errors import UnknownModel
from crosstune.sources.folders import open_folder


class LocalSource:
    """A path to a folder: a run, its ``model`` folder, a timm or a transformers folder."""

    name = "local"

    def claims(self, name: str) -> bool:
        """Say whether the name is a path, or something of that name is here."""
        return name.startswith(("/", ".", "~")) or Path(name).exists()

    def open(self, name: str, options: OpenOptions) -> Backbone:
        """Open a folder with a new head; raises ``UnknownModel`` where it holds no model."""
        folder = Path(name).expanduser()
        if not folder.is_dir():
            refuse(folder)
            near = [str(one) for one in folder.parent.glob("*/")] if folder.parent.is_dir() else []
            raise UnknownModel(name, reason="there is no such folder", choices=near)
        return open_folder(folder, name, options, source=self.name)

    def available(self) -> list[ModelInfo]:
        """List nothing: folders are named by their path."""
        return []
