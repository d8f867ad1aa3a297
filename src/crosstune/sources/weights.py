"""Weight files: safetensors only, complete, and finite."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from crosstune.core.errors import shown
from crosstune.core.files import replacing
from crosstune.sources.errors import BadWeights
from crosstune.sources.guard import read_header

WEIGHTS = "model.safetensors"


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; raises ``BadWeights`` where it is missing, cut off or not one."""
    if not path.is_file():
        raise BadWeights(
            "a weight file is missing",
            found=f"no file {path}",
            expected="the safetensors file that was saved with the model",
            fix="copy the whole model folder again, or train again",
        )
    read_header(path)
    try:
        state: dict[str, Tensor] = load_file(path)
    except SafetensorError as error:
        raise BadWeights(
            "a weight file cannot be read",
            found=f"{path}: {error}",
            expected="a complete safetensors file",
            fix="copy the file again (it was probably cut off), or train again",
        ) from error
    return state


COUNTER = ".num_batches_tracked"
"""End of the names of BatchNorm's counters of batches, which no answer depends on."""


def write_weights(model: nn.Module, path: Path) -> None:
    """Write all parameters and buffers of ``model`` to ``path``, atomically."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    require_finite(state.items(), where=path)
    with replacing(path) as temporary:
        save_file(state, temporary, metadata={"format": "pt"})


def load_weights(model: nn.Module, state: Mapping[str, Tensor], *, where: Path) -> None:
    """Load ``state`` in place; every tensor must be there, fit and be finite, else ``BadWeights``.

    BatchNorm's counters may be missing: files from before they were there are read as torch reads them.
    """
    expected = model.state_dict()
    counters = {name: value for name, value in expected.items() if name.endswith(COUNTER)}
    state = {**counters, **state}
    missing = expected.keys() - state.keys()
    extra = state.keys() - expected.keys()
    misfits = [key for key in expected.keys() & state.keys() if expected[key].shape != state[key].shape]
    if missing or extra or misfits:
        problems = {"missing": missing, "not expected": extra, "of another shape": misfits}
        raise BadWeights(
            "the weights do not fit the model that the folder describes",
            found="; ".join(f"{kind}: {shown(sorted(names))}" for kind, names in problems.items() if names),
            expected=f"the {len(expected)} tensors of the architecture",
            fix=f"restore the files of {where} as they were saved; weights and config belong together",
        )
    model.load_state_dict(state)
    require_finite(model.state_dict().items(), where=where)


def require_finite(tensors: Iterable[tuple[str, Tensor]], *, where: Path | str) -> None:
    """Raise ``BadWeights`` naming every tensor with a NaN or an infinity."""
    bad = [name for name, tensor in tensors if tensor.is_floating_point() and not _finite(tensor)]
    if bad:
        raise BadWeights(
            "the weights hold values that are not finite",
            found=f"NaN or infinity in {shown(bad)} of {where}",
            expected="finite numbers only",
            fix="use another checkpoint: this one comes from a run that diverged or was damaged",
        )


def _finite(tensor: Tensor) -> bool:
    # One reduction without a temporary mask: a NaN or an infinity survives the sum of absolute values.
    total = tensor.detach().abs().sum(dtype=torch.float64)
    return math.isfinite(float(total))


def count_parameters(path: Path) -> int:
    """Count the numbers in a safetensors file from its header alone; 0 where there is no (sound) file."""
    if not path.is_file():
        return 0
    try:
        header = read_header(path)
        return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    except (BadWeights, OSError, TypeError, KeyError):
        return 0  # it only counts, for a list; whoever opens the file says what is wrong with it
