"""Tables of Common Voice: ``train.tsv`` with client_id, path and sentence, and the sounds in ``clips``."""

from collections.abc import Collection
from pathlib import Path

COLUMNS = frozenset({"client_id", "path", "sentence"})
CLIPS = "clips"


def is_common_voice(columns: Collection[str]) -> bool:
    """Say whether a table has the columns of Common Voice.

    Checked by: ``tests/data/readers/test_sounds.py``.
    """
    return set(columns) >= COLUMNS


def sound_folder(folder: Path, columns: Collection[str]) -> Path:
    """Return where relative paths start: ``clips`` beside a table of Common Voice, else its own folder."""
    clips = folder / CLIPS
    return clips if is_common_voice(columns) and clips.is_dir() else folder
