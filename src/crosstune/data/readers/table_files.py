"""Table files: one of them, or a folder that holds one for each split."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.errors import UnknownLayout
from crosstune.data.kinds.registry import KINDS
from crosstune.data.layout import TABLE_SUFFIXES, WHOLE, is_hidden, split_of_file, suffix_of
from crosstune.data.readers.base import RawData
from crosstune.data.readers.common_voice import sound_folder
from crosstune.data.readers.declared import agreed
from crosstune.data.readers.delimited import read_delimited
from crosstune.data.readers.json_lines import read_json_lines
from crosstune.data.readers.parquet import declared_names, read_parquet

FORMATS: dict[str, Callable[[list[Path], Path], Dataset]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
    ".json": read_json_lines,
    ".parquet": read_parquet,
}
"""By suffix: files of one split, and the folder that origins are relative to, to a table."""


def _tables(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in TABLE_SUFFIXES and path.is_file() and not is_hidden(path.name)
    )


class TableFile:
    """One CSV, TSV, JSONL, JSON or Parquet file: data without splits, unless a column holds them."""

    name = "table file"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """Any existing file with one of the suffixes."""
        return isinstance(data, Path) and data.suffix.lower() in FORMATS and data.is_file()

    def read(self, data: Path) -> RawData:
        """Read the file as one table."""
        return _read({WHOLE: [data]}, root=data.parent, source=str(data))


class TableFolder:
    """A folder with ``train.csv``, ``test.csv`` ..., with shards of them, or with one table file."""

    name = "folder of table files"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """Files named as splits or ``metadata``; or exactly one table and no class folders beside it."""
        if not isinstance(data, Path) or not data.is_dir():
            return False
        tables = _tables(data) or _tables_below(data)
        if any(split_of_file(path) or path.stem.lower() == "metadata" for path in tables):
            return True
        return len(tables) == 1 and _file_folders(data) <= 1

    def read(self, data: Path) -> RawData:
        """Read every file that names a split; other tables beside them are named in a note."""
        tables = _tables(data) or _tables_below(data)
        named: dict[str, list[Path]] = {}
        for path in tables:
            if split := split_of_file(path):
                named.setdefault(split, []).append(path)
        if not named:
            metadata = [path for path in tables if path.stem.lower() == "metadata"]
            named = {WHOLE: metadata or tables}
        used = [path for paths in named.values() for path in paths]
        _check_formats(data, used)
        left = [path.name for path in tables if path not in used]
        notes = (f"left out of `{data}`: {shown(left)}, which name no split",) if left else ()
        return _read(named, root=data, source=str(data), notes=notes)


def _tables_below(folder: Path) -> list[Path]:
    below = folder / "data"
    return _tables(below) if below.is_dir() else []


def _file_folders(folder: Path) -> int:
    """Count the folders that directly hold a file that is an example; stops at two."""
    suffixes = frozenset[str]().union(*(kind.suffixes for kind in KINDS if kind.in_files))
    count = 0
    for path in folder.iterdir():
        if (
            path.is_dir()
            and not is_hidden(path.name)
            and any(suffix_of(below.name) in suffixes for below in path.iterdir())
        ):
            count += 1
        if count == 2:
            break
    return count


def _check_formats(folder: Path, used: list[Path]) -> None:
    suffixes = {path.suffix.lower() for path in used}
    if len(suffixes) > 1 or len({path.stem for path in used}) < len(used):
        raise UnknownLayout(
            f"`{folder}` holds the same kind of data in more than one format",
            found=shown(path.name for path in used),
            expected="files of one format",
            fix="move all but one format elsewhere, or name one file",
        )


def _read(named: dict[str, list[Path]], *, root: Path, source: str, notes: tuple[str, ...] = ()) -> RawData:
    suffix = next(iter(named.values()))[0].suffix.lower()
    splits = {split: FORMATS[suffix](paths, root) for split, paths in named.items()}
    names = {split: declared_names(paths) for split, paths in named.items()} if suffix == ".parquet" else {}
    splits, declared = agreed(splits, names)
    return RawData(
        source=source,
        splits=splits,
        folders={
            split: sound_folder(paths[0].parent.absolute(), splits[split].column_names)
            for split, paths in named.items()
        },
        typed=read_delimited is not FORMATS[suffix],
        declared=declared,
        notes=notes,
    )
