"""Pictures of equal pixels, and pictures that are nearly equal, as they are or mirrored."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.data.gate import dhash
from crosstune.data.gate.inputs import Fetch, Found, Inputs
from crosstune.data.gate.rows import Rows, blocks, first_of
from crosstune.data.images import decode
from crosstune.data.threads import each_in_order

SIDE, COLOURS = 32, 4
PICTURE_LIKENESS, COLOUR_LIKENESS = 0.99, 0.95
"""Least correlation of two pictures at 32 x 32 grey pixels, and at 4 x 4 in colour. MEASURED: no pair of
5,000 MNIST digits reaches the first; 97 % of photographs at JPEG quality 40 do. Second: ASSUMED."""

MOST_DECODED = 30_000
"""Pictures that are decoded once more for comparing; the candidates of other rows are left out."""

_BLOCK = 250
"""Pairs that are compared at a time: five copies, of 4 KB a picture, are made."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def picture_twins(inputs: Mapping[str, Inputs], rows: NDArray[np.int64], fetch: Fetch) -> Found:
    """Find pictures of equal pixels, and pictures that are nearly equal, as they are or mirrored."""
    thumbs = Rows([found.printed(np.uint8, dhash.THUMB) for found in inputs.values()], rows)
    sizes = Rows([found.table() for found in inputs.values()], rows)
    first = first_of(_hashed(thumbs, sizes))
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


def _looks(rows: NDArray[np.int64], fetch: Fetch) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """Decode pictures again: ``(N, 1072)``, grey and colours, and a hash of all pixels, ``(N,)``."""
    pixels = np.zeros((len(rows), SIDE**2 + 3 * COLOURS**2), np.uint8)
    digests = np.zeros(len(rows), np.uint64)

    def look(start: int) -> list[tuple[bytes, bytes]]:
        return [_look(cell) for (cell,) in fetch(rows[start : start + 64])]

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
