"""The ordered list of blocks of any model: stem, encoder elements, tail."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from crosstune.core.errors import shown
from crosstune.sources.base import Block
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.trace import Trace, bypasses
from crosstune.sources.units import Unit, find_units, matrices


def find_blocks(model: nn.Module, head: str, trace: Trace, beside: Sequence[str] = ()) -> tuple[Block, ...]:
    """Group the units of a model, in call order, into stem, elements and tail.

    Everything before the first element is the stem; what runs between two elements belongs to the
    later one (a stage's downsampling); what runs after the last element, up to the last module with
    parameters, is the tail; pooling after it belongs to the last block. Parameters outside all of these
    (position embeddings, unused layers) are loose parts of the stem, so every parameter but the head's, and
    that of what moves with it, ``beside`` it, is in exactly one block. What no parameter reaches (the angles
    of rotary positions), or only one that the model keeps fixed (a table of sinusoids), belongs to no block:
    behind a cut it is simply computed again.

    Checked by: ``tests/sources/test_blocks.py`` for every family.
    """
    units = find_units(model, head, trace.calls, beside)
    last = {path: i for i, path in enumerate(trace.order)}
    first = {path: i for i, path in reversed(list(enumerate(trace.order)))}
    learned = [unit for unit in units if unit.path in first and _depends(model, unit.path, trace)]
    ran = sorted(learned, key=lambda unit: first[unit.path])
    groups = _groups(model, ran)
    loose = _loose(model, (head, *beside), [unit for _, group in groups for unit in group])
    _require_tensors(groups, trace)
    layouts = _layouts(model, [group[-1].path for _, group in groups], trace)
    blocks: list[Block] = []
    behind: set[int] = set()
    finished = 0
    for (name, group), layout in zip(groups, layouts, strict=True):
        modules = tuple(unit.path for unit in group)
        owned = [p for path in modules for p in model.get_submodule(path).parameters()]
        behind |= {id(parameter) for parameter in owned}
        finished = max(finished, *(last[path] for path in modules))
        own_loose = () if blocks else tuple(loose)
        shape = trace.shapes[modules[-1]]
        blocks.append(
            Block(
                name=name,
                modules=modules,
                loose=own_loose,
                parameters=sum(p.numel() for p in owned) + sum(loose[path] for path in own_loose),
                share=sum(trace.flops.get(path, 0) for path in modules) / max(trace.total, 1),
                width=shape[1] if layout.startswith("BC") else shape[-1],
                layout=layout,
                # A module that runs again later would be trained and frozen at once.
                cut=finished <= first[modules[-1]] and not bypasses(trace, trace.nodes[modules[-1]], behind),
            )
        )
    return tuple(blocks)


def _depends(model: nn.Module, path: str, trace: Trace) -> bool:
    """Say whether a module has parameters to learn, or what it gives depends on any."""
    own = any(parameter.requires_grad for parameter in model.get_submodule(path).parameters())
    return own or trace.nodes.get(path) is not None


def _groups(model: nn.Module, ran: Sequence[Unit]) -> list[tuple[str, list[Unit]]]:
    """Split the units, in call order, into named groups."""
    weighted = [
        i for i, unit in enumerate(ran) if any(True for _ in model.get_submodule(unit.path).parameters())
    ]
    elements = [i for i, unit in enumerate(ran) if unit.element]
    if not elements:  # a plain chain of layers, such as VGG: every weight matrix after the first is one
        elements = [i for i in weighted if matrices(model.get_submodule(ran[i].path))][1:]
    if not elements:
        elements = weighted[-1:]
    first, last = elements[0], max(elements[-1], weighted[-1])
    groups = [("stem", list(ran[:first]))] if first else []
    starts = [first, *(element + 1 for element in elements)]
    for number, (start, end) in enumerate(pairwise(starts), start=1):
        groups.append((f"block {number}", list(ran[start:end])))
    if last > elements[-1]:
        groups.append(("tail", list(ran[elements[-1] + 1 : last + 1])))
    for unit in ran[last + 1 :]:  # pooling: what a cut behind the last block stores is then small
        if "Pool" not in type(model.get_submodule(unit.path)).__name__:
            break
        groups[-1][1].append(unit)
    return groups


def _require_tensors(groups: Sequence[tuple[str, list[Unit]]], trace: Trace) -> None:
    """Raise ``UnsupportedModel`` where a block's output is not a tensor with 2 to 4 axes."""
    odd = [path for _, group in groups if len(trace.shapes.get(path := group[-1].path, ())) not in {2, 3, 4}]
    if odd:
        raise UnsupportedModel(
            "the features of a model cannot be pooled",
            found=f"modules whose output is not a tensor with 2 to 4 axes: {shown(odd)}",
            expected="pictures (B, C, H, W) or (B, H, W, C), tokens (B, T, C), or vectors (B, C)",
            fix="choose another model; `crosstune models` lists them",
        )


def _loose(model: nn.Module, heads: Sequence[str], units: Sequence[Unit]) -> dict[str, int]:
    """Map the path of every parameter outside all units and the head to its size."""
    prefixes = tuple(f"{path}." for path in (*heads, *(unit.path for unit in units)))
    return {
        name: parameter.numel()
        for name, parameter in model.named_parameters()
        if not name.startswith(prefixes)
    }


def _layouts(model: nn.Module, paths: Sequence[str], trace: Trace) -> list[str]:
    """Name the axes of the output of each module.

    Three axes are channels-first behind a convolution over time, else tokens. Four axes are channels-first
    where the last two are equal, channels-last where the middle two are; where all three are equal, they
    are like the block before (or channels-first).
    """
    layouts: list[str] = []
    for path in paths:
        shape = trace.shapes[path]
        if len(shape) == 3 and isinstance(model.get_submodule(path), nn.Conv1d):
            layouts.append("BCT")
        elif len(shape) != 4:
            layouts.append({2: "BC", 3: "BTC"}[len(shape)])
        elif shape[2] == shape[3] != shape[1]:
            layouts.append("BCHW")
        elif shape[1] == shape[2] != shape[3]:
            layouts.append("BHWC")
        else:
            before = [layout for layout in layouts if len(layout) == 4]
            layouts.append(before[-1] if before else "BCHW")
    return layouts
