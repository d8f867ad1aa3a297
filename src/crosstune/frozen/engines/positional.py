"""A module that takes its tensors by position: what tracers and exporters understand."""

from collections.abc import Sequence

from torch import Tensor, nn


class Positional(nn.Module):
    """Calls ``module`` with keyword arguments named ``names``, in that order."""

    def __init__(self, module: nn.Module, names: Sequence[str]) -> None:
        super().__init__()
        self.module = module
        self.names = tuple(names)
        self.training = module.training

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Run the module."""
        outputs: tuple[Tensor, ...] = self.module(**dict(zip(self.names, tensors, strict=True)))
        return outputs
