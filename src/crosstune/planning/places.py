"""Rules for masks and boxes, whose decoder starts from random values: size, batch, and slowly rising rates.

Nothing is learnt there but by training, so that what fits into the budget decides more than elsewhere.
"""

from collections.abc import Sequence

from crosstune.core.plan import Basis, Decision
from crosstune.core.units import format_duration
from crosstune.planning.facts import PLACES, DataFacts, ModelFacts
from crosstune.planning.seconds import BACKWARD
from crosstune.planning.strategy import SLACK

LEAST_EPOCHS = 3.0
"""ASSUMED: fewer passes over the data than this teach a new decoder little, whatever the size."""

LEAST_SIDE, STEP = 96, 16
"""ASSUMED: in pixels; a body that reduces its input 32-fold leaves three positions in a row."""

UPDATES = 2_000
"""MEASURED: on 850 scenes (``benchmarks/scenes.py``), with the same 17,000 examples seen, 2,182 batches of 8
gave a mean IoU of 0.621 and 1,006 of 16 gave 0.597."""

BATCHES = (32, 16, 8)
"""PRIOR: from the usual one down to the smallest that still fills two cores."""

WARM_STEPS = 200
"""MEASURED: 430 updates of masks on the same scenes reached 0.495 with 214 of them in warm-up and 0.446 with
41, at equal rates. Ma and Yarats (2019, arXiv:1910.04209) advise 2 / (1 - beta2) for Adam: 2,000, which no
budget of minutes has."""

WARM_SHARES = (0.1, 0.5)
"""Least and most of the updates."""

LARGER, GRID = (8 / 7, 9 / 7, 10 / 7), 32
"""MEASURED: on the same scenes crops (of 0.35 to 1 of the area) show things 1.22 times as large on average;
weights that learnt at 224 px have a mean IoU of 0.627 there, 0.655 at 256, 0.668 at 288, 0.670 at 320. Sides
are multiples of what a body reduces its input by."""


def choose_batch_size(examples: float) -> Decision:
    """Choose the largest batch that leaves ``UPDATES`` updates, or the smallest.

    Args:
        examples: that training sees, by what is wanted and what fits.
    """
    enough = [size for size in BATCHES if examples / size >= UPDATES]
    value = enough[0] if enough else BATCHES[-1]
    why = f"about {examples / value:,.0f} updates by {examples:,.0f} examples; {UPDATES:,} are wanted"
    return Decision("batch_size", value, Basis.PRIOR, why, ("speed/training-step",))


def choose_warmup(examples: float, batch_size: int) -> Decision:
    """Choose the share of the updates in which the rates rise: ``WARM_STEPS`` of them, within bounds."""
    least, most = WARM_SHARES
    share = WARM_STEPS * batch_size / max(examples, 1.0)
    value = float(f"{min(most, max(least, share)):.2g}")
    why = f"{WARM_STEPS} updates, or half of all: a decoder that starts new leads the body astray at first"
    return Decision("warmup", value, Basis.PRIOR, why)


def shrink_places(data: DataFacts, side: int, speed: float, left: float) -> Decision | None:
    """Choose a smaller side where too few epochs would fit, else nothing.

    Args:
        data: how many pictures an epoch has.
        side: in pixels, chosen so far.
        speed: measured examples a second at ``side`` through the frozen body; cost grows with the area.
        left: seconds for training.
    """
    if data.task not in PLACES:
        return None
    epochs = SLACK * max(left, 0.0) * speed / ((1.0 + BACKWARD) * data.train_rows)
    if epochs >= LEAST_EPOCHS or side <= LEAST_SIDE:
        return None
    smaller = max(LEAST_SIDE, STEP * int(side * (epochs / LEAST_EPOCHS) ** 0.5 / STEP))
    why = f"at {side} px {epochs:.1f} epochs fit in {format_duration(left)}; {LEAST_EPOCHS:g} are wanted"
    return Decision("image_size", smaller, Basis.MEASURED, why, ("speed/frozen-pass",))


def answer_sides(side: int) -> tuple[int, ...]:
    """List larger sides at which a model that learnt at ``side`` may answer, smallest first."""
    found = {GRID * round(side * factor / GRID) for factor in LARGER}
    return tuple(sorted(one for one in found if one > side))


def answer_seconds(data: DataFacts, model: ModelFacts, shares: Sequence[float]) -> float:
    """Estimate the seconds of answering validation at sizes that cost so many times the usual one each.

    And those by which the test rows take longer at the largest.
    """
    validation, test = data.validation_rows * sum(shares), data.test_rows * max(0.0, max(shares) - 1.0)
    return (validation + test) * model.pass_seconds
