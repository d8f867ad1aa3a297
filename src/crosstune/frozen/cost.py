"""Whether storing activations at the cut pays: a pure function of a few measured figures."""

from dataclasses import dataclass

from crosstune.core.units import format_bytes, format_duration

DISK_SHARE = 0.8
"""Largest share of the free disk that a cache may take: assumed, so that others still find room."""
DISK_SPEED = 200e6
"""Bytes a second for writing and reading in random order: assumed, a slow SSD."""
WORTHWHILE = 0.9
"""Caching must bring the time under this share of the uncached time: below, it is not worth the disk."""


@dataclass(frozen=True)
class CacheDecision:
    """The answer, with its reason in words and the figures behind it."""

    pays: bool
    because: str
    bytes: int
    """On disk."""
    seconds_cached: float
    """Expected for storing and all epochs."""
    seconds_uncached: float


def cache_pays(
    *,
    prefix_seconds: float,
    suffix_seconds: float,
    epochs: float,
    examples: int,
    bytes_per_example: float,
    free_bytes: float,
    variants: int = 1,
    store_seconds: float | None = None,
) -> CacheDecision:
    """Compare training with and without stored activations.

    Uncached, an epoch costs ``N (prefix + suffix)``. Cached, ``N * variants * (store + write)`` once, and
    ``N (suffix + read)`` an epoch (techniques, B6).

    Args:
        prefix_seconds: forward through the frozen blocks, for each example.
        suffix_seconds: forward and backward through the rest, for each example.
        epochs: passes over the data.
        examples: N, in the training split.
        bytes_per_example: of one stored activation and what goes with it.
        free_bytes: on the disk of the cache.
        variants: augmented versions stored of each example.
        store_seconds: prefix seconds for each example under the engine that stores; ``None``: the same.

    Cost: nothing. Checked by: ``tests/frozen/test_cost.py``.
    """
    size = int(examples * variants * bytes_per_example)
    moved = bytes_per_example / DISK_SPEED
    store = prefix_seconds if store_seconds is None else store_seconds
    uncached = epochs * examples * (prefix_seconds + suffix_seconds)
    cached = examples * (variants * (store + moved) + epochs * (suffix_seconds + moved))
    pays, because = _judge(cached, uncached, size, free_bytes, epochs, variants)
    return CacheDecision(pays, because, size, cached, uncached)


def _judge(
    cached: float, uncached: float, size: int, free: float, epochs: float, variants: int
) -> tuple[bool, str]:
    times = f"{format_duration(cached)} with stored activations, {format_duration(uncached)} without"
    if size > DISK_SHARE * free:
        share = f"more than {DISK_SHARE:.0%} of the {format_bytes(free)} free"
        return False, f"stored activations would take {format_bytes(size)}, {share}"
    if epochs <= variants:
        versions = f"{variants} stored version" + ("s" if variants > 1 else "")
        return False, f"{epochs:g} epochs over {versions} read nothing twice: {times}"
    if cached > WORTHWHILE * uncached:
        return False, f"the frozen blocks are too small a part of the work: {times}"
    return True, f"{times}; {format_bytes(size)} on disk"
