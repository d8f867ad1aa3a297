"""The classifier that a pretrained model came with, before a new head took its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn

from crosstune.core.files import read_object
from crosstune.sources.guard import read_header

INDEX = "model.safetensors.index.json"
WHOLE = "model.safetensors"


@dataclass(frozen=True)
class SourceHead:
    """A linear classifier that reads what the native head reads. Shapes: N examples, H, Z source classes."""

    weight: NDArray[np.float32]
    """``(Z, H)``."""
    bias: NDArray[np.float32]
    """``(Z,)``."""

    @property
    def classes(self) -> int:
        """Count the source classes."""
        return len(self.weight)

    def logits(self, head_inputs: NDArray[np.floating]) -> NDArray[np.float32]:
        """Map ``(N, H)`` head inputs to ``(N, Z)`` logits."""
        found: NDArray[np.float32] = head_inputs.astype(np.float32) @ self.weight.T + self.bias
        return found

    def probabilities(self, head_inputs: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map ``(N, H)`` head inputs to ``(N, Z)`` probabilities."""
        logits = self.logits(head_inputs).astype(np.float64)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
        return found


def head_of(module: nn.Module) -> SourceHead | None:
    """Copy a linear layer that tells at least two classes apart; ``None`` for anything else."""
    return _made(module.weight, module.bias) if isinstance(module, nn.Linear) else None


def stored_head(folder: Path, path: str, width: int, settings: Mapping[str, Any]) -> SourceHead | None:
    """Read the classifier that lies at ``path`` in the safetensors files of a transformers folder.

    The loader of transformers drops it where the number of classes differs, so it is read from the file.

    Args:
        folder: of the model.
        path: of the head in the model.
        width: H.
        settings: those of ``config.json``; a model of values or of several labels has no source classes.

    Returns:
        ``None`` where the file has no such head, or the weights lie in another kind of file.
    """
    if settings.get("problem_type") not in (None, "single_label_classification"):
        return None
    weight = stored_tensor(folder, f"{path}.weight")
    if weight is None or weight.ndim != 2 or weight.shape[1] != width:
        return None
    return _made(weight, stored_tensor(folder, f"{path}.bias"))


def _made(weight: Tensor, bias: Tensor | None) -> SourceHead | None:
    if len(weight) < 2:
        return None
    array = weight.detach().float().cpu().numpy().copy()
    zeros = np.zeros(len(array), np.float32)
    return SourceHead(array, zeros if bias is None else bias.detach().float().cpu().numpy().copy())


def stored_tensor(folder: Path, name: str) -> Tensor | None:
    """Read one tensor of a transformers folder; ``None`` where no safetensors file has it."""
    file = folder / WHOLE
    if not file.is_file() and (folder / INDEX).is_file():
        placed = read_object(folder / INDEX).get("weight_map", {}).get(name)
        file = folder / Path(str(placed)).name if placed else file
    if not file.is_file() or name not in read_header(file):
        return None
    with safe_open(file, framework="pt") as handle:
        found: Tensor = handle.get_tensor(name)
    return found
