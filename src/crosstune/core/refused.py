"""Kinds of files that are never opened: reading them can run code, or unpack without end."""

from pathlib import Path

from crosstune.core.errors import RefusedFile

PICKLES = frozenset(
    {".pkl", ".pickle", ".p", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".bin", ".npy", ".npz", ".mar"}
    | {".h5", ".hdf5", ".keras", ".pb", ".onnx", ".model", ".sav", ".rds", ".rda"}
)
"""Files of objects: most are pickles, which are programs; the others can hold code or name other files."""

ARCHIVES = frozenset(
    {".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz", ".zst", ".lz4", ".7z", ".rar"}
)
"""Files to be unpacked."""


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a text to be predicted, too long for a name or with a zero byte
        return False


def refuse(path: Path) -> None:
    """Raise ``RefusedFile`` where ``path`` is a file whose name says that it must not be opened."""
    suffix = path.suffix.lower()
    if suffix not in PICKLES | ARCHIVES or not _is_file(path):
        return
    if suffix in ARCHIVES:
        raise RefusedFile(
            f"`{path.name}` is an archive, and crosstune unpacks none",
            found=f"a file ending in `{suffix}`",
            expected="a folder, or a table file",
            fix="unpack it yourself into an empty folder, look at what came out, and name that folder",
        )
    raise RefusedFile(
        f"`{path.name}` is of a kind that can run code when it is read, so it is not opened",
        found=f"a file ending in `{suffix}`",
        expected="data: folders, CSV, TSV, JSON Lines, Parquet; models: a folder with safetensors",
        fix="where you trust its author, convert it: data to Parquet, weights to safetensors",
    )
