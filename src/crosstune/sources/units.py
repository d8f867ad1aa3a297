"""The modules that a forward pass goes through one after the other, found without knowing the family.

*Units* are modules that do not contain each other and together hold all of a model's computation.
*Elements* are the repeated units of an encoder: transformer layers, residual bottlenecks, MBConv blocks.

A module is opened up into its children where its own ``forward`` only passes values on: containers
(``Sequential``, ``ModuleList``), whatever holds the head, and wrappers, most of whose weight matrices
lie in elements of containers of their own. Anything else, a residual block above all, stays whole.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import nn

NEVER = 1_000_000_000
"""More weight matrices than any module has."""


@dataclass(frozen=True)
class Unit:
    """One module of the sequence."""

    path: str
    element: bool
    """Whether it is one of the repeated elements of a container."""


def is_container(module: nn.Module) -> bool:
    """Say whether a module is only an ordered list of others.

    That is a list by its class, or a stage whose children are elements of one class (timm's RegNet). A
    ``ModuleDict`` is none: DenseNet's layers each read all layers before them.
    """
    if isinstance(module, nn.Sequential):
        return type(module).forward is nn.Sequential.forward
    if type(module) is nn.ModuleList:
        return True
    children = [] if isinstance(module, nn.ModuleDict) else list(module.children())
    alike = len(children) > 1 and len({type(child) for child in children}) == 1
    return alike and all(_is_element(child) for child in children)


def matrices(module: nn.Module) -> int:
    """Count the weight matrices and kernels in a module."""
    return sum(parameter.ndim >= 2 for parameter in module.parameters())


def _is_element(module: nn.Module) -> bool:
    return not is_container(module) and any(module.children()) and matrices(module) >= 2


def _in_elements(module: nn.Module) -> int:
    """Count the weight matrices in elements of containers that ``module`` or a wrapper in it owns."""
    total = 0
    for child in module.children():
        if is_container(child):
            inner = [leaf for leaf in _leaves(child) if _is_element(leaf)]
            total += sum(matrices(leaf) for leaf in inner)
        elif is_wrapper(child):
            total += matrices(child)
    return total


def _leaves(container: nn.Module) -> Iterator[nn.Module]:
    for child in container.children():
        if is_container(child):
            yield from _leaves(child)
        else:
            yield child


def is_wrapper(module: nn.Module) -> bool:
    """Say whether more than half of the weight matrices lie in elements of the module's containers."""
    return not is_container(module) and 2 * _in_elements(module) > matrices(module)


def find_units(
    model: nn.Module, head: str, calls: Mapping[str, int], beside: Sequence[str] = ()
) -> list[Unit]:
    """List the units of ``model`` without its head, in order of registration.

    Args:
        model: the whole model.
        head: path of the native head, which is left out.
        calls: how often each path was called in one forward. A module whose units run more than once
            (shared layers) stays whole, because no cut can fall inside it; a unit without parameters
            that runs more than once (one activation used everywhere) belongs to no block.
        beside: paths that are left out as well.
    """

    def descend(module: nn.Module, path: str, least: int) -> list[Unit]:
        if path == head or path in beside:
            return []
        on_the_way = path == "" or head.startswith(f"{path}.")
        if not (on_the_way or is_container(module) or is_wrapper(module)):
            return [Unit(path, element=any(module.children()) and matrices(module) >= least)]
        inside = _least(module, least) if is_container(module) else NEVER
        inner = [
            unit
            for name, child in module.named_children()
            for unit in descend(child, f"{path}.{name}" if path else name, inside)
        ]
        repeated = {unit.path for unit in inner if calls.get(unit.path, 0) > 1}
        shared = {one for one in repeated if any(True for _ in model.get_submodule(one).parameters())}
        if shared and not on_the_way and calls.get(path, 0) == 1:
            return [Unit(path, element=_is_element(module))]
        return [unit for unit in inner if unit.path not in repeated - shared]

    return descend(model, "", NEVER)


def _least(container: nn.Module, outer: int) -> int:
    """Return how many weight matrices make a child of ``container`` an element.

    One is enough beside a real element: the first block of an EfficientNet can be a single convolution.
    """
    return 1 if any(_is_element(leaf) for leaf in _leaves(container)) else outer
