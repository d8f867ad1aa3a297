"""From the ranking of models to the one to start from: a shortlist, and what breaks its ties."""

from collections.abc import Sequence
from dataclasses import dataclass

from crosstune.core.metric import Metric
from crosstune.core.plan import Basis, Decision
from crosstune.core.units import format_duration
from crosstune.planning.candidates import Candidate
from crosstune.planning.facts import DataFacts
from crosstune.planning.opening import PASS_SHARE
from crosstune.planning.seconds import BACKWARD
from crosstune.planning.strategy import wanted_epochs
from crosstune.planning.trials import FINAL_SHARE, LEAST_EPOCHS


@dataclass(frozen=True, kw_only=True)
class RankFacts:
    """One measured candidate."""

    candidate: Candidate
    score: Metric
    """The figure that decides."""
    listed: bool
    """Whether its paired interval against the leader leaves both possible."""
    pass_seconds: float
    """For one example."""
    evidence: str
    """Name of the measurement."""


def pass_limit(data: DataFacts, seconds: float) -> float:
    """Give the seconds that one pass of a candidate over all rows may take.

    A closed-form head needs one pass: a share of the time is for it. Where there is none, nothing is learnt
    but by training, and no trial compares the models: then so many epochs must fit as trials leave to the
    last run, or the larger of two models that are alike would have no time to be the better one.

    Args:
        data: how many rows, and whether the task has a closed-form head.
        seconds: of the whole run; infinite without a budget.
    """
    if data.closed_form:
        return PASS_SHARE * seconds
    epochs = max(LEAST_EPOCHS, FINAL_SHARE * wanted_epochs(data))
    return seconds / ((1.0 + BACKWARD) * epochs)


def training_limit(data: DataFacts, seconds: float) -> float:
    """Give the seconds that one pass may take where the epochs that are usual shall fit into ``seconds``.

    Infinite without a closed-form head, where :func:`pass_limit` asks for epochs already.
    """
    return seconds / ((1.0 + BACKWARD) * wanted_epochs(data)) if data.closed_form else float("inf")


def choose_candidate(
    ranked: Sequence[RankFacts], *, rows: int, limit: float, trains: float = float("inf")
) -> tuple[RankFacts, list[Decision]]:
    """Choose one of the shortlist, and say why.

    A candidate whose pass over all rows would take longer than ``limit`` is left out, unless all would. What
    the rows cannot tell apart goes to the higher public accuracy, and where that is equal (or not known) to
    the higher figure. The public accuracy speaks for models that there is time to train: a larger body that
    is no better as it is must be trained to become so. Where there is time for none of them, the fastest is
    taken. Without public accuracies time to train decides nothing.

    Args:
        ranked: best first, with at least one pretrained candidate.
        rows: training and validation rows.
        limit: seconds, of :func:`pass_limit`.
        trains: seconds, of :func:`training_limit`.
    """
    able = [row for row in ranked if row.candidate.pretrained]
    fitting = [row for row in able if rows * row.pass_seconds <= limit]
    rest = fitting or sorted(able, key=lambda row: row.pass_seconds)[:1]
    short = [row for row in rest if row.listed] or rest[:1]
    public = any(row.candidate.accuracy for row in short)
    quick = [row for row in short if not public or rows * row.pass_seconds <= trains]
    quick = quick or sorted(short, key=lambda row: row.pass_seconds)[:1]
    chosen = max(quick, key=lambda row: row.candidate.accuracy or 0.0)
    why = _because(chosen, short, quick, able, fitting, rows=rows)
    names = tuple(row.evidence for row in able)
    decisions = [Decision("model", chosen.candidate.model, Basis.MEASURED, why, names)]
    if chosen.candidate.image_size is not None:
        side = f"the size at which the model was measured: {chosen.score} against the others above"
        decisions.append(Decision("image_size", chosen.candidate.image_size, Basis.MEASURED, side, names))
    return chosen, decisions


def _because(
    chosen: RankFacts, short: Sequence[RankFacts], quick: Sequence[RankFacts], able: Sequence[RankFacts],
    fitting: Sequence[RankFacts], *, rows: int,
) -> str:  # fmt: skip
    others = [row.candidate.label for row in short if row is not chosen]
    if not fitting:
        rank = "the fastest" if len(able) > 1 else "the only one measured"
        end = "; the others take longer" if len(able) > 1 else ", which is long for the budget"
        return f"{rank}: {format_duration(rows * chosen.pass_seconds)} for one pass{end}"
    if not others:
        behind = len(able) - 1
        why = f"{chosen.score}, ahead of {behind} other candidates" if behind else "the only one measured"
    else:
        tie = "has the highest public accuracy" if chosen.candidate.accuracy else "has the highest figure"
        if len(quick) == 1:
            tie = "is the one that there is the most time to train"
        elif len(quick) < len(short):
            tie += " among those that there is time to train"
        why = f"{chosen.score}; the figures cannot tell it from {', '.join(others)}, of which it {tie}"
    slow = [row.candidate.label for row in able if row not in fitting]
    return why + (f"; too slow for the budget: {', '.join(slow)}" if slow else "")
