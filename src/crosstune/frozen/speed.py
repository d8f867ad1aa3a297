"""How fast a frozen body runs here: measured before anything is planned."""

from dataclasses import dataclass
from statistics import harmonic_mean

from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.frozen.engines.registry import BENCHMARK_ROWS, choose_engine
from crosstune.frozen.engines.torch_engine import rate
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.keys import body_digest
from crosstune.frozen.loader import Indices, example_batch, processing_order
from crosstune.frozen.taps import TapModel
from crosstune.sources.base import Backbone, Batch

BATCH = 64
"""Rows of a batch of the pass itself."""

SECONDS = 0.5
"""ASSUMED: what one batch may take in the measurement."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """How fast, and by what."""

    rate: float
    """Examples a second."""
    engine: str
    exact: bool
    """Whether it was float32 throughout, so that an exact pass is as fast."""


def pass_speed(backbone: Backbone, items: Items, *, engine: str, examples: int, reporter: Reporter) -> Speed:
    """Measure a frozen pass over ``examples`` rows like ``items``.

    The compiled body is kept for the pass itself, so this costs a second or two more than the pass would
    anyway.
    """
    with evaluating(backbone.model):
        order = processing_order(backbone, items)
        example = example_batch(backbone, items, order, BENCHMARK_ROWS)
        compiled, name, rates = choose_engine(
            engine,
            TapModel(backbone).eval(),
            example,
            exact=False,
            examples=examples,
            identity=body_digest(backbone),
            reporter=reporter,
        )
        speed = rates[name] if name in rates else rate(compiled, example)
        rows = min(BATCH, len(items), int(SECONDS * speed))
        if rows > BENCHMARK_ROWS:
            # Engines are ranked on a few rows; whole batches, as in the pass, go up to twice as fast.
            some = typical_batches(backbone, items, order, rows)
            speed = harmonic_mean([rate(compiled, batch) for batch in some])
        return Speed(rate=speed, engine=name, exact=compiled.exact)


def typical_batches(backbone: Backbone, items: Items, order: Indices, rows: int) -> list[Batch]:
    """Make batches of ``rows`` examples as the pass will see them.

    Where all cost the same, as pictures do, one batch does. Texts and sounds are passed in the order of their
    lengths, so that hardly anything is padding: a batch of long, one of middling and one of short ones.
    """
    if not backbone.lengths_vary:
        return [example_batch(backbone, items, order, rows)]
    middles = [len(order) * part // 6 for part in (1, 3, 5)]
    starts = [min(max(0, middle - rows // 2), len(order) - rows) for middle in middles]
    return [backbone.preprocessing(items.batch(order[at : at + rows].tolist())) for at in starts]
