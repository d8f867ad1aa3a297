"""One effective step: gradients of all micro-batches summed, divided once, checked, applied."""

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch
from accelerate import Accelerator
from torch import Tensor, nn, optim

from crosstune.core.errors import OutOfMemory
from crosstune.core.items import Items
from crosstune.core.memory import is_out_of_memory
from crosstune.core.seeding import derived_seed
from crosstune.tasks.base import LossSum
from crosstune.training.across import AcrossDomains, Seen
from crosstune.training.errors import NonFiniteLoss
from crosstune.training.forward import autocast
from crosstune.training.l2_sp import L2SP
from crosstune.training.loader import Loaded
from crosstune.training.neftune import EmbeddingNoise
from crosstune.training.recovery import Buffers
from crosstune.training.shards import total_norm

Loss = Callable[[Tensor, Tensor], LossSum]


@dataclass(frozen=True, kw_only=True)
class Updater:
    """Makes updates; all that stays the same from step to step."""

    forward: nn.Module
    """:class:`crosstune.training.forward.Forward`, possibly wrapped by accelerate."""
    optimizer: optim.Optimizer
    loss: Loss
    accelerator: Accelerator
    items: Items
    """For naming the examples of a bad batch."""
    seed: int
    clip_norm: float
    bf16: bool = False
    channels_last: bool = False
    l2_sp: L2SP | None = None
    across: AcrossDomains | None = None
    """The objective of a training across domains, where it is not the plain mean."""
    noise: EmbeddingNoise | None = None
    """What NEFTune adds to embeddings, where it is on."""
    spread: bool = False
    """Whether the model is spread over processes: its gradients are summed after every micro-batch, since
    keeping whole ones would take the memory that spreading saves."""

    def __call__(self, loaded: Sequence[Loaded], *, step: int, epoch: int) -> float:
        """Make one update at the optimizer's present rates; returns the mean loss of the batch.

        The gradient is that of ``sum of losses / sum of weights`` over all micro-batches and processes:
        sums are differentiated as they come and divided once at the end, so that neither the number of
        micro-batches nor of processes nor uneven weights change the result. (DDP and FSDP average over
        processes, hence the factor of their number.) A batch without any weight changes nothing.

        Raises:
            NonFiniteLoss: before the update; the weights stay as they were.

        Checked by: ``tests/training/test_update.py``: 8 x 1 equals 4 x 2, and the closed form of SGD.
        """
        self.optimizer.zero_grad(set_to_none=True)
        sums = self._accumulate(loaded, step, epoch)
        total, weight = self.accelerator.reduce(sums, "sum").tolist()
        if weight == 0.0:
            return 0.0
        self._check("loss", total / weight, loaded, step, epoch)
        parameters = [
            p for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None
        ]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        scale = self.accelerator.num_processes / weight
        if self.l2_sp:
            self.l2_sp.add_to_gradients(parameters, 1.0 / scale)
        norm = total_norm(gradients) * scale
        self._check("gradient", norm, loaded, step, epoch)
        if self.clip_norm > 0 and norm > self.clip_norm:
            scale *= self.clip_norm / norm
        torch._foreach_mul_(gradients, scale)
        match_layouts(parameters)
        self._move()
        if self.across:
            self.across.commit()
        return float(total / weight)

    def _move(self) -> None:
        """Let the optimizer step. Its state does not depend on the micro-batch, so memory must suffice."""
        try:
            self.optimizer.step()
        except Exception as error:
            if is_out_of_memory(error):
                raise OutOfMemory("the optimizer", size=1, failure=str(error)) from error
            raise

    def _accumulate(self, loaded: Sequence[Loaded], step: int, epoch: int) -> Tensor:
        sums = torch.zeros(2, device=self.accelerator.device)
        alone = len(loaded) == 1 and self.accelerator.num_processes == 1
        if self.across and not alone:
            self._look_ahead(self.across, loaded, step, epoch)
        for position, cpu_micro in enumerate(loaded):
            micro = self._on_device(cpu_micro)
            sums_up = self.spread or position == len(loaded) - 1
            with nullcontext() if sums_up else self.accelerator.no_sync(self.forward):
                outputs = self._outputs(micro, step, position, epoch)
                total, weight = self.loss(outputs, micro.targets)
                if not micro.counts:
                    total, weight = total * 0.0, weight * 0.0
                goal = self.across.objective(outputs, micro, self.loss, alone=alone) if self.across else total
                self.accelerator.backward(goal)
            sums += torch.stack([total.detach().float(), weight.detach().float()])
        return sums

    def _on_device(self, micro: Loaded) -> Loaded:
        return micro.to(self.accelerator.device, channels_last=self.channels_last)

    def _outputs(self, micro: Loaded, step: int, position: int, epoch: int) -> Tensor:
        """Compute the head's outputs with the dropout and noise of this micro-batch, whenever it is asked."""
        torch.manual_seed(derived_seed(self.seed, "step", step, position, self.accelerator.process_index))
        noise = self.noise.on(micro, epoch) if self.noise else nullcontext()
        with autocast(self.accelerator.device, bf16=self.bf16), noise:
            outputs: Tensor = self.forward(micro.batch, micro.activation)
        return outputs

    def _look_ahead(self, across: AcrossDomains, loaded: Sequence[Loaded], step: int, epoch: int) -> None:
        """Take the sums of the whole effective batch, in all processes; the model stays as it was."""
        buffers, seen = Buffers(self.forward), []
        buffers.remember()
        with torch.no_grad(), self.accelerator.no_sync(self.forward):
            for position, cpu_micro in enumerate(loaded):
                micro = self._on_device(cpu_micro)
                if micro.activation is not None:  # a suffix may compute in place
                    micro = replace(micro, activation=micro.activation.clone())
                seen.append(across.see(self._outputs(micro, step, position, epoch), micro, self.loss))
        buffers.put_back()
        across.know(Seen.added(seen, lambda one: self.accelerator.reduce(one, "sum")))

    def _check(self, what: str, value: float, loaded: Sequence[Loaded], step: int, epoch: int) -> None:
        if math.isfinite(value):
            return
        origins = self.items.origins()
        named = [origins[index] for micro in loaded for index in micro.indices]
        rate = max(group["lr"] for group in self.optimizer.param_groups)
        raise NonFiniteLoss(what, value, step=step, epoch=epoch, origins=named, rate=rate)


def match_layouts(parameters: Sequence[nn.Parameter]) -> None:
    """Give gradients the strides of their parameters: fused optimizers read both as flat memory."""
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.stride() != parameter.stride():
            parameter.grad = torch.empty_like(parameter).copy_(parameter.grad)
