"""Whether the frozen prefix of a run is computed once and stored, and doing so."""

import math
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from crosstune.core.errors import BadValue
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import cache_dir
from crosstune.core.settings import Settings
from crosstune.core.units import format_duration
from crosstune.frozen.activations import Activations, store_activations
from crosstune.frozen.cost import cache_pays
from crosstune.frozen.cut import Cut
from crosstune.frozen.measure import CutCosts, measure_cut
from crosstune.sources.base import Backbone, Batch
from crosstune.training.augment import Augmenter, StoredVariant
from crosstune.training.strategies import cut_at

MEASURED_ROWS = 16
"""Examples in the batch on which the cost of prefix and suffix is measured."""
STORE_SHARE = 0.4
"""Of the time left that storing may take, at most; the rest is for training."""


@dataclass(frozen=True, kw_only=True)
class Prefix:
    """The question: a model whose prefix may be stored, and what it is to be trained on."""

    backbone: Backbone
    """Frozen as in the first epoch, on its device."""
    train: Items
    validation: Items
    settings: Settings
    augmenter: Augmenter | None
    mixing: tuple[str, ...]
    pass_seconds: float | None = None
    """Measured for one example through the whole frozen model by the engine that stores, if known."""

    @property
    def cut(self) -> int:
        """How many blocks are stored: those frozen for the whole run; 0 where that changes or none is.

        Behind blocks of a decoder nothing can be stored: what they give depends on the transcript. Nor where
        outputs are maps or boxes, which read several blocks.
        """
        if self.backbone.dense:
            return 0
        if self.settings.strategy not in ("head", "last", "surgical"):
            return 0
        frozen = cut_at(self.settings, len(self.backbone.blocks), 0)
        if self.backbone.generate is None:
            return frozen
        return max(cut for cut in range(frozen + 1) if cut == 0 or self.backbone.blocks[cut - 1].cut)

    @property
    def variants(self) -> int:
        """How many versions of each example are stored; no more than there are epochs."""
        if self.augmenter is None:
            return 1
        return max(1, min(self.settings.stored_augmentations, math.ceil(self.settings.epochs)))


@dataclass(frozen=True, kw_only=True)
class Stored:
    """The answer: activations, and the model cut there (to be entered before it is used)."""

    cut: Cut
    train: Activations
    validation: Activations

    def delete(self) -> None:
        """Remove the files: they are large, and of no use to another run."""
        self.train.delete()
        if self.validation.folder != self.train.folder:  # equal rows in both splits are stored once
            self.validation.delete()


def store_prefix(prefix: Prefix, *, left: float, reporter: Reporter) -> Stored | None:
    """Store the activations at the cut where the settings or the cost model say so.

    With augmentation, epoch e reads version ``e % variants``, each made by the draws of one epoch: as long
    as there are no more epochs than versions, that is the uncached run.

    Args:
        prefix: what could be stored.
        left: seconds of the budget.
        reporter: told about the decision.

    Returns:
        ``None`` where nothing is stored.

    Raises:
        BadValue: ``cache=on`` where there is no fixed prefix, batches of pictures are mixed, or embeddings
            get noise.
        CannotCut, CacheFull: see :func:`store_activations`.

    Checked by: ``tests/training/test_cached.py``: equal weights with and without.
    """
    setting = prefix.settings.cache
    obstacle = _obstacle(prefix)
    if setting == "on" and obstacle:
        raise BadValue(
            "activations cannot be stored in this run",
            found=f"cache=on, and {obstacle}",
            expected="strategy head, last or surgical (not its first part), without mixup, cutmix and "
            "neftune_alpha",
            fix="set cache=auto",
        )
    if setting == "off" or obstacle:
        return None
    if setting == "auto" and not _pays(prefix, left, reporter):
        return None
    return _store(prefix, reporter)


def _obstacle(prefix: Prefix) -> str:
    if prefix.backbone.dense:
        return "pixels and boxes are answered from several blocks"
    if prefix.cut == 0:
        return f"no block stays frozen under the strategy {prefix.settings.strategy}"
    if prefix.mixing:
        return f"{' and '.join(prefix.mixing)} mix pictures before the cut"
    if prefix.settings.neftune_alpha > 0.0:
        return "neftune_alpha adds noise to what the frozen blocks read, anew in each epoch"
    return ""


def _pays(prefix: Prefix, left: float, reporter: Reporter) -> bool:
    examples = len(prefix.train)
    costs = _measured(prefix)
    each = min(costs.prefix_seconds, prefix.pass_seconds or math.inf)
    storing = examples * prefix.variants * each
    decision = cache_pays(
        prefix_seconds=costs.prefix_seconds,
        suffix_seconds=costs.suffix_seconds,
        epochs=prefix.settings.epochs,
        examples=examples,
        bytes_per_example=costs.bytes_per_example,
        free_bytes=_free(cache_dir()),
        variants=prefix.variants,
        store_seconds=each,
    )
    if decision.pays and storing > STORE_SHARE * left:
        reporter.say(f"activations are not stored: it would take {format_duration(storing)} of the time left")
        return False
    answer = "stored once" if decision.pays else "not stored"
    reporter.say(f"activations behind block {prefix.cut} are {answer}: {decision.because}")
    return decision.pays


def _measured(prefix: Prefix) -> CutCosts:
    return measure_cut(prefix.backbone, prefix.cut, _example(prefix, MEASURED_ROWS))


def _example(prefix: Prefix, rows: int) -> Batch:
    count = min(rows, len(prefix.train))
    raw = prefix.train.batch([i * len(prefix.train) // count for i in range(count)])
    device = next(prefix.backbone.model.parameters()).device
    return {name: tensor.to(device) for name, tensor in prefix.backbone.preprocessing(raw).items()}


def _free(folder: Path) -> float:
    existing = next(one for one in (folder, *folder.parents) if one.exists())
    return float(shutil.disk_usage(existing).free)


def _store(prefix: Prefix, reporter: Reporter) -> Stored:
    backbone, engine, layout = prefix.backbone, prefix.settings.engine, prefix.settings.memory_format
    versions: list[StoredVariant | None] = [None]
    key = ""
    if prefix.augmenter is not None:
        versions = [prefix.augmenter.variant(number) for number in range(prefix.variants)]
        key = f"{prefix.augmenter.operations} {prefix.augmenter.seed}"
    train = store_activations(
        backbone,
        prefix.cut,
        prefix.train,
        variants=versions,
        variants_key=key,
        engine=engine,
        memory_format=layout,
        reporter=reporter,
    )
    validation = store_activations(
        backbone, prefix.cut, prefix.validation, engine=engine, memory_format=layout, reporter=reporter
    )
    with torch.no_grad():
        cut = Cut(backbone, prefix.cut, _example(prefix, 2))
    return Stored(cut=cut, train=train, validation=validation)
