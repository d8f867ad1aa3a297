"""The four sentiment domains as benchmarks use them: rows, the paper's three classes, figures with intervals.

Ratings are means of human raters between -4 and 4. The paper (Hutto and Gilbert 2014, VADER) has them between
-1 and 1, where a rating below 0.05 in size is neutral.
"""

import argparse
import csv
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from common import data_folder

HERE = Path(__file__).resolve().parent

DOMAINS = ("tweets", "movies", "products", "editorials")
CLASSES = ("negative", "neutral", "positive")
LARGEST, NEUTRAL = 4.0, 0.05
"""Largest rating, and the size below which a rating on the scale of -1 to 1 is neutral."""
SEED, SHARE = 4, 0.15
"""Of the draw of validation rows, and their share of the training half."""
RESAMPLES = 1000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Text:
    """One rated text."""

    text: str
    rating: float
    """On the scale of -1 to 1."""
    group: str
    """Texts of one review or article, or of no other."""

    @property
    def feeling(self) -> str:
        """The paper's class."""
        return CLASSES[int(classes(np.array([self.rating]))[0])]


def classes(ratings: Floats, low: float = -NEUTRAL, high: float = NEUTRAL) -> NDArray[np.int64]:
    """Give 0 (negative, at most ``low``), 1 (neutral) or 2 (positive, at least ``high``) for each rating."""
    return np.where(ratings <= low, 0, np.where(ratings >= high, 2, 1)).astype(np.int64)


def read_half(domain: str, half: str) -> list[Text]:
    """Read one half of a domain."""
    path = data_folder("sentiment") / domain / f"{half}.csv"
    with path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    return [
        Text(row["text"], float(row["rating"]) / LARGEST, f"{domain} {row.get('group', row['id'])}")
        for row in rows
    ]


def plain(text: str) -> str:
    """Write a text so that case and spaces make no difference."""
    return " ".join(text.casefold().split())


def spread(rows: list[Text], most: int | None) -> list[Text]:
    """Take so many rows, evenly over the file, which may be in the order of the ratings."""
    return rows if most is None else rows[:: max(1, len(rows) // most)][:most]


def parts(domain: str, most: int | None = None) -> dict[str, list[Text]]:
    """Give train, validation and test of a domain; a training text that any test half has too is left out.

    Validation is ``SHARE`` of the training half, whole reviews and articles at a time. With ``most``, only so
    many rows of each half are taken, for a quick look.
    """
    tested = {plain(one.text) for other in DOMAINS for one in read_half(other, "test")}
    rows = [one for one in read_half(domain, "train") if plain(one.text) not in tested]
    rows = spread(rows, most)
    groups = sorted({one.group for one in rows})
    random.Random(SEED).shuffle(groups)  # noqa: S311 - a split, no secret
    wanted, held = round(SHARE * len(rows)), set[str]()
    sizes = {name: sum(one.group == name for one in rows) for name in groups}
    for name in groups:
        if sum(sizes[one] for one in held) < wanted:
            held.add(name)
    return {
        "train": [one for one in rows if one.group not in held],
        "validation": [one for one in rows if one.group in held],
        "test": spread(read_half(domain, "test"), most),
    }


def write(path: Path, rows: Iterable[Text], **columns: str) -> None:
    """Write rows as CSV with the columns text, rating and feeling, and others that are equal in all rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(["text", "rating", "feeling", *columns])
        for one in rows:
            writer.writerow([one.text, one.rating, one.feeling, *columns.values()])


def crosstune(*words: str | Path) -> None:
    """Run the command line, as a stranger would."""
    subprocess.run([sys.executable, "-m", "crosstune", *map(str, words)], check=True, env=dict(os.environ))


# --- figures -----------------------------------------------------------------------------------------------


def f1(truth: NDArray[np.int64], answers: NDArray[np.int64]) -> tuple[float, float]:
    """Give the weighted and the macro F1 over the classes that the truth or an answer holds."""
    count = len(CLASSES)
    support, given = np.bincount(truth, minlength=count), np.bincount(answers, minlength=count)
    hits = np.bincount(truth[truth == answers], minlength=count)
    both = support + given
    each = np.divide(2.0 * hits, both, out=np.zeros(count), where=both > 0)
    return float((each * support).sum() / support.sum()), float(each[both > 0].mean())


def pearson(one: Floats, other: Floats) -> float:
    """Give Pearson's r; 0 where either does not vary."""
    left, right = one - one.mean(), other - other.mean()
    size = float(np.sqrt((left @ left) * (right @ right)))
    return float(left @ right) / size if size > 0 else 0.0


def figures(
    ratings: Floats, answers: NDArray[np.int64], values: Floats | None = None
) -> dict[str, tuple[float, float, float]]:
    """Give weighted-f1, macro-f1, and pearson where there are predicted values: (value, low, high) each."""
    truth = classes(ratings)

    def every(rows: NDArray[np.int64]) -> list[float]:
        weighted, macro = f1(truth[rows], answers[rows])
        return [weighted, macro, *([] if values is None else [pearson(ratings[rows], values[rows])])]

    draw, count = np.random.default_rng(0), len(ratings)
    value = every(np.arange(count))
    draws = np.array([every(draw.integers(0, count, count)) for _ in range(RESAMPLES)])
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    names = ("weighted-f1", "macro-f1", "pearson")
    return {
        name: (one, float(low[i]), float(high[i]))
        for i, (name, one) in enumerate(zip(names, value, strict=False))
    }


def cut_points(ratings: Floats, values: Floats) -> tuple[float, float]:
    """Choose the two points that turn predicted ratings into classes, by the sum of both F1 on these rows.

    The paper's own points stay unless others are better by more than one standard error of the difference
    over 50 resamples: a few hundred rows can make any point look best.
    """
    grid = np.round(np.arange(-0.2, 0.2001, 0.0125), 4)
    truth = classes(ratings)

    def score(rows: NDArray[np.int64], low: float, high: float) -> float:
        return sum(f1(truth[rows], classes(values[rows], low, high)))

    everything = np.arange(len(ratings))
    pairs = [(low, high) for low in grid for high in grid if low < high]
    best = max(pairs, key=lambda pair: score(everything, *pair))
    draw = np.random.default_rng(1)
    gains = []
    for _ in range(50):
        rows = draw.integers(0, len(ratings), len(ratings))
        gains.append(score(rows, *best) - score(rows, -NEUTRAL, NEUTRAL))
    gain = score(everything, *best) - score(everything, -NEUTRAL, NEUTRAL)
    if gain > float(np.std(gains)):
        return float(best[0]), float(best[1])
    return -NEUTRAL, NEUTRAL


def make_parser(about: str | None, *, quick: int, budget: str) -> argparse.ArgumentParser:
    """Give the options that every benchmark of these domains has; results go to this folder by default."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help=f"{quick} rows of each half, closed-form heads only"
    )
    parser.add_argument("--budget", default=budget, help="of each fit")
    parser.add_argument("--set", action="append", dest="sets", default=[], help="KEY=VALUE for every fit")
    parser.add_argument("--work", type=Path, help="keep the runs here, and use those that are there again")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the results")
    return parser


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
