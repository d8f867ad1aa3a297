"""Which rows to hold out: in proportion to the classes, whole groups at a time. Pure arithmetic."""

from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Stratum = Hashable


def largest_remainder(counts: Sequence[int], total: int, *, most: Sequence[int]) -> list[int]:
    """Share out ``total`` in proportion to ``counts``, at most ``most`` each.

    Every share is the exact one rounded down, and what is left goes to the largest remainders (Hare's
    method); what a cap keeps from one goes to the others. The shares sum to ``total``, or to the sum of
    ``most`` where that is less.
    """
    weights = np.asarray(counts, dtype=np.float64)
    caps = np.asarray(most, dtype=np.int64)
    total = min(total, int(caps.sum()))
    if total == 0:
        return [0] * len(counts)
    exact = weights * (total / weights.sum())
    shares = np.minimum(np.floor(exact + 1e-9).astype(np.int64), caps)
    order = np.argsort(-(exact - np.floor(exact + 1e-9)), kind="stable")
    while (left := total - int(shares.sum())) > 0:
        open_ones = [index for index in order if shares[index] < caps[index]]
        shares[open_ones[:left]] += 1
    return [int(share) for share in shares]


def hold_out(
    strata: Sequence[Stratum], size: int, random: np.random.Generator, *, keep: int = 1
) -> list[int]:
    """Choose ``size`` rows in proportion to their strata; every stratum keeps ``keep`` rows behind.

    Returns:
        Row numbers, sorted; fewer than ``size`` where the strata are too small.
    """
    rows: dict[Stratum, list[int]] = {}
    for row, stratum in enumerate(strata):
        rows.setdefault(stratum, []).append(row)
    counts = [len(found) for found in rows.values()]
    shares = largest_remainder(counts, size, most=[max(0, count - keep) for count in counts])
    chosen: list[int] = []
    for found, share in zip(rows.values(), shares, strict=True):
        chosen.extend(found[index] for index in random.permutation(len(found))[:share])
    return sorted(chosen)


def hold_out_groups(
    strata: Sequence[Stratum], groups: Sequence[Hashable], size: int, random: np.random.Generator
) -> list[int]:
    """Choose whole groups with about ``size`` rows, near the proportions of the strata.

    Greedy: groups in random order, larger ones first; a group is taken if that brings the held-out
    counts nearer (in squared distance) to the wanted ones and leaves some row of every stratum behind.

    Returns:
        Row numbers, sorted; empty where no group can be taken.
    """
    table, members = _group_counts(strata, groups)
    left = table.sum(axis=0)
    wanted = left * (size / max(1, len(strata)))
    held = np.zeros_like(wanted)
    shuffled = random.permutation(len(members))
    order = shuffled[np.argsort(-table[shuffled].sum(axis=1), kind="stable")]
    chosen: list[int] = []
    for group in order:
        counts = table[group]
        nearer = ((held + counts - wanted) ** 2).sum() < ((held - wanted) ** 2).sum()
        if nearer and not ((left - counts == 0) & (counts > 0)).any():
            held, left = held + counts, left - counts
            chosen.append(group)
    if not chosen:
        chosen = [group for group in order[::-1] if _can_leave(table[group], left)][:1]
    return sorted(row for group in chosen for row in members[group])


def _can_leave(counts: NDArray[np.float64], left: NDArray[np.float64]) -> bool:
    return not ((left - counts == 0) & (counts > 0)).any()


def _group_counts(
    strata: Sequence[Stratum], groups: Sequence[Hashable]
) -> tuple[NDArray[np.float64], list[list[int]]]:
    """Count rows by group and stratum; also list each group's rows."""
    kinds = {stratum: index for index, stratum in enumerate(dict.fromkeys(strata))}
    numbers = {group: index for index, group in enumerate(dict.fromkeys(groups))}
    members: list[list[int]] = [[] for _ in numbers]
    table = np.zeros((len(numbers), len(kinds)))
    for row, (stratum, group) in enumerate(zip(strata, groups, strict=True)):
        members[numbers[group]].append(row)
        table[numbers[group], kinds[stratum]] += 1
    return table, members


def cover(
    held: Sequence[int],
    domains: Sequence[Hashable],
    together: Sequence[Hashable],
    labels: Sequence[Sequence[str]],
    *,
    keep: int,
) -> list[int]:
    """Add to the rows that are held out until every domain that can spare some has one among them.

    Args:
        held: row numbers.
        domains: of each row.
        together: rows with equal keys move together.
        labels: the classes of each row; the last row of a class is never held out.
        keep: keys of a domain that must stay behind.

    Returns:
        Row numbers, sorted. A domain gets the key with the fewest rows, the first of equals.
    """
    chosen = set(held)
    members: dict[Hashable, list[int]] = {}
    for row, key in enumerate(together):
        members.setdefault(key, []).append(row)
    covered = {domains[row] for row in chosen}
    for domain in dict.fromkeys(domains):
        if domain in covered:
            continue
        keys = dict.fromkeys(together[row] for row, other in enumerate(domains) if other == domain)
        if len(keys) <= keep:
            continue
        for key in sorted(keys, key=lambda one: len(members[one])):
            if _can_spare(members[key], chosen, domains, labels):
                chosen |= set(members[key])
                covered |= {domains[row] for row in members[key]}
                break
    return sorted(chosen)


def _can_spare(
    rows: Sequence[int], held: set[int], domains: Sequence[Hashable], labels: Sequence[Sequence[str]]
) -> bool:
    """Say whether every domain and every class of ``rows`` has another row that is not held out."""
    gone = held | set(rows)
    stay = [row for row in range(len(domains)) if row not in gone]
    classes = {name for row in stay for name in labels[row]}
    left = {domains[row] for row in stay}
    return all(domains[row] in left and classes.issuperset(labels[row]) for row in rows)


def rarest(labels: Sequence[Sequence[str]]) -> list[str]:
    """Give each row of multi-label data one stratum: its rarest label; no label is a stratum of its own."""
    counts = Counter(name for row in labels for name in row)
    return [min(row, key=lambda name: (counts[name], name)) if row else "" for row in labels]


def quantile_bins(numbers: Sequence[float], bins: int = 10) -> list[int]:
    """Give each number the index of its quantile bin, in ``0 .. bins - 1``; equal numbers share one."""
    values = np.asarray(numbers, dtype=np.float64)
    edges = np.quantile(values, np.linspace(0, 1, bins + 1)[1:-1])
    return [int(index) for index in np.searchsorted(edges, values, side="right")]
