"""Optimizers by name."""

from torch import optim
from torch.distributed.tensor import DTensor

from crosstune.core.extras import require
from crosstune.core.settings import Settings
from crosstune.training.parameters import Group


def make_optimizer(settings: Settings, groups: list[Group]) -> optim.Optimizer:
    """Build the optimizer that ``settings`` names; rates and decay come with the groups.

    adamw: decoupled decay (Loshchilov and Hutter 2019); adam and sgd: decay as an L2 term of the
    gradient; schedule-free: AdamW with averaged iterates (Defazio 2024), in train mode at once. The first
    three are torch's fused ones: several times faster on a CPU, and blind to strides, so that gradients
    must have the layout of their parameters (``update.py`` sees to it). The fused sgd does not know of
    parameters that are spread over processes (torch 2.15); its plain one serves there.

    Raises:
        MissingExtra: schedule-free is asked for and not installed.
    """
    match settings.optimizer:
        case "adamw":
            return optim.AdamW(groups, lr=settings.lr, fused=True)
        case "adam":
            return optim.Adam(groups, lr=settings.lr, fused=True)
        case "sgd":
            spread = any(isinstance(one, DTensor) for group in groups for one in group["params"])
            return optim.SGD(groups, lr=settings.lr, momentum=settings.momentum, fused=not spread)
        case "schedule-free":
            package = require("schedulefree", extra="schedule-free", purpose="optimizer=schedule-free")
            optimizer: optim.Optimizer = package.AdamWScheduleFree(groups, lr=settings.lr)
            optimizer.train()  # type: ignore[attr-defined]
            return optimizer
        case other:
            raise ValueError(f"unknown optimizer {other}")


def set_rates(optimizer: optim.Optimizer, share: float, later: float | None = None) -> None:
    """Give every group ``share`` of its peak rate.

    With ``later``, groups that wait get that share instead. As long as it is zero they are frozen, not only
    slow: without a gradient they neither cost its computation nor count in the norm that is clipped.
    """
    for group in optimizer.param_groups:
        waits = later is not None and group["waits"]
        group["lr"] = group["peak"] * (later if waits else share)
        for parameter in group["params"] if waits else ():
            parameter.requires_grad_(later != 0.0)
            parameter.grad = None
