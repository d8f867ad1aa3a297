"""Everything that a continued pretraining is between two steps, as a checkpoint; see ``checkpoints.py``.

Randomness needs no state: masks come from (seed, epoch, example), dropout from (seed, step), the order from
(seed, epoch).
"""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from crosstune.core.codec import pack
from crosstune.core.progress import Reporter
from crosstune.training import checkpoints
from crosstune.training.errors import ResumeMismatch
from crosstune.training.held_out import HeldOut
from crosstune.training.snapshot import restore
from crosstune.training.state import TENSORS, VALUES, read_values, write_tensors, write_values

if TYPE_CHECKING:
    from crosstune.training.pretrain import Pretraining

PLAIN = ("step", "total", "losses", "ended", "stopped", "seconds", "micro_batch")
"""Fields that are kept as they are."""


def save(run: "Pretraining") -> None:
    """Write the pretraining as it is now, between two steps.

    Raises:
        DiskFull: there is no room; the checkpoint from before stays.
    """
    names = {id(parameter): name for name, parameter in run.masked.model.named_parameters()}
    held = {f"live/{name}": tensor for name, tensor in run.live.items()}
    for parameter, state in run.optimizer.state.items():
        held |= {f"optimizer/{names[id(parameter)]}/{key}": value for key, value in state.items()}
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in held.items()}
    plain = {name: getattr(run, name) for name in PLAIN} | {
        "schedule": {key: getattr(run.schedule, key) for key in ("position", "total", "last", "last_later")},
        "held_out": {name: asdict(one) for name, one in run.held_out.items()},
        "fingerprint": run.fingerprint,
    }
    files: dict[str, checkpoints.Write] = {
        TENSORS: partial(write_tensors, tensors),
        VALUES: partial(write_values, pack(plain, {})),
    }
    needed = sum(tensor.nbytes for tensor in tensors.values()) + 64 * len(run.losses)
    name = f"step-{run.step:09d}" + ("-end" if run.ended else "")
    checkpoints.save(run.root, name, files, needed=needed)


def take_up(run: "Pretraining", reporter: Reporter) -> bool:
    """Make ``run`` what it was at its newest whole checkpoint; says whether there is one.

    Raises:
        ResumeMismatch: it is of other texts or settings.
    """
    folder = checkpoints.newest(run.root, reporter)
    if folder is None:
        return False
    held = read_values(folder)
    for name, now in run.fingerprint.items():
        if (then := held["fingerprint"].get(name)) != now:
            raise ResumeMismatch(f"{name} of the continued pretraining", str(now), str(then))
    _put_back(run, folder, held)
    reporter.say(f"continued pretraining: going on after step {run.step} of {run.total}")
    return True


def _put_back(run: "Pretraining", folder: Path, held: dict[str, Any]) -> None:
    found = load_file(folder / TENSORS)
    restore(run.live, {name: found[f"live/{name}"] for name in run.live})
    parameters = dict(run.masked.model.named_parameters())
    run.optimizer.state.clear()
    for key, tensor in found.items():
        if key.startswith("optimizer/"):
            name, field = key.removeprefix("optimizer/").rsplit("/", 1)
            run.optimizer.state[parameters[name]][field] = _like(tensor, parameters[name])
    for name in PLAIN:
        setattr(run, name, held[name])
    for name, value in held["schedule"].items():
        setattr(run.schedule, name, value)
    run.held_out = {name: HeldOut(**one) for name, one in held["held_out"].items()}


def _like(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Lay a moment out as its parameter is; the counter of updates stays a number."""
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device)
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
