"""What a person can see of a gap: simple properties of the examples, and those that give their set away."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.gap import GapProperty, GapWitness
from crosstune.data.items import SplitItems
from crosstune.data.picture_properties import picture_properties
from crosstune.data.sound_properties import sound_properties
from crosstune.data.text_properties import text_properties
from crosstune.probing.differences import differences
from crosstune.probing.sides import Sides
from crosstune.sources.base import Preprocessing
from crosstune.sources.preprocessing import TextPreprocessing
from crosstune.stages.summarise import TEXT, picture

AT_ONCE = 64
"""Pictures that are decoded at a time."""

UNKNOWN = "unknown tokens"


def compare_properties(
    items: Sequence[SplitItems],
    rows: Sequence[NDArray[np.intp]],
    sides: Sides,
    reads: Preprocessing,
    seed: int,
) -> tuple[GapProperty, ...]:
    """Measure simple properties of some rows of both sets, the largest difference first.

    Args:
        items: of both sets.
        rows: of each that are looked at.
        sides: of these rows.
        reads: of the model; its tokenizer says which tokens it does not know.
        seed: of the intervals.
    """
    if items[0].modality == "text":
        raw = [one for part, some in zip(items, rows, strict=True) for one in part.batch(some.tolist())]
        texts = [one if isinstance(one, str) else "\n".join(one) for one in raw]
        found = text_properties(texts) | _unknown(texts, reads)
    else:
        measure = sound_properties if items[0].modality == "audio" else picture_properties
        parts = [
            measure(part.batch(some[start : start + AT_ONCE].tolist()))
            for part, some in zip(items, rows, strict=True)
            for start in range(0, len(some), AT_ONCE)
        ]
        found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return tuple(
        GapProperty(name=one.name, more=one.more, medians=one.medians, differs=one.differs)
        for one in differences(found, sides, seed=seed)
    )


def _unknown(texts: Sequence[str], reads: Preprocessing) -> dict[str, NDArray[np.float64]]:
    """Give the share of the tokens of each text that the model does not know, where it has a token for it."""
    tokenizer = reads.tokenizer if isinstance(reads, TextPreprocessing) else None
    if tokenizer is None or tokenizer.unk_token_id is None:
        return {}
    encoded = tokenizer(list(texts), truncation=False, verbose=False)["input_ids"]
    shares = [ids.count(tokenizer.unk_token_id) / max(1, len(ids)) for ids in encoded]
    return {UNKNOWN: np.array(shares)}


def find_witnesses(
    items: Sequence[SplitItems], margins: NDArray[np.float64], most: int
) -> tuple[GapWitness, ...]:
    """Take the examples of each set whose own side the rule is surest of; equal contents once.

    Args:
        items: of both sets.
        margins: of all their rows, the first set's before the second's; above zero for the second.
        most: of each set.
    """
    found, start = list[GapWitness](), 0
    for second, part in enumerate(items):
        own = margins[start : start + len(part)] * (1 if second else -1)
        start += len(part)
        seen, chosen = set[str](), list[int]()
        for row in np.argsort(-own, kind="stable").tolist():
            digest = part.row_digests[row]
            if own[row] <= 0 or len(chosen) == most:
                break
            if digest not in seen:
                seen.add(digest)
                chosen.append(row)
        origins = part.origins()
        for row, raw in zip(chosen, part.batch(chosen), strict=True):
            text = " | ".join(raw) if isinstance(raw, tuple) else raw
            found.append(
                GapWitness(
                    second=bool(second),
                    origin=origins[row],
                    margin=float(own[row]),
                    text=text[:TEXT] if isinstance(text, str) else None,
                    picture=picture(raw) if isinstance(raw, Image.Image) else None,
                )
            )
    return tuple(found)
