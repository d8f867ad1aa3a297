"""Which rows, of all splits, have the same content, and which have nearly the same.

Same: equal bytes, equal pixels (a JPEG saved again as PNG), or texts that differ only in case, width of
letters and white space. Nearly the same: candidates by dHash or MinHash, compared once more before they
count.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.data.gate import dhash, minhash
from crosstune.data.gate.inputs import Inputs, normalised
from crosstune.data.gate.rows import Rows, blocks
from crosstune.data.images import decode
from crosstune.data.labelled import LabelledData
from crosstune.data.store import ORIGIN, values
from crosstune.data.threads import each_in_order

SIDE, COLOURS = 32, 4
PICTURE_LIKENESS, COLOUR_LIKENESS = 0.99, 0.95
"""Least correlation of two pictures at 32 x 32 grey pixels, and at 4 x 4 in colour. MEASURED: no pair of
5,000 MNIST digits reaches the first; 97 % of photographs at JPEG quality 40 do. Second: ASSUMED."""

MOST_DECODED = 30_000
"""Pictures that are decoded once more for comparing; the candidates of other rows are left out."""

MOST_COMPARED = 50_000
"""Pairs of texts that are compared."""

CROWD, CROWD_SHARE = 20, 0.02
"""More rows than both that hang together as nearly equal are a pattern (forms), not copies. ASSUMED."""

_BLOCK = 250
"""Pairs that are compared at a time: five copies, of 4 KB a picture, are made."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Alike:
    """The outcome; rows are numbered through all splits in their order."""

    starts: Mapping[str, int]
    """By split: the number of its first row."""
    same: NDArray[np.int64]
    """``(N,)``: for each row the first row of the same content; its own number where there is none."""
    near: NDArray[np.int64]
    """``(P, 2)``: pairs of rows, the smaller first, each the first of its content."""
    crowded: int
    """Rows whose likeness is a pattern, and counts for nothing."""
    skipped: int
    """Pairs that were not compared, because there were too many."""

    def labels(self) -> dict[str, NDArray[np.int32]]:
        """Give by split, for each row, a number that rows of the same or nearly the same content share."""
        _, found = _components(len(self.same), self.near)
        numbers = found[self.same].astype(np.int32)
        ends = [*list(self.starts.values())[1:], len(self.same)]
        return {
            split: numbers[start:end] for (split, start), end in zip(self.starts.items(), ends, strict=True)
        }


def find_alike(data: LabelledData, inputs: Mapping[str, Inputs], usable: NDArray[np.bool_]) -> Alike:
    """Compare all usable rows of all splits.

    Args:
        data: as read.
        inputs: by split, looked at with ``prints``.
        usable: ``(N,)``, rows that are not set aside.

    Cost: linear but for sorting; decodes again only pictures that seem to have a twin.
    Checked by: ``tests/data/gate/test_alike.py``.
    """
    starts = dict(
        zip(inputs, np.cumsum([0, *(len(found) for found in inputs.values())]).tolist(), strict=False)
    )
    keys = np.concatenate([found.digests().keys() for found in inputs.values()])
    keys[~usable] = np.arange(len(keys))[~usable]
    same = _first(keys)
    rows = np.flatnonzero(usable & (same == np.arange(len(same))))
    fetch = _Fetch(data, starts)
    find = _pictures if data.modality == "image" else _texts
    twins, near, skipped = find(inputs, rows, fetch)
    _, joined = _components(len(same), twins)
    same = _first(joined[same])
    near = np.unique(np.sort(same[near], axis=1), axis=0)
    near, crowded = _without_crowds(near[near[:, 0] != near[:, 1]], len(same))
    return Alike(starts=starts, same=same, near=near, crowded=crowded, skipped=skipped)


def _first(keys: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return for each row the first row with an equal key."""
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    result: NDArray[np.int64] = first[inverse].astype(np.int64)
    return result


def _components(count: int, pairs: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(pairs), np.int8)
    number, found = connected_components(
        coo_array((ones, (pairs[:, 0], pairs[:, 1])), (count, count)), directed=False
    )
    return int(number), np.asarray(found, np.int64)


def _without_crowds(near: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], int]:
    if not len(near):
        return near, 0
    _, found = _components(count, near)
    sizes = np.bincount(found)
    crowded = sizes[found[near[:, 0]]] > max(CROWD, CROWD_SHARE * count)
    return near[~crowded], len(np.unique(near[crowded]))


@dataclass(frozen=True)
class _Fetch:
    """Rows by their number through all splits."""

    data: LabelledData
    starts: Mapping[str, int]

    def __call__(self, rows: NDArray[np.int64], names: Sequence[str]) -> list[tuple[object, ...]]:
        found: dict[int, tuple[object, ...]] = {}
        for split, dataset in self.data.splits.items():
            start = self.starts[split]
            inside = rows[(rows >= start) & (rows < start + len(dataset))]
            if len(inside):
                part = dataset.select((inside - start).tolist())
                columns = [values(part, name) for name in names]
                found.update(zip(inside.tolist(), zip(*columns, strict=True), strict=True))
        return [found[row] for row in rows.tolist()]


def origins_of(alike: Alike, data: LabelledData, rows: NDArray[np.int64]) -> list[str]:
    """Return file, or file and row, of rows numbered through all splits."""
    return [str(row[0]) for row in _Fetch(data, alike.starts)(rows, [ORIGIN])]


Found = tuple[NDArray[np.int64], NDArray[np.int64], int]
"""Pairs of equal content, pairs of nearly equal content, and how many pairs were not compared."""


def _pictures(inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: _Fetch) -> Found:
    """Find pictures of equal pixels, and pictures that are nearly equal, as they are or mirrored."""
    thumbs = Rows([found.thumbnails() for found in inputs.values()], rows)
    sizes = Rows([found.table() for found in inputs.values()], rows)
    first = _first(_hashed(thumbs, sizes))
    twins = np.stack([first, np.arange(len(rows))], axis=1)[first != np.arange(len(rows))]
    pairs = np.concatenate([twins, dhash.candidates(thumbs)])
    chosen = np.unique(pairs)[:MOST_DECODED]
    kept = np.isin(pairs, chosen).all(axis=1)
    skipped, pairs = int((~kept).sum()), pairs[kept]
    pixels, digests = _looks(rows[chosen], fetch)
    left, right = np.searchsorted(chosen, pairs[:, 0]), np.searchsorted(chosen, pairs[:, 1])
    equal = digests[left] == digests[right]
    near = ~equal & _correlated(pixels, left, right)
    return rows[pairs[equal]], rows[pairs[near]], skipped


def _hashed(thumbs: Rows, sizes: Rows) -> NDArray[np.uint64]:
    """Hash thumbnails with width and height; pairs that collide are told apart by their pixels later."""
    found = np.zeros(len(thumbs), np.uint64)
    for cut in blocks(len(thumbs)):
        place = np.arange(cut.start, cut.stop)
        for column in (*thumbs.take(place).view(np.uint64).T, *sizes.take(place)[:, :2].T):
            found[cut] = (found[cut] ^ column) * _FACTOR
            found[cut] ^= found[cut] >> np.uint64(29)
    return found


def _looks(rows: NDArray[np.int64], fetch: _Fetch) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Decode pictures again: ``(N, 1072)``, grey and colours, and a hash of all pixels, ``(N,)``."""
    pixels = np.zeros((len(rows), SIDE**2 + 3 * COLOURS**2), np.uint8)
    digests = np.zeros(len(rows), np.uint64)

    def look(start: int) -> list[tuple[bytes, bytes]]:
        return [_look(cell) for (cell,) in fetch(rows[start : start + 64], [fetch.data.inputs[0]])]

    place = 0
    for found in each_in_order(look, range(0, len(rows), 64)):
        for small, digest in found:
            pixels[place] = np.frombuffer(small, np.uint8)
            digests[place] = int.from_bytes(digest, "little")
            place += 1
    return pixels, digests


def _look(cell: object) -> tuple[bytes, bytes]:
    image = decode(cell)  # type: ignore[arg-type]
    grey = image.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
    small = grey.tobytes() + image.resize((COLOURS, COLOURS), Image.Resampling.BOX).tobytes()
    content = b"%d x %d" % image.size + image.tobytes()
    return small, hashlib.blake2b(content, digest_size=8).digest()


def _correlated(
    pixels: NDArray[np.uint8], left: NDArray[np.int64], right: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Say for each pair whether one picture, or its mirror image, is like the other."""
    good = np.zeros(len(left), np.bool_)
    for start in range(0, len(left), _BLOCK):
        cut = slice(start, start + _BLOCK)
        one, other = pixels[left[cut]].astype(np.float32), pixels[right[cut]].astype(np.float32)
        good[cut] = _like(one, other) | _like(one, _mirrored(other))
    return good


def _like(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.bool_]:
    grey = dhash.correlation(one[:, : SIDE**2], other[:, : SIDE**2]) >= PICTURE_LIKENESS
    return grey & (dhash.correlation(one[:, SIDE**2 :], other[:, SIDE**2 :]) >= COLOUR_LIKENESS)


def _mirrored(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    grey = pixels[:, : SIDE**2].reshape(-1, SIDE, SIDE)[:, :, ::-1].reshape(len(pixels), -1)
    colours = pixels[:, SIDE**2 :].reshape(-1, COLOURS, COLOURS, 3)[:, :, ::-1].reshape(len(pixels), -1)
    return np.concatenate([grey, colours], axis=1)


def _texts(inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: _Fetch) -> Found:
    """Find texts that are equal once normalised, and texts that are nearly equal."""
    bands = Rows([found.bands() for found in inputs.values()], rows)
    chars = np.concatenate([found.table()[:, 0] for found in inputs.values()])[rows]
    # Texts of equal content have equal keys in every band; different lengths cannot be alike.
    first = _first(_joined(bands))
    twins = np.stack([first, np.arange(len(rows))], axis=1)[first != np.arange(len(rows))]
    heads = np.flatnonzero((first == np.arange(len(rows))) & (chars >= minhash.SHORT))
    pairs = heads[minhash.candidates(bands.only(heads))]
    shorter = np.minimum(chars[pairs[:, 0]], chars[pairs[:, 1]])
    pairs = pairs[shorter >= 0.6 * np.maximum(chars[pairs[:, 0]], chars[pairs[:, 1]])]
    skipped = max(0, len(pairs) - MOST_COMPARED)
    pairs = np.concatenate([twins, pairs[:MOST_COMPARED]])
    equal, near = np.zeros(len(pairs), np.bool_), np.zeros(len(pairs), np.bool_)
    for start in range(0, len(pairs), _BLOCK):
        block = pairs[start : start + _BLOCK]
        chosen = np.unique(block)
        folded = [normalised(row) for row in fetch(rows[chosen], fetch.data.inputs)]  # type: ignore[arg-type]
        for place, (left, right) in enumerate(np.searchsorted(chosen, block).tolist(), start):
            equal[place], near[place] = _compared(folded[left], folded[right])
    return rows[pairs[equal]], rows[pairs[near]], skipped


def _joined(bands: Rows) -> NDArray[np.uint64]:
    found = np.zeros(len(bands), np.uint64)
    for number in range(minhash.BANDS):
        found = (found ^ bands.column(number)) * _FACTOR
        found ^= found >> np.uint64(29)
    return found


def _compared(one: str, other: str) -> tuple[bool, bool]:
    if one == other:
        return True, False
    long = min(len(one), len(other)) >= minhash.SHORT
    return False, long and minhash.jaccard(one, other) >= minhash.LIKENESS
