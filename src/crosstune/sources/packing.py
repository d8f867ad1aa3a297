"""Padded texts laid end to end in fewer rows, so that no time goes into padding. Shapes: B, T, A, R, L.

B texts of at most T tokens in a padded batch, A places of each whose logits are wanted; packed they fill R
rows of L tokens. Positions restart in each text, and there is no attention mask: causal models of
transformers then see by the positions where texts begin, and let no attention cross, in sdpa, eager and flash
attention alike, and within the sliding windows that the model has. A mask of four dimensions would replace
those windows, and must be of true and false for sdpa, but of numbers to add for eager attention.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heapreplace
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

LONGER = 2
"""A row is at most this many times as long as the longest text: attention grows with the square of a row."""
ENOUGH = 1.02
"""So many slots for a token are good enough; longer rows are not tried."""
TESTED = (5, 12, 9)
"""Tokens of the texts that a model is tried on."""


@runtime_checkable
class CanPack(Protocol):
    """A model whose forward can pack its batches in training."""

    packed: bool
    """Whether it does; off until it was tried, see :meth:`try_packing`."""

    def try_packing(self) -> "Difference":
        """Compare the logits of a few short texts, packed and not. The model must be in eval mode."""
        ...


@dataclass(frozen=True)
class Difference:
    """What packing changes in the logits of a model."""

    largest: float
    """Largest difference of a logit, over the standard deviation of all; infinite where it cannot be had."""
    why: str = ""
    """Why it cannot be had."""


@dataclass(frozen=True)
class Layout:
    """Where each of B texts lies."""

    row: tuple[int, ...]
    start: tuple[int, ...]
    rows: int
    """R."""
    width: int
    """L."""


def lay_out(lengths: Sequence[int]) -> Layout:
    """Choose rows of about equal length, and as few slots as can be had.

    The longest text goes first, each into the row that is emptiest (Graham 1969), for every number of rows
    that keeps a row at most ``LONGER`` times as long as the longest text. The fewest slots win, and of equal
    ones the shortest rows, as attention costs the square of a row. Equal lengths are laid out alike.

    Args:
        lengths: of B texts in tokens, at least one of them above 0.

    Cost: ``O(B log B)`` for each number of rows that is tried.
    Checked by: ``tests/sources/test_packing.py``, against all ways of laying out.
    """
    total, longest = sum(lengths), max(lengths)
    order = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    most, fewest = min(len(lengths), -(-total // longest) + 1), -(-total // (LONGER * longest))
    best = _fill(lengths, order, most)
    for rows in range(most - 1, fewest - 1, -1):
        if best.rows * best.width <= ENOUGH * total:
            break
        found = _fill(lengths, order, rows)
        if found.width <= LONGER * longest and found.rows * found.width < best.rows * best.width:
            best = found
    return best


def _fill(lengths: Sequence[int], order: Sequence[int], rows: int) -> Layout:
    """Put each text into the row that is emptiest, the first of equal ones."""
    fills = [(0, row) for row in range(rows)]
    heapify(fills)
    row, start = [0] * len(lengths), [0] * len(lengths)
    for text in order:
        start[text], row[text] = fills[0]
        heapreplace(fills, (start[text] + lengths[text], row[text]))
    return Layout(tuple(row), tuple(start), rows, max(fill for fill, _ in fills))


@dataclass(frozen=True)
class Packed:
    """A padded batch as packed rows."""

    input_ids: Tensor
    """``(R, L)``; 0 in slots that are left over."""
    position_ids: Tensor
    """``(R, L)``: within each text; 0 in slots that are left over, each of which is a text by itself."""
    slots: Tensor
    """``(B, T)``: where a token of the batch is in the flattened rows; -1 for padding."""


def pack(input_ids: Tensor, attention_mask: Tensor) -> Packed | None:
    """Lay out a batch ``(B, T)``, padded on either side; ``None`` where that would save nothing.

    Cost: one look at the lengths on the CPU.
    """
    texts, tokens = input_ids.shape
    mask = attention_mask.bool()
    lengths = mask.sum(dim=1).tolist()
    if sum(lengths) in (0, texts * tokens):
        return None
    layout = lay_out(lengths)
    if layout.rows * layout.width >= texts * tokens:
        return None
    starts = [row * layout.width + start for row, start in zip(layout.row, layout.start, strict=True)]
    within = mask.long().cumsum(-1) - 1
    slots = torch.where(mask, within + torch.tensor(starts, device=mask.device).unsqueeze(1), -1)
    numbers = input_ids.new_zeros(layout.rows * layout.width)
    positions = within.new_zeros(layout.rows * layout.width)
    numbers[slots[mask]], positions[slots[mask]] = input_ids[mask], within[mask]
    shape = layout.rows, layout.width
    return Packed(numbers.view(shape), positions.view(shape), slots)


def sample(vocabulary: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give a padded batch of short texts, the same whenever it is asked for: numbers of tokens and mask."""
    longest = max(TESTED)
    numbers = torch.arange(len(TESTED) * longest, device=device).view(len(TESTED), longest)
    lengths = torch.tensor(TESTED, device=device).unsqueeze(1)
    mask = (torch.arange(longest, device=device) < lengths).long()
    return (numbers * 7919 + 11) % vocabulary * mask, mask
