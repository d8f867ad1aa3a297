"""Class by class: the confusion matrix, the most confused pairs, and how each class fares."""

from collections.abc import Sequence
from dataclasses import dataclass

from crosstune.core.summary import RunSummary
from crosstune.reports.figures import NOTHING, count, figure, share

MOST_CLASSES = 30
"""Above this many classes a matrix cannot be read; the most confused pairs stand instead."""
FEW = 12
"""Rows of a class table that show at once; the others unfold."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell of the matrix."""

    text: str
    kind: str
    """``hit`` on the diagonal, ``miss`` off it, ``none`` where nothing is."""
    depth: float
    """0 to 1: share of the row for a hit, of the largest miss for a miss."""
    hint: str


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two classes that are mistaken for each other."""

    truth: str
    predicted: str
    number: str
    share: str


@dataclass(frozen=True, kw_only=True)
class ClassRow:
    """One class: examples by split, and how many of its test examples were found."""

    name: str
    counts: tuple[str, ...]
    recall: str
    precision: str
    depth: float
    """Recall as a number, for the bar; 0 where it is unknown."""


def names_of(summary: RunSummary) -> tuple[str, ...]:
    """Name the rows and columns of the confusion matrix: the classes, and of boxes the background."""
    return summary.confusion_names or summary.classes


def check_shape(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> None:
    """Raise ``ValueError`` unless the matrix is K x K for K classes."""
    if any(len(row) != len(classes) for row in (confusion, *confusion)):
        raise ValueError(f"the confusion matrix is not {len(classes)} by {len(classes)}")


def matrix(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> list[list[Cell]]:
    """Give the cells, row by row: rows are the truth."""
    misses = [
        number / sum(row)
        for truth, row in enumerate(confusion)
        for guess, number in enumerate(row)
        if truth != guess and number
    ]
    worst = max(misses, default=1.0)
    return [
        [_cell(number, sum(row), worst, classes[truth], classes[guess]) for guess, number in enumerate(row)]
        for truth, row in enumerate(confusion)
    ]


def _cell(number: int, whole: int, worst: float, truth: str, guess: str) -> Cell:
    if not number:
        return Cell(text="", kind="none", depth=0.0, hint="")
    part = number / whole
    kind, depth = ("hit", part) if truth == guess else ("miss", part / worst)
    hint = f"{truth} answered as {guess}: {count(number)} of {count(whole)} ({share(number, whole)})"
    return Cell(text=count(number), kind=kind, depth=round(0.08 + 0.92 * depth, 3), hint=hint)


def confused_pairs(confusion: Sequence[Sequence[int]], classes: Sequence[str], *, most: int) -> list[Pair]:
    """Give the ``most`` largest cells off the diagonal, by count."""
    cells = [
        (number, sum(row), truth, guess)
        for truth, row in enumerate(confusion)
        for guess, number in enumerate(row)
        if truth != guess and number
    ]
    cells.sort(key=lambda cell: (-cell[0], cell[2], cell[3]))
    return [
        Pair(truth=classes[truth], predicted=classes[guess], number=count(number), share=share(number, whole))
        for number, whole, truth, guess in cells[:most]
    ]


def class_rows(summary: RunSummary) -> list[ClassRow]:
    """Give one row for each class, the least found first where that is known, else in class order."""
    splits = list(summary.class_counts.values())
    rows = []
    for index, name in enumerate(summary.classes):
        recall, precision = _found(summary.confusion, index)
        counts = tuple(count(split.get(name, 0)) for split in splits)
        texts = [figure(value) if value is not None else NOTHING for value in (recall, precision)]
        row = ClassRow(name=name, counts=counts, recall=texts[0], precision=texts[1], depth=recall or 0.0)
        rows.append((recall if recall is not None else 2.0, index, row))
    return [row for _, _, row in sorted(rows, key=lambda entry: entry[:2])]


def _found(confusion: Sequence[Sequence[int]], index: int) -> tuple[float | None, float | None]:
    if not confusion:
        return None, None
    hits, truths = confusion[index][index], sum(confusion[index])
    answers = sum(row[index] for row in confusion)
    return (hits / truths if truths else None), (hits / answers if answers else None)
