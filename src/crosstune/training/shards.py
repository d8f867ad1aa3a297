"""A model that is spread over the processes (FSDP2), and its tensors as wholes.

The model that is spread is a copy: that of the caller stays whole, on the CPU, and is given the weights at
the end. Each block is a unit: its weights are put together when it is needed and let go again. What several
blocks share, and what is in no block, belongs to the root.
"""

import copy
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from crosstune.core.errors import DoesNotApply
from crosstune.sources.base import Backbone
from crosstune.training.forward import Forward
from crosstune.training.parallel import plugin

if TYPE_CHECKING:
    from crosstune.training.session import Session


def gathered(tensor: Tensor) -> Tensor:
    """Return the whole of a tensor that may be spread; every process must ask, in the same order."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def spread_like(tensor: Tensor, target: Tensor) -> Tensor:
    """Return the part of ``tensor``, whole in every process, that ``target`` holds here; no communication."""
    if isinstance(target, DTensor) and not isinstance(tensor, DTensor):
        here = tensor.to(target.device)
        return distribute_tensor(here, target.device_mesh, target.placements, src_data_rank=None)
    return tensor


def units(backbone: Backbone) -> list[nn.Module]:
    """List the modules of the blocks that hold parameters of their own, which nothing else shares."""
    counts = Counter(id(p) for _, p in backbone.model.named_parameters(remove_duplicate=False))
    found = []
    for path in dict.fromkeys(path for block in backbone.blocks for path in block.modules):
        module = backbone.model.get_submodule(path)
        inside = Counter(id(p) for _, p in module.named_parameters(remove_duplicate=False))
        if inside and all(counts[one] == inside[one] for one in inside):
            found.append(module)
    return found


def spread(session: "Session") -> "Session":
    """Split a copy of the session's model over all processes; the session then trains the copy.

    Raises:
        DoesNotApply: the model generates, which was never tried on parts of one.

    Cost: a whole model on the CPU of each process, besides its part.
    Checked by: ``tests/training/test_fsdp.py``.
    """
    whole = session.backbone
    if whole.generate is not None:
        raise DoesNotApply(
            "a model that writes piece by piece is not spread over processes yet",
            found=f"parallel=fsdp with {whole.name}",
            expected="each process holding the whole model",
            fix="--set parallel=ddp",
        )
    accelerator, options = session.accelerator, plugin()
    own = replace(whole, model=copy.deepcopy(whole.model))
    whole.model.to("cpu")
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    forward = Forward(own)
    for module in (*units(own), forward):  # the root too: after an evaluation no backward pass lets it go
        fully_shard(module, mesh=mesh, reshard_after_forward=bool(options.reshard_after_forward))
    evaluator = replace(session.evaluator, even=True)
    return replace(session, backbone=own, forward=forward, evaluator=evaluator, whole=whole)


def total_norm(gradients: list[Tensor]) -> float:
    """Return the norm over all gradients and, where they are spread, over all processes."""
    return float(gathered(torch.nn.utils.get_total_norm(gradients)))
