"""One variant of the stored activations: files of rows, ragged where examples have tokens.

Rows are appended in processing order as raw bytes; an index says where each example lies. Of an example
with T tokens or frames, T rows are stored, without padding. Of a sound with S samples only S is kept beside
its frames: what the suffix reads of the samples is which of them are padding.

Shapes: N examples, B batch, T tokens or frames, S samples, C channels.
"""

import errno
import shutil
from dataclasses import dataclass
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.cache_entries import make_room
from crosstune.core.files import read_json, write_json
from crosstune.core.run_dir import cache_dir
from crosstune.frozen.errors import CacheFull
from crosstune.frozen.loader import Indices
from crosstune.frozen.stand_ins import poisoned
from crosstune.sources.base import Backbone, Batch
from crosstune.sources.frames import Frames, frame_mask, inside

_ABOUT, _INDEX, _ACTIVATION = "about.json", "index.npy", "activation"
_SAMPLES, _OF_SAMPLES = "samples.npy", ("mask", "open")


class Irregular(ValueError):
    """Batches whose entries cannot be stored example by example."""


@dataclass(frozen=True)
class Layout:
    """How the entries of a batch are kept."""

    mask: str | None
    """Name of the ``(B, T)`` or ``(B, S)`` mask; ``None`` where all examples have one length."""
    left: bool
    """Whether padding stands on the left."""
    padding: dict[str, int]
    """Value that pads each ``(B, T)`` entry."""
    frames: Frames | None = None
    """From S to T, where they differ."""

    @classmethod
    def of(cls, backbone: Backbone, example: Batch) -> "Layout":
        """Learn it from a batch that holds the shortest and the longest example.

        Raises:
            Irregular: there are token arrays and no mask to tell padding from tokens.
        """
        tokens = {n: t for n, t in example.items() if t.dim() == 2 and not t.is_floating_point()}
        if not tokens:
            return cls(None, left=False, padding={})
        if backbone.mask is None or backbone.mask not in tokens:
            raise Irregular("its texts have no attention mask to tell padding by")
        hidden = tokens[backbone.mask] == 0
        left = bool(hidden[:, 0].any())
        padding = {n: int(t[hidden][0]) if hidden.any() else 0 for n, t in tokens.items()}
        if left and backbone.frames is not None:
            raise Irregular("its sounds are padded on the left")
        return cls(backbone.mask, left, padding, backbone.frames)


class Writer:
    """Appends batches; the index is written when the context ends without an error."""

    def __init__(self, folder: Path, layout: Layout, precision: str, count: int, copies: int) -> None:
        """Prepare for ``count`` examples; ``copies`` variants, this one included, must fit on the disk."""
        folder.mkdir()
        self.folder, self.layout, self.half, self.copies = folder, layout, precision == "bf16", copies
        self.index = np.full((count, 3), -1, dtype=np.int64)
        self.samples = np.zeros(count, dtype=np.int64)
        self.files: dict[str, BufferedWriter] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        self.rows = self.tokens = self.written = 0

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files; write the index if all went well."""
        for file in self.files.values():
            file.close()
        if kind is None:
            np.save(self.folder / _INDEX, self.index)
            if any(entry["kind"] in _OF_SAMPLES for entry in self.entries.values()):
                np.save(self.folder / _SAMPLES, self.samples)
            about = {"mask": self.layout.mask, "left": self.layout.left, "entries": self.entries}
            write_json(self.folder / _ABOUT, about)

    def write(self, indices: Indices, batch: Batch, activation: Tensor) -> None:
        """Append the activation ``(B, ...)`` and the small entries of one batch."""
        mask = self._mask(batch)
        own = mask if mask is None else frame_mask(mask, self.layout.frames, self._places(mask))
        lengths = own.sum(1).numpy() if own is not None else np.zeros(len(indices), dtype=np.int64)
        starts = self.tokens + np.cumsum(lengths) - lengths
        self.index[indices] = np.stack([self.rows + np.arange(len(indices)), starts, lengths], axis=1)
        self.rows += len(indices)
        self.tokens += int(lengths.sum())
        stored = activation.to(torch.bfloat16).view(torch.int16) if self.half else activation
        self._append(_ACTIVATION, stored, own)
        if mask is not None:
            self.samples[indices] = mask.sum(1).numpy()
        for name, tensor in batch.items():
            self._keep(name, tensor, mask)
        if self.rows == len(indices):
            self._check_room(len(indices))

    def _keep(self, name: str, tensor: Tensor, mask: Tensor | None) -> None:
        """Append what the suffix may read of an entry of the batch: all of whole numbers, else its shape."""
        long = mask is not None and tensor.shape[1:2] == mask.shape[1:2]
        if long and tensor.is_floating_point():
            self._note(name, "open", tensor[:, :0])
        elif long and name == self.layout.mask and self.layout.frames is not None:
            self._note(name, "mask", tensor[:, :0])
        elif tensor.is_floating_point():
            self._note(name, "dummy", tensor)
        else:
            self._append(name, tensor, mask)

    def _places(self, mask: Tensor) -> int:
        """Count the tokens or frames of the longest example of a batch."""
        width = int(mask.shape[1])
        return width if self.layout.frames is None else self.layout.frames.count(width)

    def _mask(self, batch: Batch) -> Tensor | None:
        if self.layout.mask is None:
            return None
        mask = batch[self.layout.mask].bool()
        places = torch.arange(mask.shape[1])
        lengths = mask.sum(1, keepdim=True)
        straight = places >= mask.shape[1] - lengths if self.layout.left else places < lengths
        if not torch.equal(mask, straight):
            raise Irregular("its attention mask has holes between tokens")
        return mask

    def _append(self, name: str, tensor: Tensor, mask: Tensor | None) -> None:
        ragged = mask is not None and tensor.dim() >= 2 and tensor.shape[1] == mask.shape[1]
        if name == _ACTIVATION and tensor.dim() == 2:
            ragged = False  # (B, C), where C happens to be T
        rows = tensor[mask] if ragged and mask is not None else tensor
        self._note(name, "tokens" if ragged else "rows", rows)
        if name not in self.files:
            self.files[name] = (self.folder / f"{name}.bin").open("wb")
        try:
            self.written += self.files[name].write(rows.contiguous().numpy().data)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise CacheFull(self.folder, needed=self.written * 2, free=0) from error

    def _note(self, name: str, kind: str, tensor: Tensor) -> None:
        entry = {
            "kind": kind,
            "shape": list(tensor.shape[1:]),
            "type": str(tensor.dtype).removeprefix("torch."),
            "half": self.half and name == _ACTIVATION,
            "padding": self.layout.padding.get(name, 0),
        }
        if self.entries.setdefault(name, entry) != entry:
            raise Irregular(f"`{name}` changes its shape between batches")

    def _check_room(self, rows: int) -> None:
        needed = int(self.written / rows * len(self.index)) * self.copies
        if self.folder.is_relative_to(cache_dir()):
            make_room(needed - self.written)
        free = shutil.disk_usage(self.folder).free + self.written
        # The first batch holds the longest texts, so this is an upper bound: allow for the average.
        if needed > free * (2 if self.layout.mask else 1):
            raise CacheFull(self.folder, needed=needed, free=free)


class Reader:
    """Reads what a :class:`Writer` wrote, through memory maps."""

    def __init__(self, folder: Path) -> None:
        about = read_json(folder / _ABOUT)
        self.mask, self.left, self.entries = about["mask"], about["left"], about["entries"]
        self.index: NDArray[np.int64] = np.load(folder / _INDEX, allow_pickle=False)
        sounds = (folder / _SAMPLES).is_file()
        self.samples: NDArray[np.int64] | None = (
            np.load(folder / _SAMPLES, allow_pickle=False) if sounds else None
        )
        self.maps = {
            name: _map(folder / f"{name}.bin", entry)
            for name, entry in self.entries.items()
            if entry["kind"] in ("rows", "tokens")
        }

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.index)

    def read(self, indices: Indices) -> tuple[Batch, Tensor]:
        """Return the batch entries and the activation of some examples."""
        where = self.index[indices]
        batch = {
            name: self._entry(name, where)
            for name, entry in self.entries.items()
            if entry["kind"] not in _OF_SAMPLES
        }
        if self.samples is not None:
            batch |= self._made_anew(self.samples[indices])
        activation = batch.pop(_ACTIVATION)
        if self.entries[_ACTIVATION]["half"]:
            activation = activation.view(torch.bfloat16).float()
        return batch, activation

    def _made_anew(self, lengths: NDArray[np.int64]) -> Batch:
        """Make the mask of some lengths ``(B,)``, and dummies of what it hides the end of."""
        mask = inside(torch.from_numpy(lengths), int(lengths.max()))
        made: Batch = {}
        for name, entry in self.entries.items():
            kind = getattr(torch, entry["type"])
            if entry["kind"] == "mask":
                made[name] = mask.to(kind)
            if entry["kind"] == "open":
                made[name] = poisoned([*mask.shape, *entry["shape"][1:]], kind, mask.device)
        return made

    def _entry(self, name: str, where: NDArray[np.int64]) -> Tensor:
        entry = self.entries[name]
        if entry["kind"] == "dummy":
            kind = getattr(torch, entry["type"])
            return poisoned([len(where), *entry["shape"]], kind, torch.device("cpu"))
        if entry["kind"] == "rows":
            return torch.from_numpy(self.maps[name][where[:, 0]])
        return torch.from_numpy(self._tokens(name, where, entry["padding"]))

    def _tokens(self, name: str, where: NDArray[np.int64], padding: int) -> NDArray[Any]:
        source = self.maps[name]
        longest = int(where[:, 2].max())
        padded = np.full((len(where), longest, *source.shape[1:]), padding, dtype=source.dtype)
        for row, (_, start, length) in zip(padded, where.tolist(), strict=True):
            place = slice(longest - length, None) if self.left else slice(0, length)
            row[place] = source[start : start + length]
        return padded


def _map(path: Path, entry: dict[str, Any]) -> NDArray[Any]:
    flat = np.memmap(path, dtype=np.dtype(entry["type"]), mode="r")
    return flat.reshape(-1, *entry["shape"])
