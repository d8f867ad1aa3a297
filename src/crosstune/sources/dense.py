"""Any picture model as one that answers about places: its body, and a decoder of our own behind it.

For masks that is :class:`DenseModel`, for boxes :class:`PlaceDetector`.

The folder is that of the picture model, whose own record is ``picture.json``; ``decoder.safetensors`` holds
what is ours, and ``crosstune.json`` says how both go together.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from crosstune.sources import place_detector, unet
from crosstune.sources.assemble import Identity, example, same
from crosstune.sources.base import Backbone, Block, OpenOptions, Preprocessing
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.heads import seeded, start_head
from crosstune.sources.place_detector import PlaceDetector
from crosstune.sources.preprocessing import ImagePreprocessing, ProcessorPreprocessing
from crosstune.sources.pyramid import FINEST, DenseModel, Tap, find_taps
from crosstune.sources.record import Record, bad_record, keep_picture_record, picture_record
from crosstune.sources.segmenter import BOXES, TASK, PlacePreprocessing
from crosstune.sources.trace import watch
from crosstune.sources.unet import UNetDecoder
from crosstune.sources.weights import load_weights, read_weights, write_weights

FORMAT = "dense"
"""The record of the picture model, as its own source wrote it."""
WEIGHTS = "decoder.safetensors"
DROPOUT = 0.1
"""PRIOR: before the last layer, as SegFormer and UPerNet have it."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What a task puts behind a picture model."""

    words: str
    """What is answered."""
    finest: int
    """Pixels a place of the finest map that is read, at least."""
    make: Callable[[nn.Module, list[Tap], int, float], DenseModel | PlaceDetector]
    """From the body, the maps to read, K and the dropout to the whole model, of random weights."""
    own: tuple[str, ...]
    """Paths of what is ours; the last layer is ``classifier``."""

    @property
    def note(self) -> str:
        """Say what the model is."""
        return (
            f"only crosstune loads this model for {self.words}: a picture model of another library with a "
            "small decoder behind it, which starts from random values"
        )

    @property
    def loads_with(self) -> str:
        """Give the Python lines that load a saved folder."""
        return f'# {self.note}\nimport crosstune\n\nmodel = crosstune.load("{{path}}")'


KINDS: dict[str, dict[str, Kind]] = {
    TASK: {
        "fpn": Kind(words="masks", finest=FINEST, make=DenseModel, own=("decoder", "classifier")),
        "unet": Kind(
            words="masks", finest=unet.FINEST, make=partial(DenseModel, decoder=UNetDecoder),
            own=("decoder", "classifier"),
        ),
    },
    BOXES: {
        "fcos": Kind(
            words="boxes", finest=place_detector.FINEST, make=PlaceDetector,
            own=("decoder", "sides", "classifier"),
        ),
    },
}  # fmt: skip
"""By task, and by what the setting ``decoder`` calls it; the first is the default."""


def kind_of(options: OpenOptions) -> Kind:
    """Find what is asked for; raises ``UnsupportedModel`` where the task has no decoder of that name."""
    able = KINDS[options.task]
    name = next(iter(able)) if options.decoder == "auto" else options.decoder
    if name not in able:
        raise UnsupportedModel(
            f"there is no such decoder for {options.task}",
            found=f"decoder {name}",
            expected=f"one of {', '.join(able)}, or auto",
            fix="leave `decoder` out, or name one of these",
        )
    return able[name]


def with_decoder(body: Backbone, options: OpenOptions) -> Backbone:
    """Put a decoder of random weights behind an opened picture model.

    Raises:
        UnsupportedModel: its blocks give no maps, it is a text body that reads patches, or ``resize`` is set.

    Cost: two forwards of one example.
    Checked by: ``tests/sources/test_segmenting.py``.
    """
    if body.new_parts:
        raise UnsupportedModel(
            f"the model `{body.name}` is a text body that reads patches",
            found=f"the task {options.task}",
            expected="a model of pictures, of timm, torchvision or transformers",
            fix="choose package:efficientnet-lite0 or another picture model",
        )
    if options.resize is not None:
        raise UnsupportedModel(
            f"whole pictures are resized for {kind_of(options).words}, and nothing is cropped",
            found=f"resize {options.resize}",
            expected="no value for `resize`",
            fix="leave out `resize`; `image_size` is the side that pictures are read at",
        )
    dropout = DROPOUT if options.dropout is None else options.dropout
    return _dense(body, places_of(body.preprocessing, body.name), options, dropout)


def places_of(own: Preprocessing, name: str) -> PlacePreprocessing:
    """Make the preprocessing that squashes whole pictures to what the model reads, bilinearly.

    Raises:
        UnsupportedModel: it is not resizing, scaling to [0, 1] and normalising.
    """
    if isinstance(own, ImagePreprocessing):
        squashed = replace(own, resize=own.size, squash=True, interpolation="bilinear")
        return PlacePreprocessing(squashed, own.size)
    tool = own.processor if isinstance(own, ProcessorPreprocessing) else None
    scale = getattr(tool, "rescale_factor", 1 / 255)
    if tool is None or abs(scale - 1 / 255) > 1e-9:
        raise UnsupportedModel(
            f"the model `{name}` reads pictures in a form that is not supported for masks",
            found=str(own.describe())[:200],
            expected="pictures that are resized, scaled to [0, 1] and normalised",
            fix="choose another model; `crosstune models` lists them",
        )
    side = int(own([example("image")])["pixel_values"].shape[-1])
    normal = bool(getattr(tool, "do_normalize", True))
    return PlacePreprocessing(
        ImagePreprocessing(
            argument="pixel_values", size=side, resize=side, interpolation="bilinear", squash=True,
            mean=tuple(map(float, tool.image_mean)) if normal else (0.0, 0.0, 0.0),
            std=tuple(map(float, tool.image_std)) if normal else (1.0, 1.0, 1.0),
        ),
        side,
    )  # fmt: skip


def reopen(folder: Path, record: Record, reopen_picture: Callable[[Path, Record], Backbone]) -> Backbone:
    """Open a folder that :class:`DenseSaver` wrote, decoder and all; raises ``BadWeights``."""
    body = reopen_picture(folder, picture_record(folder, FORMAT))
    try:
        preprocessing = PlacePreprocessing.from_json(record.preprocessing)
    except (TypeError, KeyError, ValueError) as error:
        raise bad_record(f"its preprocessing cannot be read: {error}") from error
    options = record.options
    dropout = DROPOUT if options.dropout is None else options.dropout
    backbone = _dense(body, preprocessing, options, dropout)
    own = kind_of(options).own
    load_weights(_own_parts(backbone.model, own), read_weights(folder / WEIGHTS), where=folder)
    return backbone


def _dense(
    body: Backbone, preprocessing: PlacePreprocessing, options: OpenOptions, dropout: float
) -> Backbone:
    model, kind = body.model, kind_of(options)
    trace = watch(model, preprocessing.inner([example("image")]), body.logits)
    taps = find_taps(body, trace, preprocessing.side, kind.finest)
    with seeded(options.seed, "decoder"):
        dense = kind.make(model, taps, options.outputs, dropout)
    start_head(dense.classifier, options.seed)
    if isinstance(dense, PlaceDetector):
        dense.start_low()
    _rest_behind(body, taps)
    dense.eval()
    return replace(
        body,
        model=dense,
        blocks=_blocks(body, taps),
        head="classifier",
        head_beside=tuple(path for path in kind.own if path != "classifier"),
        dense=True,
        levels=dense.levels if isinstance(dense, PlaceDetector) else (),
        preprocessing=preprocessing,
        logits=same,
        any_side=isinstance(dense, DenseModel) and all(one.layout in ("BCHW", "BC") for one in body.blocks),
        save=DenseSaver(body, dense, preprocessing, options),
        loads_with=kind.loads_with,
        source_head=None,
        notes=[*body.notes, kind.note],
    )


def at_side(backbone: Backbone, side: int) -> Backbone:
    """Give a model that reads pictures of another side, in pixels; the weights are shared, not copied.

    Raises:
        ValueError: ``any_side`` is not true of the model.

    Checked by: ``tests/sources/test_segmenting.py``.
    """
    saver = backbone.save
    if not (backbone.any_side and isinstance(saver, DenseSaver)):
        raise ValueError(f"{backbone.name} reads pictures of one size")
    inner = saver.preprocessing.inner
    assert isinstance(inner, ImagePreprocessing)  # noqa: S101 - places_of makes no other
    preprocessing = PlacePreprocessing(replace(inner, size=side, resize=side), side)
    return replace(backbone, preprocessing=preprocessing, save=replace(saver, preprocessing=preprocessing))


def _blocks(body: Backbone, taps: list[Tap]) -> tuple[Block, ...]:
    """List the blocks up to the last that is read; the last ends with the map that is read."""
    last = max(taps, key=lambda tap: tap.block)
    found = []
    for number, block in enumerate(body.blocks[: last.block + 1]):
        modules, layout, width = block.modules, block.layout, block.width
        if number == last.block:
            modules = modules[: modules.index(last.path) + 1]
            layout, width = last.layout, last.channels
        found.append(
            replace(
                block, layout=layout, width=width, cut=False,
                modules=tuple(f"body.{path}" for path in modules),
                loose=tuple(f"body.{path}" for path in block.loose),
            )
        )  # fmt: skip
    return tuple(found)


def _rest_behind(body: Backbone, taps: list[Tap]) -> None:
    """Fix what stands behind the last map: it runs, and nothing reads it."""
    last = max(taps, key=lambda tap: tap.block)
    own = body.blocks[last.block].modules
    unread = [*own[own.index(last.path) + 1 :], body.head]
    unread += [path for block in body.blocks[last.block + 1 :] for path in block.modules]
    for path in unread:
        body.model.get_submodule(path).requires_grad_(False)


def _own_parts(model: nn.Module, own: tuple[str, ...]) -> nn.ModuleDict:
    return nn.ModuleDict({name: model.get_submodule(name) for name in own})


@dataclass(frozen=True)
class DenseSaver:
    """Writes a model folder that :func:`reopen` reads."""

    body: Backbone
    model: DenseModel | PlaceDetector
    preprocessing: PlacePreprocessing
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write what the picture model writes, its record as ``picture.json``, and what is ours."""
        self.body.save(path, hub_config)
        inner = keep_picture_record(path)
        kind = kind_of(self.options)
        write_weights(_own_parts(self.model, kind.own), path / WEIGHTS)
        identity = Identity.of(inner).noting(kind.note)
        identity.record(FORMAT, replace(self.options, symbols=None), self.preprocessing).write(path)
