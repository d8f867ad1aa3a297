"""Activations at the cut, on disk: computed once, read in every epoch.

Shapes: N examples, B batch, T tokens of an example or the longest of a batch, C channels.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from crosstune.core.cache import Hold
from crosstune.core.errors import UnknownName
from crosstune.core.files import read_object, write_json
from crosstune.core.items import Items
from crosstune.core.progress import Reporter, Silent
from crosstune.core.run_dir import cache_dir
from crosstune.frozen.cut import check_cut
from crosstune.frozen.engines.base import stream
from crosstune.frozen.engines.registry import BENCHMARK_ROWS, choose_engine
from crosstune.frozen.errors import CannotCut
from crosstune.frozen.freeze import check_range, evaluating
from crosstune.frozen.keys import body_digest, pass_key
from crosstune.frozen.loader import Change, batches, example_batch, processing_order
from crosstune.frozen.ragged import Irregular, Layout, Reader, Writer
from crosstune.frozen.store import claim, complete, release
from crosstune.frozen.taps import PrefixModel
from crosstune.sources.base import Backbone, Batch

PRECISIONS = ("fp32", "bf16")
_ABOUT = "about.json"


@dataclass(frozen=True)
class Activations:
    """Stored activations of every example, in one or more variants."""

    folder: Path
    cut: int
    readers: tuple[Reader, ...]

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.readers[0])

    @property
    def variants(self) -> int:
        """How many versions of each example are stored."""
        return len(self.readers)

    @property
    def bytes(self) -> int:
        """Size on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def batch(self, indices: Sequence[int], variant: int = 0) -> tuple[Batch, Tensor]:
        """Read some examples, in the order of ``indices``.

        Returns:
            The batch entries that the suffix still reads (token arrays, padded to the longest; pictures
            as a poisoned dummy without memory), and the activation, float32, fresh memory. Positions
            that the mask hides are zero.
        """
        return self.readers[variant].read(np.asarray(indices, dtype=np.int64))

    def delete(self) -> None:
        """Remove the files. The object must not be read afterwards."""
        shutil.rmtree(self.folder)


def store_activations(
    backbone: Backbone,
    cut: int,
    items: Items,
    *,
    variants: Sequence[Change | None] = (None,),
    variants_key: str = "",
    engine: str = "torch",
    exact: bool = True,
    precision: str = "fp32",
    memory_format: str = "auto",
    batch_size: int = 64,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Activations:
    """Compute and store what comes out of ``blocks[:cut]`` for every example.

    Args:
        backbone: its prefix runs in eval mode; the cut is first checked against the uncut model.
        cut: 1 to ``len(blocks)``.
        items: the examples.
        variants: for each version to store, an augmentation (raw examples, their indices) to raw
            examples, or ``None`` for the example as it is.
        variants_key: what the augmentations depend on (names, seed): part of the cache key. Needed with
            any augmentation, because a function cannot be hashed.
        engine: what computes the prefix. ``torch`` gives the very numbers that training would compute.
        exact: float32 throughout.
        precision: of the stored numbers, ``fp32`` or ``bf16`` (half the disk, 3 digits).
        memory_format: ``contiguous`` computes on pictures that lie so, as a training that was told to does:
            its numbers, bit for bit. Otherwise torch takes the layout that is fastest.
        batch_size: examples at once.
        cache: folder of all stores; ``None`` takes ``activations`` in the user's cache.
        reporter: hears of stages.

    Raises:
        CannotCut: the model does not compute the same behind this cut.
        CacheFull: no room on the disk.
        UnknownName, MissingExtra, EngineFailed: see :func:`choose_engine`.

    Cost: one forward pass of the prefix for each variant.
    Checked by: ``tests/frozen/test_activations.py``.
    """
    _check_arguments(backbone, cut, items, variants, variants_key, precision)
    root = cache or cache_dir() / "activations"
    contiguous = memory_format == "contiguous"
    what = f"activation {cut} {precision} {len(variants)} {variants_key}" + " contiguous" * contiguous
    key = pass_key(backbone, items, family=f"{'exact' if exact else 'close'} {engine}", what=what)
    final = root / key
    reporter = reporter or Silent()
    if _sound(final, reporter):
        reporter.say(f"activations of {len(items)} examples found in the cache")
    else:
        job = _Job(backbone, cut, items, engine, exact, precision, contiguous, batch_size, reporter)
        with evaluating(backbone.model):
            _store(job, variants, root, key)
    return open_activations(final)


def open_activations(folder: Path) -> Activations:
    """Open what :func:`store_activations` wrote."""
    about = read_object(folder / _ABOUT)
    held = Hold(folder)
    readers = tuple(Reader(folder / str(i)) for i in range(about["variants"]))
    opened = Activations(folder, about["cut"], readers)
    held.tied_to(opened)
    return opened


def _sound(folder: Path, reporter: Reporter) -> bool:
    """Say whether a finished store opens; one that is damaged is dropped, to be computed again."""
    if not folder.is_dir():
        return False
    try:
        open_activations(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reporter.warn(f"stored activations cannot be read and are computed again ({str(error)[:160]})")
        shutil.rmtree(folder)
        return False
    return True


@dataclass(frozen=True)
class _Job:
    backbone: Backbone
    cut: int
    items: Items
    engine: str
    exact: bool
    precision: str
    contiguous: bool
    batch_size: int
    reporter: Reporter


def _store(job: _Job, variants: Sequence[Change | None], root: Path, key: str) -> None:
    folder = claim(root, key)
    try:
        for left_over in folder.iterdir():
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
        order = processing_order(job.backbone, job.items)
        example = example_batch(job.backbone, job.items, order, BENCHMARK_ROWS)
        device = next(job.backbone.model.parameters()).device
        check_cut(job.backbone, job.cut, {name: tensor.to(device) for name, tensor in example.items()})
        layout = Layout.of(job.backbone, example)
        prefix = PrefixModel(job.backbone, job.cut, contiguous=job.contiguous).eval()
        compiled, name, _ = choose_engine(
            job.engine, prefix, example, job.exact, examples=len(job.items) * len(variants),
            identity=f"{body_digest(job.backbone)} {job.cut} {job.contiguous}", reporter=job.reporter,
        )  # fmt: skip
        job.reporter.start("storing activations", len(job.items) * len(variants))
        done = 0
        for number, change in enumerate(variants):
            copies = len(variants) - number
            with Writer(folder / str(number), layout, job.precision, len(job.items), copies) as writer:
                decoded = batches(job.backbone, job.items, order, job.batch_size, change=change)
                for (indices, batch), (activation,) in stream(
                    compiled, ((pair, pair[1]) for pair in decoded)
                ):
                    writer.write(indices, batch, torch.from_numpy(activation))
                    done += len(indices)
                    job.reporter.advance(done, {"engine": name})
        write_json(folder / _ABOUT, _about(job, variants))
        complete(folder, root / key)
        job.reporter.finish(f"{done} activations stored")
    except Irregular as error:
        raise CannotCut(job.backbone.name, job.cut, reason=str(error)) from error
    finally:
        release(folder)
        shutil.rmtree(folder, ignore_errors=True)  # of no use unless complete, and then renamed


def _about(job: _Job, variants: Sequence[Change | None]) -> dict[str, int | str]:
    named: dict[str, int | str] = {"model": job.backbone.name, "examples": len(job.items)}
    return {"variants": len(variants), "cut": job.cut, **named}


def _check_arguments(
    backbone: Backbone,
    cut: int,
    items: Items,
    variants: Sequence[Change | None],
    variants_key: str,
    precision: str,
) -> None:
    check_range(backbone, cut)
    if cut == 0:
        raise ValueError("there is no activation before block 0")
    if not len(items) or not variants:
        raise ValueError("activations need at least one example and one variant")
    if any(variants) and not variants_key:
        raise ValueError("augmented variants need a variants_key that says what they depend on")
    if precision not in PRECISIONS:
        raise UnknownName("precision", precision, PRECISIONS)
