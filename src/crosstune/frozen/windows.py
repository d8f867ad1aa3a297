"""Texts that are longer than the model, answered in parts that overlap, and the parts put together.

Shapes: N texts, M parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.domains import Domains
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.words import MARK
from crosstune.frozen.answers import Answer, model_answers
from crosstune.sources.base import Backbone
from crosstune.sources.tagger import WordPreprocessing

OVERLAP = 0.25
"""ASSUMED: share of a part that the next one reads again, so that a word at the edge of one has an eighth of
the model's length around it in the other."""
AT_ONCE = 256


@dataclass(frozen=True)
class Parts:
    """Parts of texts as items of their own."""

    items: Items
    places: Sequence[tuple[int, int, int]]
    """Of each part: the text, and from which word to before which."""

    @property
    def digest(self) -> str:
        """The content of all parts."""
        return f"{self.items.digest} in {len(self.places)} parts"

    def __len__(self) -> int:
        """Count the parts."""
        return len(self.places)

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Cut the parts at ``indices`` out of their texts."""
        chosen = [self.places[int(index)] for index in indices]
        texts = self.items.batch([row for row, _, _ in chosen])
        return [part(text, start, end) for text, (_, start, end) in zip(texts, chosen, strict=True)]

    def targets(self) -> list[Any]:
        """Give none: a part has no target of its own."""
        return []

    def origins(self) -> list[str]:
        """Name the text of each part."""
        names = self.items.origins()
        return [names[row] for row, _, _ in self.places]

    def domains(self) -> Domains | None:
        """Give none."""
        return None


def part(text: str, start: int, end: int) -> str:
    """Cut some words out of a text with marked words, and what stands between them.

    Checked by: ``tests/frozen/test_windows.py``.
    """
    if start == 0 and end >= len(text.split()):
        return text
    found, word, inside = [], -1, False
    for one in text:
        if one.isspace():
            inside = False
        elif not inside:
            word, inside = word + 1, True
        if start <= word < end:
            found.append(one)
    return "".join(found).strip().strip(MARK)


def windowed_answers(
    backbone: Backbone, items: Items, answer: Answer, *, reporter: Reporter | None = None
) -> NDArray[Any]:
    """Answer texts with one letter for each word, the long ones in parts.

    Where parts overlap, a word has the answer of the part in which it is further from the edge.

    Raises what :func:`model_answers` raises.

    Cost: one tokenisation of the texts, and one forward pass.
    Checked by: ``tests/frozen/test_windows.py``.
    """
    preprocessing = backbone.preprocessing
    if not isinstance(preprocessing, WordPreprocessing):
        return model_answers(backbone, items, answer, reporter=reporter)
    places: list[tuple[int, int, int]] = []
    for begin in range(0, len(items), AT_ONCE):
        rows = range(begin, min(begin + AT_ONCE, len(items)))
        for row, text in zip(rows, items.batch(rows), strict=True):
            places += [(row, *cut) for cut in preprocessing.windows(text, OVERLAP)]
    if len(places) == len(items):
        return model_answers(backbone, items, answer, reporter=reporter)
    found = model_answers(backbone, Parts(items, places), answer, reporter=reporter)
    return merged(found.tolist(), places, len(items))


def merged(answers: Sequence[str], places: Sequence[tuple[int, int, int]], rows: int) -> NDArray[Any]:
    """Put the answers to parts together, ``(N,)``.

    Args:
        answers: one letter for each word of a part, ``(M,)``.
        places: of each part, in the order of the text.
        rows: N.
    """
    letters: list[list[str]] = [[] for _ in range(rows)]
    for text, (row, start, _) in zip(answers, places, strict=True):
        known = letters[row]
        both = len(known) - start  # words that the part before has answered too
        del known[start + (both + 1) // 2 :]
        known += text[len(known) - start :]
    return np.array(["".join(one) for one in letters], dtype=np.str_)
