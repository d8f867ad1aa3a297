"""What opening a transformers classification model depends on besides its architecture."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from crosstune.sources.base import OpenOptions, Preprocessing
from crosstune.sources.frames import Frames
from crosstune.sources.processors import Gguf

HEAD_DROPOUTS = ("classifier_dropout", "classifier_dropout_prob", "seq_classif_dropout", "cls_dropout")
"""What configs of picture and text models call the dropout before the head."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What turns raw examples into the batches of one model."""

    tool: Any
    """Of transformers, and saved beside the weights: tokenizer, image processor or feature extractor."""
    preprocessing: Preprocessing
    mask: str | None = None
    """As in ``Backbone``."""
    frames: Frames | None = None
    """As in ``Backbone``."""
    notes: tuple[str, ...] = ()
    """What a person should know of this kind of model."""


class Kind(Protocol):
    """The models of one modality."""

    @property
    def modality(self) -> str:
        """What tasks and backbones call it."""
        ...

    @property
    def auto_class(self) -> str:
        """Name of transformers' class that makes a classification model."""
        ...

    @property
    def dropouts(self) -> tuple[str, ...]:
        """What configs call the dropout before the head, the first that is there counts."""
        ...

    def types(self) -> Collection[str]:
        """List the model types for which transformers has such a class."""
        ...

    def prepare(self, config: Any) -> None:  # noqa: ANN401 - untyped
        """Change a config, in place, before the model is made of it."""
        ...

    def open(self, folder: Path, model: Any, name: str, options: OpenOptions, gguf: Gguf | None) -> Opened:  # noqa: ANN401
        """Open what belongs to a loaded model, and fit the model to it, in place.

        Raises:
            UnsupportedModel: the folder lacks it, or it has no place for an option.
            BadValue: an option is out of range.
        """
        ...

    def lines(self, task: str) -> str:
        """Give the Python lines that load a saved model with transformers."""
        ...
