"""Folders named as classes, each with images, sounds or texts; perhaps below folders named as splits."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import Dataset

from crosstune.core.errors import shown
from crosstune.data.cells import printable
from crosstune.data.errors import BadSplit, UnknownLayout
from crosstune.data.kinds.base import Kind
from crosstune.data.kinds.registry import KINDS
from crosstune.data.layout import WHOLE, is_hidden, split_name, suffix_of
from crosstune.data.readers.base import RawData
from crosstune.data.store import ORIGIN, PROBLEM, make

TARGET = "label"


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
        sizes = {kind.name: sum(counts[suffix] for suffix in kind.suffixes) for kind in KINDS}
        if not any(sizes.values()):
            raise _nothing(data, counts)
        kind = max(KINDS, key=lambda one: sizes[one.name])
        wanted = kind.suffixes
        others = {suffix or "no suffix": count for suffix, count in counts.items() if suffix not in wanted}
        if others:
            listed = shown(f"{count} x {suffix}" for suffix, count in sorted(others.items()))
            notes.append(f"left out of `{data}`: files that are no {kind.plural} ({listed})")
        notes.extend(_empty_classes(splits, found, wanted))
        return RawData(
            source=str(data),
            splits={
                split: _table(kind, [file for file in files if suffix_of(file[1]) in wanted], data)
                for split, files in found.items()
            },
            inputs=(kind.column,),
            target=TARGET,
            modality=kind.name,
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
    wanted = frozenset[str]().union(*(kind.suffixes for kind in KINDS))
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
        f"`{data}` holds folders, but no image, no sound and no text in them",
        found=seen or "empty folders",
        expected="DATA/CLASS/FILE or DATA/train/CLASS/FILE, files ending in .jpg, .png, .wav, ..., or .txt",
        fix="put each file into a folder that is named as its class, or name a CSV, JSONL or Parquet file",
    )


def _start(root: Path) -> int:
    """Give the length of what stands before every path; files below the folder `.` begin with their own."""
    text = str(root)
    return 0 if text == "." else len(text) + (not text.endswith(os.sep))


def _origins(files: list[tuple[str, str]], root: Path) -> list[str]:
    start = _start(root)
    return [printable(path[start:].replace(os.sep, "/")) for _, path in files]


def _table(kind: Kind, files: list[tuple[str, str]], root: Path) -> Dataset:
    base, start = root.absolute(), _start(root)
    cells, problems = kind.from_files([str(base / path[start:]) for _, path in files])
    labels = pa.array([printable(label) for label, _ in files], pa.string())
    origins = pa.array(_origins(files, root), pa.string())
    return make(
        pa.table(
            {kind.column: cells, TARGET: labels, ORIGIN: origins, PROBLEM: pa.array(problems, pa.string())}
        )
    )
