"""Names that layouts go by: splits, image files, table files."""

import re
from pathlib import Path

SPLITS = ("train", "validation", "test")
"""Canonical split names in their order."""

WHOLE = "all"
"""The name of the one split of data that has no splits yet."""

OUT_OF_DOMAIN = "out-of-domain"
"""The split of the rows whose domain is held out."""

_ALIASES = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip

IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
)
SOUND_SUFFIXES = frozenset({".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"})
TEXT_SUFFIXES = frozenset({".txt"})
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet"})

_SHARD = re.compile(r"-\d+-of-\d+$")


def split_name(word: str) -> str | None:
    """Return the canonical split that ``word`` names (``val``, ``Valid``, ``dev`` ...), or ``None``."""
    return _ALIASES.get(word.strip().lower())


def split_of_file(path: Path) -> str | None:
    """Return the split that a file name names: ``train.csv``, ``test-00000-of-00002.parquet``."""
    return split_name(_SHARD.sub("", path.stem))


def in_order(names: object) -> list[str]:
    """Sort split names: train, validation, test, all."""
    order = (*SPLITS, WHOLE)
    return sorted(names, key=order.index)  # type: ignore[call-overload, no-any-return]


def is_hidden(name: str) -> bool:
    """Say whether a file or folder name belongs to a tool and not to the data."""
    return name.startswith((".", "__MACOSX")) or name.lower() in {"thumbs.db", "desktop.ini"}


def suffix_of(name: str) -> str:
    """Return the lower-case suffix of a file name, with its dot; empty where there is none."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > max(name.rfind("/"), 0) else ""
