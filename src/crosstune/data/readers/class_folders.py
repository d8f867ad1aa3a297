"""Folders named as classes, each with images or texts; perhaps below folders named as splits."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.errors import BadSplit, UnknownLayout
from crosstune.data.layout import IMAGE_SUFFIXES, TEXT_SUFFIXES, WHOLE, is_hidden, split_name, suffix_of
from crosstune.data.problems import BROKEN_ROW, INVALID_UTF8, MISSING_FILE, described
from crosstune.data.readers.base import RawData
from crosstune.data.store import IMAGE_TYPE, ORIGIN, PROBLEM, make

TARGET = "label"
_LIMIT = 16_000_000
"""Bytes of one text file."""


class ClassFolders:
    """``root/cat/1.jpg`` or ``root/train/cat/1.jpg``; the same with ``.txt`` files."""

    name = "class folders"

    def claims(self, data: Any) -> bool:  # noqa: ANN401
        """A folder with at least one folder in it that is not hidden."""
        return isinstance(data, Path) and data.is_dir() and bool(_folders(data))

    def read(self, data: Path) -> RawData:
        """List every file once; images are opened by the check, texts are read here."""
        splits, notes = _split_roots(data)
        found = {split: list(_labelled(folder)) for split, folder in splits.items()}
        counts = Counter(suffix_of(path) for files in found.values() for _, path in files)
        images = sum(counts[suffix] for suffix in IMAGE_SUFFIXES)
        texts = sum(counts[suffix] for suffix in TEXT_SUFFIXES)
        if images == texts == 0:
            raise _nothing(data, counts)
        wanted = IMAGE_SUFFIXES if images >= texts else TEXT_SUFFIXES
        others = {suffix or "no suffix": count for suffix, count in counts.items() if suffix not in wanted}
        if others:
            listed = shown(f"{count} x {suffix}" for suffix, count in sorted(others.items()))
            kind = "images" if images >= texts else "texts"
            notes.append(f"left out of `{data}`: files that are no {kind} ({listed})")
        notes.extend(_empty_classes(splits, found, wanted))
        table = _image_table if images >= texts else _text_table
        return RawData(
            source=str(data),
            splits={
                split: table([file for file in files if suffix_of(file[1]) in wanted], data)
                for split, files in found.items()
            },
            inputs=("image",) if images >= texts else ("text",),
            target=TARGET,
            modality="image" if images >= texts else "text",
            notes=tuple(notes),
        )


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def _split_roots(root: Path) -> tuple[dict[str, Path], list[str]]:
    """Find the folders that stand for splits; a *class* may be called ``train`` as well.

    A folder is a split only if its name says so and it holds folders itself.
    """
    named = [folder for folder in _folders(root) if split_name(folder.name) and _folders(folder)]
    if not named:
        return {WHOLE: root}, _loose(root)
    splits: dict[str, Path] = {}
    notes = []
    for folder in named:
        split = split_name(folder.name) or ""
        if split in splits:
            raise BadSplit(
                f"two folders of `{root}` name the {split} split",
                found=f"{splits[split].name}, {folder.name}",
                expected=f"one folder for the {split} split",
                fix="join the two, or rename one",
            )
        splits[split] = folder
        notes.extend(_loose(folder))
    others = [folder.name for folder in _folders(root) if folder not in named]
    if others:
        notes.append(f"left out of `{root}`: {shown(others)}, beside the splits {shown(splits)}")
    return splits, notes + _loose(root)


def _loose(folder: Path) -> list[str]:
    wanted = IMAGE_SUFFIXES | TEXT_SUFFIXES
    count = sum(1 for path in folder.iterdir() if path.suffix.lower() in wanted and path.is_file())
    return [f"left out of `{folder}`: {count} files that lie beside the class folders"] if count else []


def _labelled(root: Path) -> Iterator[tuple[str, str]]:
    """Yield (class name, path of a file anywhere below its folder), sorted."""
    for folder in _folders(root):
        for path in _files(str(folder), set()):
            yield folder.name, path


def _files(folder: str, above: set[str]) -> Iterator[str]:
    """Walk a folder in order, through links, but never round a circle of links."""
    real = os.path.realpath(folder)
    if real in above:
        return
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        if is_hidden(entry.name):
            continue
        if entry.is_dir():
            yield from _files(entry.path, above | {real})
        else:
            yield entry.path


def _empty_classes(
    splits: dict[str, Path], found: dict[str, list[tuple[str, str]]], wanted: frozenset[str]
) -> list[str]:
    notes = []
    for split, folder in splits.items():
        filled = {name for name, path in found[split] if suffix_of(path) in wanted}
        empty = [below.name for below in _folders(folder) if below.name not in filled]
        if empty:
            notes.append(f"class folders of `{folder}` with nothing in them: {shown(empty)}")
    return notes


def _nothing(data: Path, counts: Counter[str]) -> UnknownLayout:
    seen = shown(f"{count} x {suffix or 'no suffix'}" for suffix, count in counts.most_common())
    return UnknownLayout(
        f"`{data}` holds folders, but no image and no text in them",
        found=seen or "empty folders",
        expected="DATA/CLASS/FILE or DATA/train/CLASS/FILE, files ending in .jpg, .png, ..., or .txt",
        fix="put each file into a folder that is named as its class, or name a CSV, JSONL or Parquet file",
    )


def _origins(files: list[tuple[str, str]], root: Path) -> list[str]:
    start = len(str(root)) + 1
    return [_printable(path[start:].replace(os.sep, "/")) for _, path in files]


def _printable(text: str) -> str:
    """Write a name whose bytes are not UTF-8 so that it can be stored and shown."""
    return text if text.isascii() else text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _image_table(files: list[tuple[str, str]], root: Path) -> Dataset:
    base = root.absolute()
    start = len(str(root)) + 1
    paths, problems = [], []
    for _, path in files:
        full = str(base / path[start:])
        odd = not full.isascii() and _printable(full) != full
        problems.append(described(MISSING_FILE, "the name of the file is not UTF-8") if odd else None)
        paths.append(_printable(full))
    cells = pa.StructArray.from_arrays(
        [pa.nulls(len(files), pa.binary()), pa.array(paths, pa.string())], fields=list(IMAGE_TYPE)
    )
    return _table("image", cells, files, root, problems)


def _text_table(files: list[tuple[str, str]], root: Path) -> Dataset:
    texts, problems = [], []
    for _, path in files:
        text, problem = _text_of(Path(path))
        texts.append(text)
        problems.append(problem)
    return _table("text", pa.array(texts, pa.large_string()), files, root, problems)


def _text_of(path: Path) -> tuple[str, str | None]:
    try:
        if path.stat().st_size > _LIMIT:
            return "", described(BROKEN_ROW, f"the file is larger than {_LIMIT:,} bytes")
        content = path.read_bytes()
    except OSError as error:
        return "", described(MISSING_FILE, error.strerror or "")
    try:
        return content.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        return "", described(INVALID_UTF8, f"byte {error.start + 1} of the file is not UTF-8")


def _table(
    name: str,
    cells: pa.Array,
    files: list[tuple[str, str]],
    root: Path,
    problems: list[str | None],
) -> Dataset:
    labels = pa.array([_printable(label) for label, _ in files], pa.string())
    origins = pa.array(_origins(files, root), pa.string())
    return make(
        pa.table({name: cells, TARGET: labels, ORIGIN: origins, PROBLEM: pa.array(problems, pa.string())})
    )
