"""What moves, and for how long, within the time that is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crosstune.core.plan import Basis, Decision
from crosstune.core.units import format_duration
from crosstune.planning.facts import PLACES, DataFacts, ModelFacts, TimeFacts
from crosstune.planning.seconds import epoch_seconds, store_seconds

MIN_EPOCHS = 1.0
"""ASSUMED: less than one pass over the data is not worth starting."""

MIN_PICTURE_EPOCHS = 2.0
"""MEASURED: so many epochs of everything are worth it for pictures, where a suffix could have them. All of
Fashion-MNIST within 15 minutes, accuracy on validation: everything for 0.9 epochs 0.918 (EfficientNet-lite0),
the last 7 of 23 blocks for 2.6 epochs 0.940 (EfficientNet-lite2); closed-form heads had 0.930 and 0.935."""

MIN_TEXTS = 2_500
"""MEASURED: so many texts through everything are worth it where an epoch has more. Of 8,233 texts of three
domains (``benchmarks/held_out_domain.py``, tweets held out), r in the domain and out of it: the closed-form
head 0.704 and 0.728, everything with 1,536 texts 0.695 and 0.734, with 3,072 texts 0.744 and 0.812, with
4,096 texts 0.758 and 0.827; the last two blocks with 2.9 epochs 0.736 and 0.757."""

LEAST_SHARE = 0.05
"""ASSUMED: a suffix with less of the compute is hardly more than the head, which is fitted in closed form."""

MIN_SUFFIX_EPOCHS = 2.0
"""ASSUMED: the same for a suffix on cached activations."""

SLACK = 0.85
"""ASSUMED: share of the time left that a plan may fill; the rest absorbs a wrong estimate."""


@dataclass(frozen=True)
class Reach:
    """How many epochs of one strategy fit."""

    strategy: str
    last_blocks: int
    share: float
    """Of the compute that moves."""
    epochs: float


def reaches(data: DataFacts, model: ModelFacts, time: TimeFacts) -> list[Reach]:
    """List strategies by how much they move, most first, with the epochs that fit in the time left."""
    seconds = max(0.0, (time.left - time.reserve) * SLACK)
    every = len(model.shares)
    found = [Reach("lp-ft", every, 1.0, seconds / epoch_seconds(data, model, every))]
    for blocks in range(every - 1, 0, -1):
        left = max(0.0, seconds - store_seconds(data, model, blocks))
        epochs = left / max(epoch_seconds(data, model, blocks), 1e-9)
        found.append(Reach("last", blocks, sum(model.shares[-blocks:]), epochs))
    return found


SEEN: Mapping[str, tuple[int, int]] = {"image": (30_000, 15), "text": (10_000, 6), "audio": (20_000, 30)}
"""PRIOR: by modality, how many examples a fine-tuning usually sees, and in how many epochs at most. Recipes
for CTC on ten minutes to ten hours of speech go to 30 epochs and beyond (wav2vec 2.0, Baevski 2020)."""

SEEN_PLACES = (30_000, 40)
"""PRIOR: the same for masks and boxes, whose decoder starts from random values. SegFormer (Xie 2021) makes
160,000 steps of 16 pictures on ADE20K, that is 127 epochs."""


def wanted_epochs(data: DataFacts, *, crosses: bool = False) -> float:
    """Epochs that a fine-tuning of this size usually needs, from 3 to the most of ``SEEN``.

    Twice as many for a body that never saw such data.
    """
    seen, most = SEEN_PLACES if data.task in PLACES else SEEN[data.modality]
    if crosses:
        seen, most = 2 * seen, 2 * most
    return float(min(most, max(3, round(seen / max(1, data.train_rows)))))


def survives(model: ModelFacts) -> bool:
    """Say whether the closed-form head is worth starting from: in training mode it beats a constant."""
    return model.head_loss is None or model.head_loss < 1.0


def choose_strategy(data: DataFacts, model: ModelFacts, time: TimeFacts) -> Decision:
    """Move everything where at least an epoch fits, or enough texts, else the largest suffix that fits."""
    if not model.pretrained:
        why = "random weights: there is nothing to preserve, and a closed-form head means little"
        return Decision("strategy", "full", Basis.PRIOR, why)
    options = reaches(data, model, time)
    full = options[0]
    if not data.closed_form and (full.epochs >= MIN_EPOCHS or time.left == float("inf")):
        return Decision("strategy", "full", Basis.PRIOR, "the task has no closed-form head to start from")
    if model.crosses:
        if full.epochs >= MIN_EPOCHS:
            why = "the body never saw such data: new parts first, then everything; the closed-form head on "
            why += "random patches carries little"
            return Decision("strategy", "orca", Basis.PRIOR, why)
        why = f"no training fits in the {format_duration(time.left)} that are left"
        return Decision("strategy", "closed-form", Basis.MEASURED, why, ("speed/training-step",))
    worth = data.closed_form and (full.epochs >= _least_epochs(data, options) or _enough_texts(data, full))
    if worth and not survives(model):
        why = (
            f"with dropout on, the closed-form head has {model.head_loss:.2f} times the loss of a constant "
            "answer: a random head is the better start"
        )
        return Decision("strategy", "full", Basis.MEASURED, why, ("closed-form/in-training-mode",))
    if time.left == float("inf"):
        why = "no budget: closed-form head first, then everything"
        return Decision("strategy", "lp-ft", Basis.PRIOR, why)
    if worth:
        why = f"about {full.epochs:.1f} epochs of everything fit in {format_duration(time.left)}"
        return Decision("strategy", "lp-ft", Basis.MEASURED, why, ("speed/training-step",))
    if option := _suffix(data, options):
        why = (
            f"only {full.epochs:.2f} epochs of everything fit; of the last {option.last_blocks} blocks "
            f"({option.share:.0%} of the compute) {option.epochs:.1f}"
        )
        return Decision("strategy", "last", Basis.MEASURED, why, ("speed/training-step",))
    why = f"no training fits in the {format_duration(time.left)} that are left"
    return Decision("strategy", "closed-form", Basis.MEASURED, why, ("speed/training-step",))


def _least_epochs(data: DataFacts, options: Sequence[Reach]) -> float:
    """Give the epochs from which everything is worth moving."""
    if data.modality != "image" or not _suffix(data, options):
        return MIN_EPOCHS
    return min(MIN_PICTURE_EPOCHS, wanted_epochs(data))


def _suffix(data: DataFacts, options: Sequence[Reach]) -> Reach | None:
    """Give the largest suffix that gets enough epochs, if one does."""
    enough = min(MIN_SUFFIX_EPOCHS, wanted_epochs(data))
    able = (one for one in options[1:] if one.epochs >= enough and one.share >= LEAST_SHARE)
    return next(able, None)


def _enough_texts(data: DataFacts, full: Reach) -> bool:
    return data.modality == "text" and full.epochs * data.train_rows >= MIN_TEXTS


def choose_last_blocks(data: DataFacts, model: ModelFacts, time: TimeFacts) -> Decision:
    """Choose how many blocks move under ``last``: the most that still give enough epochs."""
    if option := _suffix(data, reaches(data, model, time)):
        why = f"the most blocks of which {min(MIN_SUFFIX_EPOCHS, wanted_epochs(data)):g} epochs fit"
        return Decision("last_blocks", option.last_blocks, Basis.MEASURED, why, ("speed/training-step",))
    return Decision("last_blocks", 1, Basis.ASSUMED, "the least that can move")


def fitting_epochs(
    data: DataFacts, model: ModelFacts, time: TimeFacts, strategy: str, last_blocks: int
) -> float:
    """Estimate the epochs that fit, by the speed seen so far; infinite without a budget."""
    blocks = last_blocks if strategy == "last" else len(model.shares)
    fits = {option.last_blocks: option.epochs for option in reaches(data, model, time)}
    return fits[min(blocks, len(model.shares))]


def choose_epochs(
    data: DataFacts, model: ModelFacts, time: TimeFacts, strategy: str, last_blocks: int
) -> Decision:
    """Choose the number of epochs that is usual; training makes as many of them as fit.

    What fits is measured again while training goes on, so that a slow moment at the start costs nothing.
    """
    usual = wanted_epochs(data, crosses=model.crosses)
    if strategy in ("head", "closed-form") or time.left == float("inf"):
        return Decision("epochs", usual, Basis.PRIOR, "usual for this many examples")
    fits = fitting_epochs(data, model, time, strategy, last_blocks)
    why = f"usual for this many examples; by the speed seen so far {fits:.1f} fit, and training stops in time"
    return Decision("epochs", usual, Basis.PRIOR, why, ("speed/training-step",))
