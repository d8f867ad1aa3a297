"""Which sets are unrelated to a task: all that are at hand, but none that the run is about."""

from collections.abc import Sequence
from typing import Any

from crosstune.core.items import Items
from crosstune.core.seeding import generator
from crosstune.data.unrelated.base import UnrelatedSet, fingerprint
from crosstune.data.unrelated.own import own_text_sets
from crosstune.data.unrelated.pictures import picture_sets
from crosstune.data.unrelated.texts import text_sets

ROWS = 300
"""ASSUMED: examples of a set. A probe's accuracy near 0.9 is then known to 3.4 points, a paired difference of
two bodies to about half of that."""
LOOKED_AT = 2_000
"""Examples of the run that are compared with each set, drawn at random."""
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def unrelated_sets(
    modality: str, items: Items, targets: Sequence[Any], own: Sequence[Any], *, rows: int | None = None
) -> tuple[list[UnrelatedSet], list[tuple[str, str]]]:
    """Choose the sets for a run.

    A set is left out where one of its examples equals one of the run's (by the hash of pixels or text, over
    at most 2,000 examples of the run), and a set of digits also where most class names of the run, or all of
    its numbers, are digits: a picture that was scaled or saved again has another hash.

    Args:
        modality: ``image`` or ``text``; for others there is no set.
        items: training examples of the run.
        targets: their raw targets: class names, lists of labels, or numbers.
        own: raw validation examples, for questions about the run's own texts where there is no other set.
        rows: of each set; ``None`` is ``ROWS``.

    Returns:
        The sets, and (name, why) for those that were left out.

    Checked by: ``tests/data/unrelated/test_choose.py``.
    """
    most = ROWS if rows is None else rows
    known = {"image": picture_sets, "text": text_sets}.get(modality, list)()
    order = generator(0, "unrelated: compared").permutation(len(items))[:LOOKED_AT]
    seen = {fingerprint(one) for one in items.batch(sorted(order.tolist()))} if known else set()
    digits = about_digits(targets)
    kept: list[UnrelatedSet] = []
    out: list[tuple[str, str]] = []
    for one in known:
        if one.digits and digits:
            out.append((one.name, "the task is about digits too"))
        elif any(fingerprint(raw) in seen for raw in one.raw):
            out.append((one.name, "the run's own data has examples of it"))
        else:
            kept.append(one.sample(most))
    if modality == "text" and not kept:
        # Not beside others: tuning tells a body much about its own texts, and what it learns there would make
        # up for what it forgets elsewhere (tweets: 18 points more on length, 14 less on descriptions).
        kept = [one.sample(most) for one in own_text_sets(own)]
    return kept, out


def about_digits(targets: Sequence[Any]) -> bool:
    """Say whether more than half of the distinct targets of a run are digits (``7``, ``seven``, ``7.0``)."""
    names = {str(label) for one in targets for label in (one if isinstance(one, list | tuple) else [one])}
    found = sum(name.strip().lower().removesuffix(".0") in (*"0123456789", *_WORDS) for name in names)
    # Two classes called 0 and 1 are answers, not digits.
    return found > 2 and found > len(names) / 2
