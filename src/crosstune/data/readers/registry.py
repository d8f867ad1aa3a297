"""Every reader, in the order in which they are asked."""

from pathlib import Path
from typing import Any

from crosstune.core.errors import nearest, shown
from crosstune.core.refused import refuse
from crosstune.data.errors import DataNotFound, UnknownLayout
from crosstune.data.kinds.registry import KINDS
from crosstune.data.layout import is_hidden
from crosstune.data.places import SEGMENTATION
from crosstune.data.readers.base import RawData, Reader
from crosstune.data.readers.class_folders import ClassFolders
from crosstune.data.readers.coco import CocoFiles
from crosstune.data.readers.coco_masks import CocoMasks
from crosstune.data.readers.conll import ConllFiles
from crosstune.data.readers.hub import HubDataset
from crosstune.data.readers.loose_files import LooseFiles
from crosstune.data.readers.mask_folders import MaskFolders
from crosstune.data.readers.memory import InMemory
from crosstune.data.readers.saved import SavedDatasets
from crosstune.data.readers.table_files import TableFile, TableFolder
from crosstune.data.readers.voc import VocFiles
from crosstune.data.readers.yolo import YoloFiles

IN_PICTURES: list[Reader] = [CocoFiles(), YoloFiles(), VocFiles(), MaskFolders()]
"""Readers of boxes and masks. Where no labels are wanted (predict) they are not asked: of a folder of
pictures they would give only those that labels name."""

READERS: list[Reader] = [
    InMemory(),
    SavedDatasets(),
    *IN_PICTURES,
    ConllFiles(),
    TableFile(),
    TableFolder(),
    ClassFolders(),
    *(LooseFiles(kind) for kind in KINDS if kind.in_files),
    HubDataset(),
]


FIRST: dict[str, tuple[Reader, ...]] = {SEGMENTATION: (MaskFolders(), CocoMasks())}
"""By task: who is asked before all others where the user names it: a folder may hold boxes and masks."""


def read_raw(data: Any, *, task: str | None = None, labels: bool = True) -> RawData:  # noqa: ANN401
    """Let the first reader that claims ``data`` read it.

    Args:
        data: whatever the user names.
        task: as the user names it.
        labels: whether they are wanted.

    Raises:
        DataNotFound: there is no such path, and it is no Hub dataset either.
        UnknownLayout: the path exists, but no reader knows the layout.
    """
    subject = data
    if isinstance(data, (str, Path)):
        path = Path(data).expanduser()
        # A path that exists is never looked up on the Hub.
        subject = path if _is_local(path) or isinstance(data, Path) else data
    for reader in (*FIRST.get(task or "", ()), *READERS):
        if (labels or reader not in IN_PICTURES) and reader.claims(subject):
            return reader.read(subject)
    if isinstance(subject, Path) and subject.exists():
        refuse(subject)
        raise _unknown(subject)
    raise _missing(data)


def _is_local(path: Path) -> bool:
    """Say whether text means a path here: it exists, or begins in a folder that does.

    A path with a slip in its last part must not be sent to the Hub as the name of a dataset.
    """
    return path.exists() or (path.parent != Path() and path.parent.is_dir())


def _unknown(path: Path) -> UnknownLayout:
    if path.is_dir():
        found = shown(_visible(path)) or "an empty folder"
    else:
        found = f"a file ending in `{path.suffix}`" if path.suffix else "a file without a suffix"
    return UnknownLayout(
        f"`{path}` is not laid out in a way that can be read",
        found=found,
        expected="class folders, or .csv, .tsv, .jsonl, .parquet files (for splits: train.csv, test.csv)",
        fix="see docs/guides/data.md for every layout",
    )


def _visible(folder: Path) -> list[str]:
    return [below.name for below in sorted(folder.iterdir()) if not is_hidden(below.name)]


def _missing(data: object) -> DataNotFound:
    if not isinstance(data, (str, Path)):
        return DataNotFound(
            "data of this type cannot be read",
            found=type(data).__name__,
            expected="a path, a Hub dataset id, a pandas DataFrame, a datasets.Dataset or DatasetDict",
            fix="convert it to one of these",
        )
    parent = Path(data).expanduser().parent
    names = _visible(parent) if parent.is_dir() else []
    near = nearest(Path(data).name, names)
    return DataNotFound(
        f"there is no file or folder `{data}`",
        found=f"the folder `{parent}` "
        + (f"holds {shown(names)}" if names else "is empty or does not exist"),
        expected="a file, a folder, or the id of a dataset on the Hub (org/name)",
        fix=f"did you mean `{parent / near}`?" if near else "correct the path",
    )
