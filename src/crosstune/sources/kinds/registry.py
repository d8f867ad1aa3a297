"""All kinds of transformers models that can be opened."""

from crosstune.sources.kinds.audio import AudioKind
from crosstune.sources.kinds.base import Kind
from crosstune.sources.kinds.image import ImageKind
from crosstune.sources.kinds.text import TextKind

KINDS: dict[str, Kind] = {kind.modality: kind for kind in (ImageKind(), TextKind(), AudioKind())}
"""By modality."""


def modalities(model_type: str) -> set[str]:
    """Say what a transformers model type can read in a classification model."""
    return {modality for modality, kind in KINDS.items() if model_type in kind.types()}
