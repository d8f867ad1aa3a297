"""Labelled places of pictures: what models are compared by where labels are masks or boxes.

A picture is no example then, but its places are: drawn pixels with their classes, or every object and a few
boxes of background. Draws come from (seed, picture). Shapes: N pictures, R rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import NDArray

from crosstune.core.overlaps import overlaps
from crosstune.core.seeding import generator
from crosstune.tasks.box_rows import BoxRows
from crosstune.tasks.mask_files import NOTHING, Numbers

BACKGROUND = "background"
"""Class of boxes without an object; where the data has a class of this name, that one."""

PIXELS = 16
"""ASSUMED: pixels of a picture. More say less each: neighbours are alike, and the same pictures vote."""

EMPTY = 2
"""ASSUMED: boxes of background of a picture, about as many as there are objects of one class."""

TRIES = 64
"""ASSUMED: boxes drawn to find ``EMPTY`` that meet no object; a full picture may have fewer, or none."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PlaceRows:
    """Labelled places of the first n of N pictures, in the order of the pictures."""

    words: str
    """What a row is: ``pixels`` or ``boxes``."""
    classes: tuple[str, ...]
    """By class number."""
    boxes: Floats
    """``(R, 4)`` left, top, right, bottom as shares of the sides; a pixel is a box too."""
    encoded: NDArray[np.int64]
    """``(R,)`` class numbers."""
    pictures: NDArray[np.intp]
    """``(R,)``: the picture of each row, ascending."""


def draw_pixels(masks: Iterable[Numbers], classes: Sequence[str], *, rows: int, seed: int) -> PlaceRows:
    """Draw ``PIXELS`` of each mask, the classes in turn as long as each has pixels, until there are ``rows``.

    In turn, because a rare class is small in most pictures that show it, and would hardly be drawn otherwise.
    Ignored pixels are not drawn.

    Cost: one look at each mask for each class in it.
    Checked by: ``tests/tasks/test_place_rows.py``.
    """
    found, drawn = list[tuple[Floats, NDArray[np.int64]]](), 0
    for picture, mask in enumerate(masks):
        if drawn >= rows:
            break
        places = _pixels(mask, generator(seed, "places", picture))
        height, width = mask.shape
        top, left = np.divmod(places, width)
        sides = np.array([width, height, width, height])
        boxes = np.stack([left, top, left + 1, top + 1], axis=1) / sides
        found.append((boxes, mask.ravel()[places].astype(np.int64)))
        drawn += len(places)
    return _gathered("pixels", classes, found)


def _pixels(mask: Numbers, draw: np.random.Generator) -> NDArray[np.intp]:
    flat = mask.ravel()
    present = draw.permutation(np.flatnonzero(np.bincount(flat, minlength=NOTHING + 1)[:NOTHING]))
    by_class = [np.flatnonzero(flat == value) for value in present]
    own = [draw.choice(one, min(PIXELS, len(one)), replace=False).tolist() for one in by_class]
    turns = chain.from_iterable(zip_longest(*own))
    return np.array([place for place in turns if place is not None][:PIXELS], np.intp)


def draw_boxes(pictures: Iterable[BoxRows], classes: Sequence[str], *, rows: int, seed: int) -> PlaceRows:
    """Take every object that is not ignored, and draw ``EMPTY`` boxes of background in each picture.

    These have widths and heights of objects of other pictures, so that size alone tells nothing, and meet no
    object, ignored ones included. Pictures are taken until there are ``rows``.

    Checked by: ``tests/tasks/test_place_rows.py``.
    """
    names = tuple(classes) if BACKGROUND in classes else (*classes, BACKGROUND)
    taken = list(_until(pictures, rows))
    shares = [one.boxes / np.array([*one.size, *one.size]) for one in taken]
    learnt = [own[one.values > 0] for own, one in zip(shares, taken, strict=True)]
    every = np.concatenate([np.zeros((0, 4)), *learnt])
    found = []
    for picture, (own, objects, one) in enumerate(zip(shares, learnt, taken, strict=True)):
        empty = _empty(own, every[:, 2:] - every[:, :2], generator(seed, "places", picture))
        kinds = [one.classes[one.values > 0], np.full(len(empty), names.index(BACKGROUND))]
        found.append((np.concatenate([objects, empty]), np.concatenate(kinds).astype(np.int64)))
    return _gathered("boxes", names, found)


def _until(pictures: Iterable[BoxRows], rows: int) -> Iterator[BoxRows]:
    counted = 0
    for one in pictures:
        if counted >= rows:
            return
        counted += int((one.values > 0).sum()) + EMPTY
        yield one


def _empty(objects: Floats, sides: Floats, draw: np.random.Generator) -> Floats:
    """Draw boxes that meet none of the objects, at most ``EMPTY``; ``sides`` ``(n, 2)`` are to draw from."""
    if not len(sides):
        return np.zeros((0, 4))
    wide = sides[draw.integers(0, len(sides), TRIES)]
    first = draw.random((TRIES, 2)) * (1 - wide).clip(min=0)
    boxes = np.concatenate([first, first + wide], axis=1)
    free = ~(overlaps(boxes, objects) > 0).any(axis=1)
    return np.asarray(boxes[free][:EMPTY])


def _gathered(
    words: str, classes: Sequence[str], found: Sequence[tuple[Floats, NDArray[np.int64]]]
) -> PlaceRows:
    numbers = [len(kinds) for _, kinds in found]
    return PlaceRows(
        words=words,
        classes=tuple(classes),
        boxes=np.concatenate([np.zeros((0, 4)), *(boxes for boxes, _ in found)]),
        encoded=np.concatenate([np.zeros(0, np.int64), *(kinds for _, kinds in found)]),
        pictures=np.repeat(np.arange(len(found)), numbers),
    )
