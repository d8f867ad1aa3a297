"""Pictures that are nearly equal, or nearly the mirror of each other: candidate pairs from tiny thumbnails.

A picture is kept as its grey thumbnail of 9 x 8 pixels. Its dHash has one bit for each pair of neighbours
in a row: whether it gets brighter to the right. Two hashes of 64 bits within 6 bits agree exactly in at
least two of eight parts, so that equal pairs of parts, 28 tables of them, find every such pair; a large
bucket is searched only among neighbours in sorted order, which keeps the time linear.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from crosstune.data.gate.rows import Rows, blocks

ROWS, COLUMNS = 8, 9
THUMB = ROWS * COLUMNS
"""Bytes of a thumbnail."""

MOST_BITS = 6
"""Bits in which two hashes may differ. MEASURED on 2,000 photographs with plain dHash: copies by JPEG at
quality 40, resizing, brightness and blur stay within; none of 399,800 other pairs does."""

MOST_IN_ALL = 10
"""The same over all three hashes of a thumbnail (to the right, down, levels) together. MEASURED: keeps 0.99
of copies at JPEG quality 40, 0.93 at brightness x 0.7, 0.90 of 4 % crops."""

STEP = 4
"""Grey levels by which the right neighbour must be brighter.

MEASURED on tiles of photographs, share within 6 bits at 0 and at 4: JPEG at quality 40 0.90 and 1.00,
brightness x 1.2 0.81 and 0.99, 4 % cropped 0.89 and 0.96. Where a picture is smooth, plain dHash has noise.
"""

LIKENESS = 0.99
"""Least correlation of two thumbnails. MEASURED: benchmarks/gate.py."""

FLAT = 4.0
"""Thumbnails whose grey levels deviate less than this say nothing: blank pages are all alike. ASSUMED."""

WINDOW = 4
"""How many neighbours of a bucket, in sorted order, a hash is compared with."""

_BATCH = 20_000


def pack(bits: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Pack ``(N, 8, 8)`` bits to ``(N,)``; every byte takes one bit of each row and each column.

    Borders are often flat; rows as bytes would put every picture with a flat border in one bucket.
    """
    row, column = np.divmod(np.arange(64), 8)
    mixed = bits.reshape(-1, 64)[:, np.argsort((row + column) % 8 * 8 + row, kind="stable")]
    return np.ascontiguousarray(np.packbits(mixed, axis=1)).view(np.uint64).ravel()


def dhashes(thumbs: NDArray[np.uint8]) -> tuple[NDArray[np.uint64], ...]:
    """Hash ``(N, 72)`` thumbnails by steps to the right, by steps down, and by levels, ``(N,)`` each."""
    planes = thumbs.reshape(-1, ROWS, COLUMNS).astype(np.int16)
    down = np.zeros((len(planes), 8, 8), np.bool_)
    down[:, :7] = planes[:, :-1, :8] + STEP < planes[:, 1:, 1:]
    levels = planes[:, :, :8] > planes.mean(axis=(1, 2), keepdims=True)
    return pack(planes[:, :, :-1] + STEP < planes[:, :, 1:]), pack(down), pack(levels)


def candidates(thumbs: Rows | NDArray[np.uint8]) -> NDArray[np.int64]:
    """Find pairs of rows whose thumbnails are alike, as they are or mirrored.

    Args:
        thumbs: ``(N, 72)``, grey, row by row.

    Returns:
        ``(P, 2)`` row numbers, the smaller first, sorted, each pair once.

    Cost: 28 sorts of 2 N integers; 0.8 CPU seconds for 10,000 of Fashion-MNIST with
    everything that follows. Memory: some 90 bytes for each row, and the pairs.
    Checked by: ``tests/data/gate/test_dhash.py``.
    """
    table = thumbs if isinstance(thumbs, Rows) else Rows([thumbs])
    rows, hashes = _hashes(table)
    size = 2 * len(rows)
    codes = np.empty(0, np.int64)
    for left, right in _close(hashes, len(rows)):
        codes = _distinct(np.concatenate([codes, left * size + right]))  # memory stays small
    left, right = np.divmod(codes, max(1, size))
    one, other = rows[left % max(1, len(rows))], rows[right % max(1, len(rows))]
    good = alike(table, one, other, (left >= len(rows)) | (right >= len(rows)))
    low, high = np.minimum(one[good], other[good]), np.maximum(one[good], other[good])
    pairs = _distinct(low * len(table) + high)
    return np.stack(np.divmod(pairs, max(1, len(table))), axis=1)


def _hashes(table: Rows) -> tuple[NDArray[np.int64], list[NDArray[np.uint64]]]:
    """Return the rows that are not flat, and their three hashes: first as they are, then mirrored."""
    rows: list[NDArray[np.int64]] = []
    sides: list[tuple[tuple[NDArray[np.uint64], ...], tuple[NDArray[np.uint64], ...]]] = []
    for cut in blocks(len(table)):
        place = np.arange(cut.start, cut.stop)
        chosen = table.take(place)
        uneven = chosen.std(axis=1) >= FLAT
        chosen = chosen[uneven]
        turned = np.ascontiguousarray(chosen.reshape(-1, ROWS, COLUMNS)[:, :, ::-1]).reshape(-1, THUMB)
        rows.append(place[uneven])
        sides.append((dhashes(chosen), dhashes(turned)))
    if not rows:
        return np.empty(0, np.int64), [np.empty(0, np.uint64)] * 3
    return np.concatenate(rows), [
        np.concatenate([side[turn][kind] for turn in range(2) for side in sides]) for kind in range(3)
    ]


def _distinct(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort and drop repetitions; ``np.unique`` hashes, which is ten times slower here."""
    ordered = np.sort(codes)
    return ordered[np.flatnonzero(np.diff(ordered, prepend=-1))]


def _close(
    hashes: Sequence[NDArray[np.uint64]], count: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Give pairs of entries within ``MOST_BITS``; of two mirror images neither, and of one picture none."""
    parts = hashes[0].view(np.uint8).reshape(-1, 8)
    for first, second in combinations(range(8), 2):
        order = [first, second, *(part for part in range(8) if part not in (first, second))]
        # Big-endian: the two chosen bytes lead, and the others bring like hashes together within a bucket.
        keys = np.ascontiguousarray(parts[:, order]).view(">u8").ravel().astype(np.uint64)
        places = np.argsort(keys)
        found = [
            pair
            for cut in blocks(len(places), _BATCH)
            # A block sees the first neighbours of the next one too, so that no pair is lost at its edge.
            for pair in _neighbours(places[cut.start : cut.stop + WINDOW], keys, hashes, count)
        ]
        if found:
            left, right = np.concatenate(found, axis=1)
            yield left, right


def _neighbours(
    places: NDArray[np.intp], keys: NDArray[np.uint64], hashes: Sequence[NDArray[np.uint64]], count: int
) -> Iterator[NDArray[np.intp]]:
    """Give ``(2, P)`` entries that lie close in sorted order, in one bucket, and differ in few bits."""
    across, down, levels = (found[places] for found in hashes)
    bucket = keys[places] >> np.uint64(48)
    for step in range(1, WINDOW + 1):
        near = bucket[step:] == bucket[:-step]
        if not near.any():
            return
        bits = np.bitwise_count(across[step:] ^ across[:-step])
        near &= bits <= MOST_BITS
        bits += np.bitwise_count(down[step:] ^ down[:-step])
        bits += np.bitwise_count(levels[step:] ^ levels[:-step])
        near &= bits <= MOST_IN_ALL
        left, right = places[:-step][near], places[step:][near]
        useful = ((left < count) | (right < count)) & (left % count != right % count)
        yield np.sort(np.stack([left[useful], right[useful]]), axis=0)


def alike(
    thumbs: Rows,
    left: NDArray[np.intp],
    right: NDArray[np.intp],
    mirrored: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Say whether the thumbnails of each pair correlate by ``LIKENESS``; ``mirrored`` turns the right one."""
    good = np.zeros(len(left), np.bool_)
    for cut in blocks(len(left)):
        one = thumbs.take(left[cut]).astype(np.float32)
        planes = thumbs.take(right[cut]).reshape(-1, ROWS, COLUMNS)
        planes = np.where(mirrored[cut, None, None], planes[:, :, ::-1], planes)
        good[cut] = correlation(one, planes.reshape(-1, THUMB).astype(np.float32)) >= LIKENESS
    return good


def correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """Correlate rows of two ``(N, D)`` arrays; 0 where one of a pair is constant."""
    one, other = one - one.mean(axis=1, keepdims=True), other - other.mean(axis=1, keepdims=True)
    product: NDArray[np.float32] = (one * other).sum(axis=1)
    scale = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
    result: NDArray[np.float32] = np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)
    return result
