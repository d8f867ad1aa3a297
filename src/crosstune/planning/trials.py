"""Short trainings that are compared before the last one: how many, which, and what they decide.

Successive halving at equal time: every configuration is trained for the same seconds, the best third once
more for twice as long, from the start, because the rate of a run that was cut short says little about the
rate of a whole one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crosstune.core.plan import Basis, Decision
from crosstune.core.settings import MIXING
from crosstune.core.units import format_duration
from crosstune.planning.facts import DataFacts, ModelFacts, TimeFacts
from crosstune.planning.optimisation import choose_batch_size, choose_lr
from crosstune.planning.seconds import epoch_seconds, step_seconds
from crosstune.planning.strategy import SLACK, survives, wanted_epochs

ROWS = 5000
"""Training rows of a trial, at most (techniques I: N_s <= 5k)."""

SHARE = 0.4
"""ASSUMED: the largest part of the time left that all trials may take."""

FINAL_SHARE = 0.6
"""ASSUMED: the last run must be left this share of its usual epochs, and three of them at least."""

LEAST_EPOCHS = 3.0

LEAST_SECONDS, LEAST_STEPS = 10.0, 40
"""A shorter trial says more about the start of a run than about its end. MEASURED on 425 Fashion-MNIST
pictures: after 4 to 14 steps no rate had moved a single answer for the better."""

MOST = 12
"""Trials of the first round; with many more the best of them is the luckiest."""

UNLIMITED = 9
"""Trials without a budget, each of one epoch."""

SECOND = 6
"""Trials from which a second round pays; it keeps a third of them and gives them twice the time."""

TWO_ROUNDS = 5 / 3
"""A third of the trials, twice as long, after all of them."""

FACTORS = (1.0, 3.0, 1 / 3)
"""Of the rate that the rule would take (techniques H: refine by 3)."""

ACROSS = {"group_dro": 0.01, "coral": 1.0}
"""Methods that are tried where training has several domains, at the strength of their sources (Sagawa 2020,
WILDS). On most data neither beats the plain mean (WILDS), so they ship only where they do here."""

WHOLE = ("lp-ft", "full", "orca")
TRIED = (*WHOLE, "last", "fpt")


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A model that is open and probed."""

    facts: ModelFacts
    depth: int | None = None
    """How many of its last blocks the depth curve says are worth moving; ``None``: half the compute."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One configuration."""

    contender: int
    """Which of the models, by its place on the shortlist."""
    strategy: str
    last_blocks: int
    lr: float
    methods: tuple[tuple[str, float], ...] = ()
    """Further settings, by name."""

    @property
    def moves(self) -> str:
        """Say what moves, and by which further methods, in words."""
        what = self.strategy
        if self.strategy == "last":
            what = f"last {self.last_blocks} blocks" if self.last_blocks > 1 else "last block"
        return " with ".join([what, *(f"{name} {value:g}" for name, value in self.methods)])


@dataclass(frozen=True, kw_only=True)
class Rounds:
    """How many trials, and how long each."""

    count: int
    seconds: float
    """Of one trial of the first round; infinite where each makes one epoch."""
    kept: int
    """Trials of the second round, twice as long; 0: there is none."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a trial gave."""

    trial: Trial
    value: float
    """The primary metric on validation rows at the end of the trial, turned so that higher is better."""
    noise: float
    """Standard error of the value."""
    loss: float
    """What decides between values that the noise cannot tell apart: log loss, or squared error."""
    shown: str
    """The same for people, with its interval."""
    evidence: str


def whole_strategy(data: DataFacts, model: ModelFacts) -> str:
    """Say how everything is moved: from the closed-form head where there is one and it is worth it."""
    if model.crosses and model.pretrained:
        return "orca"
    return "lp-ft" if data.closed_form and survives(model) and model.pretrained else "full"


def open_choices(user: Mapping[str, Any]) -> bool:
    """Say whether the user leaves anything open that trials could decide."""
    tried = user.get("strategy") in (None, *TRIED)
    return tried and user.get("trials") != 0 and not {"strategy", "lr"} <= user.keys()


def allot(data: DataFacts, model: ModelFacts, time: TimeFacts, most: int | None) -> Rounds | None:
    """Say how many trials of what length pay; ``None``: none do.

    Args:
        data: rows.
        model: the first contender, with the seconds of its step.
        time: seconds left, and needed at the end.
        most: the user's limit.
    """
    limit = MOST if most is None else most
    if math.isinf(time.left):
        count = min(UNLIMITED, limit)
        kept = count // 3 if count >= SECOND else 0
        return Rounds(count=count, seconds=math.inf, kept=kept) if count else None
    step = step_seconds(model)
    usable = max(0.0, time.left - time.reserve) * SLACK
    epoch = epoch_seconds(data, model, len(model.shares))
    wanted = wanted_epochs(data, crosses=model.crosses)
    needed = max(LEAST_EPOCHS, FINAL_SHARE * wanted) * epoch
    idle = usable - wanted * epoch
    allowed = max(idle, min(SHARE * usable, usable - needed))
    rows = max(min(ROWS, data.train_rows), LEAST_STEPS * choose_batch_size(data).value)
    seconds = max(LEAST_SECONDS, rows * step)
    both = min(limit, int(allowed / (seconds * TWO_ROUNDS)))
    if both >= SECOND:
        return Rounds(count=both, seconds=allowed / (both * TWO_ROUNDS), kept=both // 3)
    count = min(limit, int(allowed / seconds))
    return Rounds(count=count, seconds=allowed / count, kept=0) if count > 1 else None


def propose_trials(
    data: DataFacts,
    contenders: Sequence[Contender],
    count: int,
    user: Mapping[str, Any],
    opened: Sequence[str] = (),
) -> list[Trial]:
    """List the configurations that are worth a trial, the rule's own first.

    A step away from it in any direction (another model, fewer blocks, another rate) costs a place; of
    equal steps the other rate comes first, because the rate decides more than the model (techniques H). Where
    training has several domains, each method of ``ACROSS`` that the user leaves open is such a step too.
    ``opened`` are strategies that a gap between the splits makes worth a trial (``planning/gap.py``).
    """
    found = []
    for place, contender in enumerate(contenders):
        for further, (strategy, blocks) in enumerate(_moves(data, contender, user, opened)):
            rule = choose_lr(data, contender.facts, strategy, user.get("optimizer", "adamw")).value
            factors = FACTORS if "lr" not in user else (1.0,)
            for turn, factor in enumerate(factors):
                rate = user.get("lr", float(f"{rule * factor:.2g}"))
                trial = Trial(contender=place, strategy=strategy, last_blocks=blocks, lr=rate)
                found.append((2 * place + 2 * further + turn, trial))
    mixes = set(MIXING) & set(str(user.get("augment", "none")).split("+"))
    if (data.domains or 1) > 1 and found and not mixes:
        open_methods = [name for name in ACROSS if name not in user]
        found += [(2, replace(found[0][1], methods=((name, ACROSS[name]),))) for name in open_methods]
    found.sort(key=lambda pair: pair[0])
    return [trial for _, trial in found[:count]]


def within(trials: Sequence[Trial], ends: Mapping[int, float | None]) -> list[Trial]:
    """Bring rates above the largest usable one of their model down to it, and drop what is then there twice.

    ``ends`` come from range tests of each contender's first configuration; ``None`` says nothing.
    """
    found: dict[Trial, None] = {}
    for trial in trials:
        end = ends.get(trial.contender)
        lower = trial if end is None or trial.lr <= end else replace(trial, lr=float(f"{end:.2g}"))
        found[lower] = None
    return list(found)


def _moves(
    data: DataFacts, contender: Contender, user: Mapping[str, Any], opened: Sequence[str]
) -> list[tuple[str, int]]:
    shares = contender.facts.shares
    blocks = user.get("last_blocks") or contender.depth or half_compute(shares)
    suffix = ("last", min(blocks, len(shares)))
    if "strategy" in user:
        return [suffix if user["strategy"] == "last" else (user["strategy"], 1)]
    own = whole_strategy(data, contender.facts)
    if contender.facts.crosses:
        return [(own, 1), ("fpt", 1)] if contender.facts.pretrained else [(own, 1)]
    whole = [(own, 1), *((name, 1) for name in opened if name != own)]
    return [*whole, suffix] if contender.facts.pretrained and suffix[1] < len(shares) else whole


def half_compute(shares: Sequence[float]) -> int:
    """Return how many of the last blocks hold about half the compute; at least one."""
    total, wanted = 0.0, 0.5 * sum(shares)
    for count, share in enumerate(reversed(shares), start=1):
        total += share
        if total >= wanted:
            return count
    return len(shares)


def ordered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Sort outcomes, best first; those within one standard error of the best by their loss.

    A few hundred validation rows give equal accuracies to rates that differ threefold; the loss of the same
    rows tells them apart. An outcome that is not a number comes last.
    """
    known = [one for one in outcomes if math.isfinite(one.value)]
    if not known:
        return list(outcomes)
    top = max(known, key=lambda one: one.value)
    level = [one for one in known if one.value >= top.value - top.noise]
    rest = sorted((one for one in known if one not in level), key=lambda one: one.value, reverse=True)
    return [
        *sorted(level, key=lambda one: one.loss),
        *rest,
        *(one for one in outcomes if one not in known),
    ]


def survivors(outcomes: Sequence[Outcome], kept: int) -> list[Trial]:
    """Choose the trials of the second round: the best, and one that moves everything.

    What moves everything starts slower than a suffix and ends higher, so one of that kind stays.
    """
    best = ordered(outcomes)
    chosen = [one.trial for one in best[:kept]]
    slow = [one.trial for one in best if one.trial.strategy in WHOLE]
    if slow and not any(trial.strategy in WHOLE for trial in chosen):
        chosen[-1] = slow[0]
    return chosen


def decide(outcomes: Sequence[Outcome], rounds: Rounds) -> tuple[Trial, list[Decision]]:
    """Choose the configuration of the last run from the outcomes of the last round."""
    best, *others = ordered(outcomes)
    names = tuple(one.evidence for one in outcomes)
    length = "one epoch" if math.isinf(rounds.seconds) else format_duration(rounds.seconds)
    longer = f", the best {rounds.kept} again for longer" if rounds.kept else ""
    next_one = (
        f"; next: {others[0].trial.moves} at {others[0].trial.lr:g}, {others[0].shown}" if others else ""
    )
    why = f"the best of {rounds.count} trials of {length}{longer}: {best.shown}{next_one}"
    trial = best.trial
    values: dict[str, Any] = {"strategy": trial.strategy, "lr": trial.lr, **dict(trial.methods)}
    if trial.strategy == "last":
        values["last_blocks"] = trial.last_blocks
    return trial, [Decision(name, value, Basis.MEASURED, why, names) for name, value in values.items()]
