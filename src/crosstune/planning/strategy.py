"""What moves, and for how long, within the time that is left."""

from dataclasses import dataclass

from crosstune.core.plan import Basis, Decision
from crosstune.core.units import format_duration
from crosstune.planning.facts import DataFacts, ModelFacts, TimeFacts

BACKWARD = 2.0
"""PRIOR: a backward pass costs about two forward passes (techniques B6)."""

MIN_EPOCHS = 1.0
"""ASSUMED: less than one pass over the data is not worth starting."""

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
    step = model.step_seconds or (1.0 + BACKWARD) * model.pass_seconds
    validation = data.validation_rows * model.pass_seconds
    found = [Reach("lp-ft", len(model.shares), 1.0, seconds / (data.train_rows * step + validation))]
    for blocks in range(len(model.shares) - 1, 0, -1):
        share = sum(model.shares[-blocks:])
        rows = data.train_rows + data.validation_rows
        left = seconds - rows * model.pass_seconds * (1.0 - share)
        epoch = data.train_rows * step * share + validation * share
        found.append(Reach("last", blocks, share, max(0.0, left) / max(epoch, 1e-9)))
    return found


def wanted_epochs(data: DataFacts) -> float:
    """Epochs that a fine-tuning of this size usually needs: about 30,000 examples seen, 3 to 15 epochs."""
    return float(min(15, max(3, round(30_000 / max(1, data.train_rows)))))


def survives(model: ModelFacts) -> bool:
    """Say whether the closed-form head is worth starting from: in training mode it beats a constant."""
    return model.head_loss is None or model.head_loss < 1.0


def choose_strategy(data: DataFacts, model: ModelFacts, time: TimeFacts) -> Decision:
    """Move everything where at least an epoch fits, else the largest suffix that fits, else nothing."""
    if not model.pretrained:
        why = "random weights: there is nothing to preserve, and a closed-form head means little"
        return Decision("strategy", "full", Basis.PRIOR, why)
    if time.left == float("inf"):
        return Decision(
            "strategy", "lp-ft", Basis.PRIOR, "no budget: closed-form head first, then everything"
        )
    options = reaches(data, model, time)
    full = options[0]
    if full.epochs >= MIN_EPOCHS:
        why = f"about {full.epochs:.1f} epochs of everything fit in {format_duration(time.left)}"
        return Decision("strategy", "lp-ft", Basis.MEASURED, why, ("speed/training-step",))
    enough = min(MIN_SUFFIX_EPOCHS, wanted_epochs(data))
    for option in options[1:]:
        if option.epochs >= enough:
            why = (
                f"only {full.epochs:.2f} epochs of everything fit; of the last {option.last_blocks} blocks "
                f"({option.share:.0%} of the compute) {option.epochs:.1f}"
            )
            return Decision("strategy", "last", Basis.MEASURED, why, ("speed/training-step",))
    why = f"no training fits in the {format_duration(time.left)} that are left"
    return Decision("strategy", "closed-form", Basis.MEASURED, why, ("speed/training-step",))


def choose_last_blocks(data: DataFacts, model: ModelFacts, time: TimeFacts) -> Decision:
    """Choose how many blocks move under ``last``: the most that still give enough epochs."""
    enough = min(MIN_SUFFIX_EPOCHS, wanted_epochs(data))
    for option in reaches(data, model, time)[1:]:
        if option.epochs >= enough:
            why = f"the most blocks of which {enough:g} epochs fit"
            return Decision("last_blocks", option.last_blocks, Basis.MEASURED, why, ("speed/training-step",))
    return Decision("last_blocks", 1, Basis.ASSUMED, "the least that can move")


def choose_epochs(
    data: DataFacts, model: ModelFacts, time: TimeFacts, strategy: str, last_blocks: int
) -> Decision:
    """Choose the number of epochs: what is usual for the size of the data, or what fits."""
    usual = wanted_epochs(data)
    if strategy in ("head", "closed-form") or time.left == float("inf"):
        return Decision("epochs", usual, Basis.PRIOR, "usual for this many examples")
    blocks = last_blocks if strategy == "last" else len(model.shares)
    options = {option.last_blocks: option for option in reaches(data, model, time)}
    fits = options[min(blocks, len(model.shares))].epochs
    if fits >= usual:
        return Decision("epochs", usual, Basis.PRIOR, "usual for this many examples, and it fits")
    value = max(0.25, int(fits * 4) / 4)
    return Decision(
        "epochs", value, Basis.MEASURED, f"{usual:g} would be usual; {fits:.2f} fit", ("speed/training-step",)
    )
