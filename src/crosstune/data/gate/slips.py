"""Class names that look like slips of the pen: "cta" in two rows, where a hundred rows are "cat"."""

import re
from collections.abc import Mapping
from statistics import median

from crosstune.core.errors import shown
from crosstune.data.gate.finding import MOST_ITEMS, WARNING, Finding
from crosstune.data.targets import plain_name

MOST_ROWS = 3
"""Rows of a class whose name may be a slip. ASSUMED: a slip that is made more often is a habit."""

TIMES, USUAL = 20, 10
"""How many times as many rows the class of the right name has at least, and the median class. ASSUMED. The
second keeps long tails quiet, where small classes are the rule."""

SHORT, SWAPPED = 5, 3
"""Letters that a word must have before one letter too many, too few, or another is a slip, and before two
neighbours that have changed places are. ASSUMED: "car", "cart", "cat", "bat" and "tar" are words."""

MOST = 100
"""Small classes beyond which nothing is compared: then they are a long tail."""


def slip_findings(counts: Mapping[str, int]) -> list[Finding]:
    """Warn of small classes whose name is one slip away from that of a large one.

    Names that differ in a digit, in a word of one or two letters, in the first letter of a word, or in a
    Roman numeral are left alone: "b1" and "b2", "type A" and "type B", "typical" and "atypical", "II" and
    "III" are different things.

    Args:
        counts: good training rows by class.

    Checked by: ``tests/data/gate/test_slips.py``.
    """
    present = {name: count for name, count in counts.items() if count}
    if not present:
        return []
    usual = median(present.values())
    small = [name for name, count in present.items() if count <= MOST_ROWS and USUAL * count <= usual]
    if len(small) > MOST:
        return []
    pairs = []
    for name in small:
        large = [other for other, count in present.items() if count >= TIMES * present[name]]
        near = [other for other in large if is_slip(plain_name(name), plain_name(other))]
        if near:
            pairs.append((name, max(near, key=lambda other: present[other])))
    if not pairs:
        return []
    items = tuple(f"`{name}` ({present[name]:,}) = `{other}` ({present[other]:,})" for name, other in pairs)
    return [
        Finding(
            severity=WARNING,
            code="similar-class-names",
            sentence=f"{len(pairs):,} classes of a few rows have nearly the name of a large class: "
            f"{shown(items, most=5)}",
            fix="if they are slips, correct them; each is a class of its own now",
            items=items[:MOST_ITEMS],
        )
    ]


def is_slip(one: str, other: str) -> bool:
    """Say whether two names differ by one slip in one word: a letter too many, too few, other, or swapped."""
    words = list(zip(one.split(), other.split(), strict=False))
    different = [pair for pair in words if pair[0] != pair[1]]
    if len(one.split()) != len(other.split()) or len(different) != 1:
        return False
    left, right = sorted(different[0], key=len)
    same = next((place for place, pair in enumerate(zip(left, right, strict=False)) if pair[0] != pair[1]),
                len(left))  # fmt: skip
    tails = left[same:], right[same:]
    if same == 0 or not (tails[0] + tails[1]).isalpha() or _roman(left) or _roman(right):
        return False
    swapped = len(tails[0]) > 1 and tails[0] == tails[1][1::-1] + tails[1][2:]
    if swapped:
        return len(left) >= SWAPPED
    if len(left) == len(right):
        return len(left) >= SHORT and tails[0][1:] == tails[1][1:]
    plural = len(left) >= SWAPPED and right == f"{left}s"
    return plural or (len(right) >= SHORT and tails[0] == tails[1][1:])


def _roman(word: str) -> bool:
    return re.fullmatch("[ivxlcdm]+", word) is not None
