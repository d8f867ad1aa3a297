"""Features of places of pictures, read from the maps of a picture model.

Shapes: R rows (places), B batch, C channels of a map, h x h its places.
"""

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.ops import roi_align

from crosstune.core.items import Items
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.core.progress import Reporter, Silent
from crosstune.core.targets import SIZES
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.frozen.features import Features, from_joined
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.halving import halved
from crosstune.frozen.loader import Indices, batches, processing_order
from crosstune.sources.base import Backbone, Batch
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.pyramid import MapReader

Rows = NDArray[np.intp]


def place_features(
    backbone: Backbone,
    items: Items,
    boxes: NDArray[np.float64],
    pictures: NDArray[np.intp],
    *,
    batch_size: int = 16,
    reporter: Reporter | None = None,
) -> Features:
    """Read each map that the decoder reads at places of pictures, by torch in float32.

    A box is averaged over bilinear samples, one for each place that it covers (ROI Align, He et al. 2017,
    arXiv:1703.06870, with one cell). A box within one place, such as a pixel, has one sample, at its middle:
    what enlarging the map to the size of the picture gives there, as the decoders do it.

    Args:
        backbone: opened for masks or boxes with a decoder of ours; the decoder itself does not run.
        items: raw pictures.
        boxes: ``(R, 4)`` left, top, right, bottom as shares of the sides.
        pictures: ``(R,)`` number of the picture of each row.
        batch_size: pictures at once; halved where memory runs out.
        reporter: told how far it is.

    Returns:
        R rows of those blocks whose maps are read, the finest first; the head's input is the deepest's.

    Raises:
        UnsupportedModel: the model has a decoder of its own.
        NonFiniteFeatures: the body gave NaN or infinity; the pictures are named.
        OutOfMemory: not even one picture fits.

    Cost: one forward of the body for each picture: 5.3 processor seconds on one thread for 125 pictures at
    224 px through EfficientNet-lite0. Memory for the maps of one batch, and 4 R sum C bytes.
    Checked by: ``tests/frozen/test_place_features.py``: against averages by hand, whatever the batch size.
    """
    reader, told, began = _reader(backbone), reporter or Silent(), time.perf_counter()
    widths = [tap.channels for tap in reader.taps]
    joined = np.zeros((len(boxes), sum(widths)), np.float32)
    told.start("features of places", len(items))
    with evaluating(backbone.model), torch.inference_mode():
        order, done = processing_order(backbone, items), 0
        while done < len(items):
            try:
                for indices, batch in batches(backbone, items, order[done:], batch_size):
                    rows, within = _rows_of(indices, pictures)
                    joined[rows] = _read(reader, batch, boxes[rows], within)
                    _check_finite(items, joined, rows, pictures)
                    done += len(indices)
                    told.advance(done)
            except CAN_BE_MEMORY as error:
                batch_size = halved(error, batch_size, "reading places", told)
    told.finish(f"{len(boxes):,} places of {len(items):,} pictures read")
    return from_joined(
        joined,
        joined[:, joined.shape[1] - widths[-1] :],
        names=[backbone.blocks[tap.block].name for tap in reader.taps],
        widths=widths,
        engine="torch",
        seconds=time.perf_counter() - began,
    )


def _reader(backbone: Backbone) -> MapReader:
    if isinstance(backbone.model, MapReader):
        return backbone.model
    raise UnsupportedModel(
        f"the model `{backbone.name}` cannot be compared by its maps",
        found="a decoder of its own, whose worth its maps do not show",
        expected="a picture model that was not made for masks or boxes",
        fix="name it with `crosstune fit --model`, and compare what comes out",
    )


def _rows_of(indices: Indices, pictures: Rows) -> tuple[Rows, Rows]:
    """Find the rows of the pictures of a batch, and the place of their picture in it."""
    by_picture = [np.flatnonzero(pictures == index) for index in indices]
    within = np.repeat(np.arange(len(indices)), [len(one) for one in by_picture])
    return np.concatenate(by_picture), within


def _read(reader: MapReader, batch: Batch, boxes: NDArray[np.float64], within: Rows) -> NDArray[np.float32]:
    """Read places of the pictures of a batch from every map, ``(n, sum C)``."""
    device = next(reader.parameters()).device
    maps = reader.maps({name: tensor.to(device) for name, tensor in batch.items() if name != SIZES})
    found: Sequence[Tensor] = [_at(one.float(), boxes, within) for one in maps]
    return torch.cat(list(found), dim=1).cpu().numpy()


def _at(one: Tensor, boxes: NDArray[np.float64], within: Rows) -> Tensor:
    """Read places of one map ``(B, C, h, h)``, ``(n, C)``."""
    scaled = np.concatenate([within[:, None], boxes * one.shape[-1]], axis=1)
    places = torch.from_numpy(scaled.astype(np.float32)).to(one.device)
    found: Tensor = roi_align(one, places, output_size=1, sampling_ratio=-1, aligned=True)
    return found.flatten(1)


def _check_finite(items: Items, joined: NDArray[np.float32], rows: Rows, pictures: Rows) -> None:
    """Raise ``NonFiniteFeatures`` where a row is not finite."""
    bad = rows[~np.isfinite(joined[rows]).all(axis=1)]
    if len(bad):
        origins = items.origins()
        raise NonFiniteFeatures("torch", origins=[origins[one] for one in np.unique(pictures[bad])],
                                where="maps")  # fmt: skip
