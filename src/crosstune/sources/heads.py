"""The new head: where it sits, how it starts, and the dropout before it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from crosstune.core.seeding import derived_seed
from crosstune.sources.errors import UnsupportedModel


@contextmanager
def seeded(seed: int, purpose: str) -> Iterator[None]:
    """Draw torch's CPU random numbers from (seed, purpose) inside, and leave them untouched outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derived_seed(seed, purpose))
        yield


def start_head(head: nn.Linear, seed: int) -> None:
    """Give the head ``nn.Linear``'s own starting values (uniform within 1/sqrt(H)), from ``seed``."""
    with seeded(seed, "head"):
        head.reset_parameters()


def path_of(model: nn.Module, wanted: nn.Module) -> str:
    """Return the path of a module inside ``model``."""
    paths: dict[int, str] = {id(module): path for path, module in model.named_modules()}
    return paths[id(wanted)]


def last_linear(model: nn.Module) -> str | None:
    """Return the path of the last ``nn.Linear`` in order of registration."""
    paths = [path for path, module in model.named_modules() if isinstance(module, nn.Linear)]
    return paths[-1] if paths else None


def replace_head(model: nn.Module, path: str, outputs: int) -> nn.Linear:
    """Put a new ``nn.Linear`` of ``outputs`` at ``path`` and return it."""
    old = model.get_submodule(path)
    if not isinstance(old, nn.Linear):
        raise no_linear_head(type(model).__name__)
    new = nn.Linear(old.in_features, outputs)
    parent, _, leaf = path.rpartition(".")
    setattr(model.get_submodule(parent), leaf, new)
    return new


def no_linear_head(name: str) -> UnsupportedModel:
    """Make the error for a model whose outputs do not come from one linear layer on a vector."""
    return UnsupportedModel(
        f"the model `{name}` does not end in a linear layer on one vector for each example",
        found="another kind of head (a convolution, a distilled pair, one output for each token ...)",
        expected="a model whose last layer is an nn.Linear from (B, H) to (B, K)",
        fix="choose another model; `crosstune models` lists them",
    )


def no_dropout(name: str) -> UnsupportedModel:
    """Make the error for a dropout setting that the model has no place for."""
    return UnsupportedModel(
        f"the model `{name}` has no classifier dropout to set",
        found="a value for `dropout`",
        expected="no value: the architecture has no dropout layer before its head",
        fix="leave out `--set dropout=...`, or choose another model",
    )
