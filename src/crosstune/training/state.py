"""Everything that a training run is between two steps: taken apart into files, and put together again.

``state.safetensors`` holds tensors: what moves (``live/``), the optimizer's (``optimizer/<parameter>/``), a
moving average (``average/``) and the best outputs on validation. ``state.json`` holds everything else. The
best weights and the ingredients of a soup lie beside them, as links to the files that the run keeps anyway.

Randomness needs no state: every draw comes from (seed, step) or (seed, epoch, example).
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from crosstune.core.codec import pack, unpack
from crosstune.core.files import read_json, write_json
from crosstune.tasks.structured import Structured
from crosstune.training.checkpointing import switch_on
from crosstune.training.pace import Pace
from crosstune.training.shards import gathered, spread_like
from crosstune.training.snapshot import restore as put_back

if TYPE_CHECKING:
    from crosstune.training.loop import Loop

FORMAT = 1
TENSORS, VALUES = "state.safetensors", "state.json"
PLAIN = ("step", "epoch", "total", "evaluated_at", "without_gain", "stopped", "ended", "train_seconds",
         "evaluation_seconds", "losses", "history", "retried", "rate_factor", "warnings")  # fmt: skip
"""Fields of the loop that are kept as they are."""
EPOCHS = "setting epochs"
"""Entry of a fingerprint."""


def tensors(loop: "Loop", *, keep: bool = True) -> dict[str, Tensor]:
    """Name every tensor that a checkpoint must hold; those on the CPU are not copied.

    Where the model is spread over processes all of them must ask, also those that do not ``keep`` it.
    """
    found = {f"live/{name}": tensor for name, tensor in loop.live.items()}
    for name, key, value in _optimizer_state(loop):
        if isinstance(value, Tensor):
            found[f"optimizer/{name}/{key}"] = value
    if loop.average:
        found |= {f"average/{name}": tensor for name, tensor in loop.average.average.items()}
    if loop.best_outputs is not None and not _answers(loop):
        found["best_outputs"] = torch.from_numpy(loop.best_outputs)
    wholes = ((name, gathered(tensor.detach())) for name, tensor in found.items())
    return {name: tensor.cpu().contiguous() for name, tensor in wholes if keep}


def values(loop: "Loop") -> dict[str, Any]:
    """Give everything that is no tensor, as JSON."""
    names = _names(loop)
    state: dict[str, dict[str, Any]] = {}
    for name, key, value in _optimizer_state(loop):
        if not isinstance(value, Tensor):
            state.setdefault(name, {})[key] = value
    groups = [
        {key: value for key, value in group.items() if key != "params"}
        | {"names": [names[id(parameter)] for parameter in group["params"]]}
        for group in loop.optimizer.param_groups
    ]
    held = {name: getattr(loop, name) for name in PLAIN}
    held |= {
        "format": FORMAT,
        "elapsed": time.monotonic() - loop.started,
        "since": loop.since,
        "pace": (loop.pace.step, loop.pace.evaluation),
        "schedule": {key: getattr(loop.schedule, key) for key in ("position", "last", "last_later", "total")},
        "micro_batch": loop.session.loader.micro_batch,
        "evaluation_batch": loop.session.evaluator.batch_size,
        "gradient_checkpointing": loop.session.checkpointing,
        "groups": groups,
        "optimizer": state,
        "updates": loop.average.updates if loop.average else 0,
        "domain_weights": loop.update.across.weights.tolist() if loop.update.across else None,
        "keeper": {
            "score": loop.keeper.score,
            "step": loop.keeper.step,
            "best": loop.keeper.weights is not None,
            "ingredients": [(one.step, one.score) for one in loop.keeper.ingredients],
        },
        "best_answers": loop.best_outputs if _answers(loop) else None,
        "fingerprint": loop.session.fingerprint,
    }
    plain: dict[str, Any] = pack(held, {})
    return plain


def write_tensors(held: dict[str, Tensor], path: Path) -> None:
    """Write the tensors of a checkpoint."""
    save_file(held, path)


def write_values(held: dict[str, Any], path: Path) -> None:
    """Write the values of a checkpoint."""
    write_json(path, held)


def read_values(folder: Path) -> dict[str, Any]:
    """Read the values of a checkpoint that verified."""
    held: dict[str, Any] = unpack(read_json(folder / VALUES), {}, {})
    return held


def restore(loop: "Loop", folder: Path, held: dict[str, Any]) -> None:
    """Make ``loop`` what it was when ``folder`` was written."""
    found = load_file(folder / TENSORS)
    loop.begin_again()
    loop.open_until(held["epoch"])
    for name in PLAIN:
        setattr(loop, name, held[name])
    loop.started = time.monotonic() - held["elapsed"]
    loop.since = held["since"]
    loop.pace = Pace(step=held["pace"][0], evaluation=held["pace"][1])
    for key, value in held["schedule"].items():
        setattr(loop.schedule, key, value)
    kept = found["best_outputs"].numpy() if "best_outputs" in found else None
    loop.best_outputs = held.get("best_answers") if kept is None else kept
    put_back(loop.live, {name: found[f"live/{name}"] for name in loop.live})
    _restore_optimizer(loop, found, held)
    if loop.average:
        put_back(loop.average.average, {name: found[f"average/{name}"] for name in loop.average.average})
        loop.average.updates = held["updates"]
    if loop.update.across:
        loop.update.across.weights = np.asarray(held["domain_weights"])
    about = held["keeper"]
    loop.keeper.restore(
        folder, score=about["score"], step=about["step"], best=about["best"], ingredients=about["ingredients"]
    )
    loop.session = replace(
        loop.session,
        loader=replace(loop.session.loader, micro_batch=held["micro_batch"]),
        evaluator=replace(loop.session.evaluator, batch_size=held["evaluation_batch"]),
    )
    if held.get("gradient_checkpointing") == "on":
        switch_on(loop.model)
        loop.session = replace(loop.session, checkpointing="on")
    if held["ended"] and extends(held["fingerprint"], loop.session.fingerprint):
        _reopen(loop)


def _answers(loop: "Loop") -> bool:
    """Say whether what is kept of the best weights are answers, which are values and no tensors."""
    return isinstance(loop.session.task, Structured)


def extends(then: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Say whether a run with the fingerprint ``now`` is that of ``then`` with more epochs, or may be."""
    return EPOCHS in then and EPOCHS in now and float(now[EPOCHS]) > float(then[EPOCHS])


def _reopen(loop: "Loop") -> None:
    """Let a run that has ended go on: as a run of so many epochs does from this step on.

    The weights, the optimizer, the averages, the best and the history stay. With a constant rate the result
    is that of a run that was asked for all these epochs from the start.
    """
    loop.ended, loop.stopped, loop.without_gain = False, "epochs", 0
    loop.total = loop.session.planned
    loop.schedule.total, loop.schedule.position = loop.total, float(loop.step)


def _names(loop: "Loop") -> dict[int, str]:
    return {id(parameter): name for name, parameter in loop.model.named_parameters()}


def _optimizer_state(loop: "Loop") -> Iterator[tuple[str, str, Any]]:
    """Yield (parameter, key, value) of everything that the optimizer remembers."""
    names = _names(loop)
    for parameter, state in loop.optimizer.state.items():
        for key, value in state.items():
            yield names[id(parameter)], str(key), value


def _restore_optimizer(loop: "Loop", found: dict[str, Tensor], held: dict[str, Any]) -> None:
    """Put back rates, counters and moments; moments get the memory layout of their parameters."""
    names = _names(loop)
    by_name = {names[id(p)]: p for group in loop.optimizer.param_groups for p in group["params"]}
    for group, kept in zip(loop.optimizer.param_groups, held["groups"], strict=True):
        if [names[id(parameter)] for parameter in group["params"]] != kept["names"]:
            raise ValueError("the checkpoint's groups of parameters are not those of this run")
        group.update({key: value for key, value in kept.items() if key != "names"})
    loop.optimizer.state.clear()
    for key, tensor in found.items():
        if key.startswith("optimizer/"):
            name, field = key.removeprefix("optimizer/").rsplit("/", 1)
            parameter = by_name[name]
            loop.optimizer.state[parameter][field] = _like(tensor, parameter)
    for name, state in held["optimizer"].items():
        loop.optimizer.state[by_name[name]].update(state)


def _like(tensor: Tensor, parameter: Tensor) -> Tensor:
    if tensor.shape != parameter.shape:
        return tensor.to(parameter.device)
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(spread_like(tensor, parameter))
