"""Head outputs and metrics on the validation split, while training."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.items import Items
from crosstune.core.targets import SIZES
from crosstune.frozen.activations import Activations
from crosstune.sources.base import Batch, Preprocessing
from crosstune.tasks.base import MetricSpec, Task
from crosstune.tasks.by_domain import OVERALL, chosen_by
from crosstune.tasks.structured import InPictures, Scored, Structured
from crosstune.training.bound import Bound
from crosstune.training.encoding import encode
from crosstune.training.forward import Forward
from crosstune.training.loader import Loaded, ahead, as_targets, taught
from crosstune.training.prepared import PreparedInputs


@dataclass(frozen=True, kw_only=True)
class Evaluator:
    """Runs the validation split through a model in eval mode.

    Always in float32, whatever training computes in: what ships computes so, and what is chosen here must be
    what ships. Half precision changes what convolutional networks give (decision 0032).
    """

    task: Task
    items: Items
    encoded: NDArray[Any]
    preprocessing: Preprocessing
    accelerator: Accelerator
    batch_size: int
    lengths: NDArray[np.int64] | None = None
    """Of texts and sounds: batches of like length waste no padding."""
    activations: Activations | None = None
    """At the cut, where they are stored."""
    channels_last: bool = False
    select_by: str = OVERALL
    """The setting of that name: what weights are chosen by."""
    even: bool = False
    """Whether every process makes equally many passes, as a model that is spread over them must."""
    bound: Bound | None = None
    """Of one forward pass, where there is one."""
    prepared: PreparedInputs | None = None
    """Where given, examples are encoded once for all evaluations."""

    @cached_property
    def chosen_by(self) -> MetricSpec:
        """What weights are chosen by: the primary metric, or one by domain."""
        return chosen_by(self.task, self.items.domains(), self.select_by)

    def outputs(self, forward: Forward, *, most: int | None = None, answering: bool = True) -> NDArray[Any]:
        """Return ``(N, K)`` head outputs, float32, or N answers, in the order of the split.

        Every process computes its own part and gets all of them. No gradient; the model must be in eval
        mode, so that the result does not depend on batches or processes (but for rounding).

        Args:
            forward: not wrapped.
            most: run only so many batches, evenly spread, and return only their rows: for timing. Of a
                structured task these are all numbers, in a row.
            answering: let a decoder write by itself, as answers need it; without, outputs can be compared
                number by number.
        """
        every = self._batches()
        own = every[self.accelerator.process_index :: self.accelerator.num_processes]
        idle = self.batches - len(own) if self.even else 0
        batches = own + every[:1] * idle
        if most is not None:
            batches = batches or every[:1]  # more processes than batches
            batches = batches[:: max(1, len(batches) // most)][:most]
        device, found = self.accelerator.device, []
        run = forward.answering if answering else forward
        with torch.no_grad():
            for loaded in ahead(lambda number: self._load(batches[number]), range(len(batches))):
                micro = loaded.to(device, channels_last=self.channels_last)
                outputs = run(micro.batch, micro.activation)
                kept = self._kept(outputs, micro.batch, whole=most is None)
                if most is None and isinstance(self.task, Scored):
                    told = forward(taught(self.task, micro.batch, micro.targets), micro.activation)
                    kept = self.task.scored(kept, told, micro.targets)
                found.append((loaded.indices, kept))
        if most is not None:
            return np.concatenate([rows for _, rows in found])
        gathered: Sequence[tuple[NDArray[np.int64], NDArray[Any]]] = gather_object(found[: len(own)])
        order = np.argsort(np.concatenate([indices for indices, _ in gathered]))
        return np.concatenate([rows for _, rows in gathered])[order]

    def _kept(self, outputs: Tensor, batch: Batch, *, whole: bool) -> NDArray[Any]:
        """Give what is kept of a batch: outputs, or the answers of a structured task.

        Of a few batches, which are timed or compared number by number, all numbers in a row.
        """
        if not isinstance(self.task, Structured):
            return outputs.float().cpu().numpy()
        if not whole:
            return outputs.float().cpu().numpy().ravel()
        if isinstance(self.task, InPictures):
            return self.task.answers_at(outputs, batch[SIZES])
        return self.task.answers(outputs)

    def figures(self, outputs: NDArray[Any]) -> dict[str, float]:
        """Return the metrics of the task as plain numbers; first the one that weights are chosen by.

        Of the costly ones only that.
        """
        cheap = {name: spec for name, spec in self.task.metrics.items() if not spec.costly}
        specs = {self.chosen_by.name: self.chosen_by, **cheap}
        return {
            name: float(spec.reduce(*spec.prepare(outputs, self.encoded))) for name, spec in specs.items()
        }

    @property
    def batches(self) -> int:
        """Count the batches of one process."""
        processes: int = self.accelerator.num_processes
        return -(-len(self._batches()) // processes)

    def _batches(self) -> list[NDArray[np.int64]]:
        order = np.arange(len(self.items))
        if self.bound is not None:
            return self.bound.cut(order, self.batch_size)
        if self.lengths is not None:
            order = np.argsort(self.lengths, kind="stable")
        return [order[start : start + self.batch_size] for start in range(0, len(order), self.batch_size)]

    def _load(self, indices: NDArray[np.int64]) -> Loaded:
        targets = as_targets(self.task, self.encoded[indices])
        if self.activations is not None:
            batch, activation = self.activations.batch(indices.tolist(), variant=0)
            return Loaded(indices, batch, targets, activation)
        if self.prepared is not None:
            return Loaded(indices, self.prepared.batch(indices.tolist()), targets)
        batch = encode(self.preprocessing, self.items.batch(indices.tolist()))
        return Loaded(indices, batch, targets)
