"""What is read: clauses of real sentences, short phrases, spelled letters and digits."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "oh")
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
CLAUSE = re.compile(r"[,.;:!?()\"]+| - ")
WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")
DOMAINS = ("movies", "products", "editorials")

LISTS = 0.08
"""Share of utterances that are digits or letters in a row."""


def clauses(sentiment: Path) -> list[str]:
    """Cut the sentences of ``benchmarks/fetch`` into clauses of 2 to 14 words that hold letters only.

    Numbers, abbreviations with dots and anything else that two voices could read in two ways is left out.
    """
    found: dict[str, None] = {}
    for domain in DOMAINS:
        for split in ("train", "test"):
            with (sentiment / domain / f"{split}.csv").open(encoding="utf-8") as handle:
                for row in csv.DictReader(handle):
                    found |= dict.fromkeys(_clauses(row["text"]))
    return list(found)


def _clauses(text: str) -> Iterator[str]:
    for part in CLAUSE.split(text.replace("\u2019", "'")):
        words = part.split()
        plain = [word.lower() for word in words]
        readable = all(WORD.fullmatch(word) for word in plain) and not any(
            word.isupper() for word in words[1:]
        )
        if readable and 2 <= len(words) <= 14:
            yield " ".join(plain)


def draw(pool: list[str], random: np.random.Generator) -> str:
    """Draw one text: a clause, the middle of one, a single word, or digits or letters in a row."""
    if random.random() < LISTS:
        items = DIGITS if random.random() < 0.6 else LETTERS
        return " ".join(random.choice(items, int(random.integers(1, 7))))
    words = pool[int(random.integers(len(pool)))].split()
    if random.random() < 0.35:
        start = int(random.integers(len(words)))
        words = words[start : start + int(random.integers(1, 4))]
    return " ".join(words)
