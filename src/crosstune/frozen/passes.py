"""The frozen pass: every example once through the body, its features kept on disk.

Shapes: N examples, H width of the head's input, K head outputs.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crosstune.core.cache import Hold
from crosstune.core.files import read_json, read_object, write_json
from crosstune.core.items import Items
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.core.progress import Reporter, Silent
from crosstune.core.run_dir import cache_dir
from crosstune.core.units import format_duration
from crosstune.frozen.engines.base import Compiled, stream
from crosstune.frozen.engines.registry import BENCHMARK_ROWS, ENGINES, choose_engine
from crosstune.frozen.engines.torch_engine import with_precision
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.frozen.features import Features, from_joined
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.halving import halved
from crosstune.frozen.keys import body_digest, pass_key
from crosstune.frozen.loader import Indices, batches, example_batch, processing_order
from crosstune.frozen.store import claim, complete, release, reserve
from crosstune.frozen.taps import OutputModel, TapModel
from crosstune.sources.base import Backbone

_SAVE_EVERY = 10.0
_PROGRESS, _ABOUT = "progress.json", "about.json"
_BLOCKS, _HEAD = "blocks.npy", "head.npy"


def frozen_pass(
    backbone: Backbone,
    items: Items,
    *,
    engine: str = "auto",
    exact: bool = False,
    batch_size: int = 64,
    cache: Path | None = None,
    reporter: Reporter | None = None,
) -> Features:
    """Compute the mean-pooled output of every block, and the head's input, for every example.

    The result lies on disk and is memory-mapped. It is found again by the content of the data, the
    weights of the body and the preprocessing; an interrupted pass goes on where it was last saved; two
    processes at once do not disturb each other.

    Args:
        backbone: put in eval mode for the pass and given its modes back.
        items: decoded in other threads while the engine computes.
        engine: ``auto`` (the fastest by a short benchmark) or the name of one.
        exact: float32 throughout; otherwise half precision where the features are as good by it.
        batch_size: examples at once.
        cache: folder of all passes; ``None`` takes ``features`` in the user's cache.
        reporter: hears of stages, the choice of the engine, and failures.

    Raises:
        UnknownName, MissingExtra, EngineFailed: see :func:`choose_engine`.
        CacheFull: no room on the disk.
        NonFiniteFeatures: the body gave NaN or infinity.

    Cost: one forward pass; ``4 (sum W_b + H)`` bytes on disk for each example.
    Checked by: ``tests/frozen/test_passes.py``.
    """
    reporter = reporter or Silent()
    if not len(items):
        return _nothing(backbone)
    root = cache or cache_dir() / "features"
    family = ("exact" if exact else "close") + ("" if engine == "auto" else f" {engine}")
    key = pass_key(backbone, items, family=family)
    final = root / key
    features = _found(final, reporter)
    if features is None:
        with evaluating(backbone.model):
            runner = _Runner(backbone, items, engine, exact, batch_size, reporter)
            _compute(runner, root, key)
        features = _open(final)
    else:
        reporter.say(f"features of {len(items)} examples found in the cache")
    return features


def model_outputs(
    backbone: Backbone,
    items: Items,
    *,
    engine: str = "auto",
    batch_size: int = 64,
    reporter: Reporter | None = None,
) -> NDArray[np.float32]:
    """Run the whole model in exact float32, for evaluate and predict. Nothing is kept on disk.

    Returns:
        ``(N, K)`` head outputs, in the order of the items.

    Raises: as :func:`frozen_pass`.
    """
    runner = _Runner(backbone, items, engine, True, batch_size, reporter or Silent())
    outputs = np.zeros((len(items), backbone.head_module().out_features), dtype=np.float32)

    def write(indices: Indices, arrays: tuple[NDArray[np.float32], ...]) -> None:
        runner.check_finite(indices, arrays[0], "outputs")
        outputs[indices] = arrays[0]

    with evaluating(backbone.model):
        runner.run(OutputModel(backbone).eval(), "outputs", write)
    return outputs


@dataclass
class _Runner:
    """Decodes, computes and reports; what happens to the results is the caller's."""

    backbone: Backbone
    items: Items
    engine: str
    exact: bool
    batch_size: int
    reporter: Reporter
    chosen: str = ""
    rates: dict[str, float] = field(default_factory=dict)
    half: bool | None = None
    """Whether torch computes in bf16; ``None`` before that was decided."""

    def run(
        self,
        module: OutputModel | TapModel,
        stage: str,
        write: Callable[[Indices, tuple[NDArray[np.float32], ...]], None],
        *,
        start: int = 0,
    ) -> None:
        """Compute everything from place ``start`` of the processing order on."""
        count = len(self.items)
        if start >= count:
            return
        order = processing_order(self.backbone, self.items)
        compiled = self._compile(module, order, count - start)
        self.reporter.start(stage, count)
        began, done = time.perf_counter(), start
        while done < count:
            try:
                decoded = batches(self.backbone, self.items, order[done:], self.batch_size)
                for indices, arrays in stream(compiled, decoded):
                    write(indices, arrays)
                    done += len(indices)
                    rate = (done - start) / max(time.perf_counter() - began, 1e-9)
                    self.reporter.advance(done, {"engine": self.chosen, "examples/s": rate})
            except CAN_BE_MEMORY as error:
                self.batch_size = halved(error, self.batch_size, f"the {stage}", self.reporter)
        self.reporter.finish(f"{count} examples in {format_duration(time.perf_counter() - began)}")

    def _compile(self, module: OutputModel | TapModel, order: Indices, left: int) -> Compiled:
        example = example_batch(self.backbone, self.items, order, BENCHMARK_ROWS)
        identity = body_digest(self.backbone, head=isinstance(module, OutputModel))
        compiled, self.chosen, self.rates = choose_engine(
            self.engine, module, example, self.exact,
            examples=left, identity=identity, reporter=self.reporter,
        )  # fmt: skip
        if self.half is not None and self.chosen == "torch":
            compiled = with_precision(module, example, half=self.half, exact=self.exact or not self.half)
        self.half = bool(getattr(compiled, "half", False))
        if len(self.rates) > 1:
            shown = ", ".join(f"{name} {value:.0f}" for name, value in self.rates.items())
            self.reporter.say(f"engine {self.chosen} (examples a second: {shown})")
        return compiled

    def check_finite(self, indices: Indices, array: NDArray[np.float32], what: str) -> None:
        """Raise ``NonFiniteFeatures`` for NaN or infinity in ``(B, W)``."""
        if np.isfinite(array).all():
            return
        rows, columns = np.nonzero(~np.isfinite(array))
        origins = self.items.origins()
        bad = [origins[int(index)] for index in indices[np.unique(rows)]]
        raise NonFiniteFeatures(self.chosen, origins=bad, where=f"{what}, column {int(columns[0])}")


class _Writer:
    """Writes features to memory maps and saves progress now and then."""

    def __init__(self, folder: Path, runner: _Runner) -> None:
        self.folder, self.runner = folder, runner
        self.names = [block.name for block in runner.backbone.blocks]
        self.maps: tuple[NDArray[np.float32], ...] = ()
        self.done, self.seconds, self.engines = 0, 0.0, list[str]()
        self.began = self.saved = time.monotonic()
        self._resume()

    def _resume(self) -> None:
        path = self.folder / _PROGRESS
        if not path.exists():
            return
        progress = read_json(path)
        self.done, self.seconds, self.engines = progress["done"], progress["seconds"], progress["engines"]
        self._choose_as_before(progress.get("half"))
        self.maps = tuple(
            np.load(self.folder / name, mmap_mode="r+", allow_pickle=False) for name in (_BLOCKS, _HEAD)
        )

    def _choose_as_before(self, half: bool | None) -> None:
        """Go on with the engine and the precision that the pass began with: they decide the last bits."""
        known = {engine.name: engine for engine in ENGINES}
        before = self.engines[-1] if self.engines else ""
        if self.runner.engine == "auto" and before in known and known[before].available():
            self.runner.engine, self.runner.half = before, half

    def write(self, indices: Indices, arrays: tuple[NDArray[np.float32], ...]) -> None:
        """Take the pooled blocks and the head input of one batch."""
        if not self.maps:
            self.maps = self._create([array.shape[1] for array in arrays])
        for target, array, what in zip(self.maps, arrays, ("blocks", "head input"), strict=True):
            self.runner.check_finite(indices, array, what)
            target[indices] = array
        self.done += len(indices)
        if time.monotonic() - self.saved > _SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Flush what is written, then say how far it goes."""
        if not self.maps:
            return
        for target in self.maps:
            if isinstance(target, np.memmap):
                target.flush()
        if self.runner.chosen and self.runner.chosen not in self.engines:
            self.engines.append(self.runner.chosen)
        self.saved = time.monotonic()
        total = self.seconds + self.saved - self.began
        progress = {"done": self.done, "seconds": total, "engines": self.engines, "half": self.runner.half}
        write_json(self.folder / _PROGRESS, progress)

    def _create(self, widths: list[int]) -> tuple[NDArray[np.float32], ...]:
        count = len(self.runner.items)
        made = []
        for name, width in zip((_BLOCKS, _HEAD), widths, strict=True):
            path = self.folder / name
            made.append(np.lib.format.open_memmap(path, "w+", np.float32, (count, width)))
            reserve(path, count * width * 4)
        return tuple(made)


def _compute(runner: _Runner, root: Path, key: str) -> None:
    """Fill the folder of ``key``, continuing an abandoned one where there is one."""
    folder = claim(root, key)
    try:
        writer = _Writer(folder, runner)
        if writer.done:
            runner.reporter.say(f"continuing an interrupted pass at example {writer.done}")
        try:
            runner.run(TapModel(runner.backbone).eval(), "frozen pass", writer.write, start=writer.done)
        finally:
            writer.save()
        about = read_json(folder / _PROGRESS) | {
            "names": writer.names,
            "widths": runner.backbone.pooled_widths,
        }
        about |= {"model": runner.backbone.name, "examples": len(runner.items)}
        write_json(folder / _ABOUT, about)
        writer.maps = ()
        complete(folder, root / key)
    finally:
        release(folder)


def _found(folder: Path, reporter: Reporter) -> Features | None:
    """Open a finished pass; one that is damaged is dropped, to be computed again."""
    if not folder.is_dir():
        return None
    try:
        return _open(folder)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reporter.warn(
            f"cached features cannot be read and are computed again ({' '.join(str(error).split())[:160]})"
        )
        shutil.rmtree(folder)
        return None


def _open(folder: Path) -> Features:
    about = read_object(folder / _ABOUT)
    held = Hold(folder)
    joined, head = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in (_BLOCKS, _HEAD))
    features = from_joined(
        joined, head, names=about["names"], widths=about["widths"],
        engine="+".join(about["engines"]), seconds=about["seconds"],
    )  # fmt: skip
    held.tied_to(features)
    return features


def _nothing(backbone: Backbone) -> Features:
    widths = backbone.pooled_widths
    return from_joined(
        np.zeros((0, sum(widths)), dtype=np.float32),
        np.zeros((0, backbone.head_module().in_features), dtype=np.float32),
        names=[block.name for block in backbone.blocks],
        widths=widths,
        engine="none",
        seconds=0.0,
    )
