"""Stage 2: which pretrained model, measured on a sample of the training rows.

Every candidate is opened at its size and passed over the same rows once; closed-form heads and nearest
neighbours, each answering for rows that it has not seen, give the user's metric (``probing/ranking.py``).
Where labels are masks or boxes, the rows are places of pictures, and the metric is macro F1
(``stages/rank_sample.py``).
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from crosstune.core.errors import OutOfMemory, UserError
from crosstune.core.plan import Decision
from crosstune.core.ranking import TRAINING_ROWS
from crosstune.core.units import format_duration
from crosstune.frozen.errors import EngineFailed, NonFiniteFeatures
from crosstune.planning.candidates import Candidate, Known, propose_candidates, readers
from crosstune.planning.choice import RankFacts, choose_candidate, pass_limit, training_limit
from crosstune.planning.facts import ModelFacts
from crosstune.probing import ranking as scoring
from crosstune.probing.model_scores import ModelScores, score_model
from crosstune.sources.catalogue import figures
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.registry import catalogue
from crosstune.stages.opening import open_candidate
from crosstune.stages.prepare import Prepared
from crosstune.stages.rank_sample import RankSample, draw_sample, is_comparable
from crosstune.stages.run import Run

SHARE = 0.1
"""Of the budget, for the whole ranking (techniques I, step 2)."""

OPENED = 2.5e6
"""MEASURED: parameters a second. The slowest way, a quantised GGUF file, gave 135 million in 57 s."""

OPENING_SHARE = 0.5
"""ASSUMED: of the time left for comparing, at most; the rest is for its pass."""

AREA = 0.8
"""ASSUMED: share of what the area of pictures says that a larger size takes at least. EfficientNet-lite0 has
5.4 times the pixels at 224 px, and took 5.3 and 5.6 times what it took at 96."""

LEAST = 15.0
"""ASSUMED: seconds without which hardly a second model can be opened, compiled and passed over."""


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """One measured model."""

    candidate: Candidate
    facts: ModelFacts
    scores: ModelScores
    shortlisted: bool

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Name model and size as a plan holds them."""
        _, found = choose_candidate([_facts(self)], rows=0, limit=float("inf"))
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Models from best to worst; empty where the user names the model, or there is no time to compare."""

    decisions: tuple[Decision, ...] = ()
    """About the model to start from, and its size."""
    rows: tuple[Ranked, ...] = ()
    chosen: str = ""
    """Label of the model to start from."""
    skipped: tuple[tuple[str, str], ...] = field(default=())
    """What was not measured, and why."""
    rows_are: str = TRAINING_ROWS
    """What the models were compared on."""

    @property
    def others(self) -> list[Ranked]:
        """The rest of the shortlist, best first; controls are no candidates."""
        able = [row for row in self.rows if row.candidate.pretrained and row.candidate.label != self.chosen]
        return [row for row in able if row.shortlisted]


def choose_by_ranking(run: Run, prepared: Prepared) -> Ranking:
    """Carry the stage out, within a tenth of the budget; where it cannot, say why, and a rule decides."""
    if run.options.model != "auto" or not is_comparable(prepared.task):
        return Ranking()
    candidates = propose(run, prepared)
    before = run.once("left before the ranking", run.budget.left)
    limit = SHARE * before
    able = [one for one in candidates if one.pretrained]
    if len(able) < 2:
        return Ranking()
    quick = [one for one in able if _opening(one) <= OPENING_SHARE * limit]
    if limit < LEAST or len(quick) < 2:
        why = f"a tenth of the budget is {limit:.0f} s, too little to open and pass two models"
        run.reporter.say(f"models are not compared: {why}")
        return Ranking(skipped=(("any other model", why),))
    ranking = measure(run, prepared, candidates, seconds=limit, most=pass_limit(prepared.facts, before))
    if not any(row.candidate.pretrained for row in ranking.rows):
        return ranking
    rows = prepared.facts.train_rows + prepared.facts.validation_rows
    # A run that is taken up has less time left, and must come to what it came to before.
    left = run.once("left behind the ranking", run.budget.left)
    chosen, decisions = choose_candidate(
        [_facts(row) for row in ranking.rows],
        rows=rows,
        limit=pass_limit(prepared.facts, left),
        trains=training_limit(prepared.facts, left),
    )
    return replace(ranking, decisions=tuple(decisions), chosen=chosen.candidate.label)


def propose(run: Run, prepared: Prepared) -> list[Candidate]:
    """List the candidates: those that the user names, or all of the catalogue that open here.

    Public figures count for data of the model's own kind only: how well it knows pictures of ImageNet says
    nothing of pictures of sounds.
    """
    able, named = readers(prepared.facts.modality), run.options.models
    infos = [info for info in catalogue() if info.modality in able and (info.here or info.name in named)]
    public = figures([info.name for info in infos])
    known = [
        Known(
            name=info.name,
            parameters=info.parameters,
            accuracy=public.get(info.name) if info.modality == prepared.facts.modality else None,
            image_size=info.image_size,
        )
        for info in infos
    ]
    return propose_candidates(known, prepared.facts, named)


def measure(
    run: Run, prepared: Prepared, candidates: Sequence[Candidate], *, seconds: float,
    most: float = float("inf"),
) -> Ranking:  # fmt: skip
    """Score candidates in their order until the time is over; the first is always measured.

    Returns them best first. One that cannot be opened is passed over, and named with its reason; so is a
    second size whose pass over all rows would take longer than ``most`` seconds, by the speed at the first.
    """
    began = time.monotonic()
    sample = draw_sample(run, prepared)
    if sample.units < 2:
        why = f"{len(sample.encoded)} {sample.rows_are} are too few to leave some out"
        run.reporter.say(f"models are not compared: {why}")
        return Ranking(skipped=(("any model", why),))
    rows = prepared.facts.train_rows + prepared.facts.validation_rows
    measured: list[tuple[Candidate, ModelFacts, ModelScores]] = []
    skipped: list[tuple[str, str]] = []
    run.reporter.say(f"comparing {len(candidates)} candidates on {len(sample.encoded):,} {sample.rows_are}")
    for place, candidate in enumerate(candidates, start=1):
        left = seconds - (time.monotonic() - began) if measured else float("inf")
        found = _too_slow(candidate, [(one, facts) for one, facts, _ in measured], rows, most) or run.once(
            f"rank {place}",
            lambda c=candidate, s=left: _measure(run, prepared, sample, c, s),  # type: ignore[misc]
        )
        if isinstance(found, str):
            skipped.append((candidate.label, found))
            run.reporter.say(f"not compared: {candidate.label} ({found})")
            continue
        facts, scores = found
        measured.append((candidate, facts, scores))
        run.measurements.extend(scores.measurements)
        run.reporter.say(
            f"{candidate.label}: {scores.figure} {scores.deciding} without a gradient, "
            f"{1 / facts.pass_seconds:.0f} examples a second"
        )
    return Ranking(rows=_ordered(sample, measured), skipped=tuple(skipped), rows_are=sample.rows_are)


def _measure(
    run: Run, prepared: Prepared, sample: RankSample, candidate: Candidate, seconds: float
) -> tuple[ModelFacts, ModelScores] | str:
    """Open, pass and score one candidate; returns a reason where that cannot be done."""
    if seconds <= 0:
        return "no time left for it"
    if _opening(candidate) > OPENING_SHARE * seconds:
        return f"opening it would take about {_opening(candidate):.0f} of the {seconds:.0f} s that are left"
    began = time.monotonic()
    try:
        opened = open_candidate(run, prepared, candidate)
    except UserError as error:
        return f"{error.problem}: {error.found}"
    needed = len(sample.items) * opened.facts.pass_seconds
    if needed > seconds - (time.monotonic() - began):
        return f"its pass over the sample would take {needed:.0f} s"
    try:
        features = sample.features(run, opened.backbone)
    except (NonFiniteFeatures, OutOfMemory, EngineFailed, UnsupportedModel) as error:
        # of this model; a full disk ends the run
        return f"{error.problem}: {error.found}"
    source = opened.backbone.source_head
    return opened.facts, score_model(
        candidate.label,
        sample.task,
        features,
        sample.encoded,
        groups=sample.groups,
        seed=run.settings.seed,
        singles=sample.singles,
        source_probabilities=source.probabilities(features.head_input) if source else None,
    )


def _too_slow(
    candidate: Candidate, measured: Sequence[tuple[Candidate, ModelFacts]], rows: int, most: float
) -> str | None:
    """Say why a second size of a model cannot be chosen, by the speed at the first; ``None`` where it may be.

    To open and time it only to learn that takes longer than to measure another model.
    """
    for other, facts in measured:
        if other.model != candidate.model or not (other.image_size and candidate.image_size):
            continue
        growth = AREA * (candidate.image_size / other.image_size) ** 2
        needed = rows * facts.pass_seconds * growth
        if growth > 1.0 and needed > most:
            return f"its pass over all rows would take about {format_duration(needed)}"
    return None


def _opening(candidate: Candidate) -> float:
    """Estimate the seconds of opening; the first candidate is opened in any case."""
    return candidate.parameters / OPENED


def _ordered(
    sample: RankSample, measured: Sequence[tuple[Candidate, ModelFacts, ModelScores]]
) -> tuple[Ranked, ...]:
    """Put the models in order, and say who cannot be told from the best."""
    spec = next(iter(sample.task.metrics.values()))
    by_name = {candidate.label: (candidate, facts) for candidate, facts, _ in measured}
    places = scoring.rank_models([scores for _, _, scores in measured], spec).places if measured else ()
    return tuple(
        Ranked(
            candidate=by_name[place.scores.model][0],
            facts=by_name[place.scores.model][1],
            scores=place.scores,
            shortlisted=place.shortlisted,
        )
        for place in places
    )


def _facts(row: Ranked) -> RankFacts:
    return RankFacts(
        candidate=row.candidate,
        score=row.scores.deciding,
        listed=row.shortlisted,
        pass_seconds=row.facts.pass_seconds,
        evidence=f"rank/{row.candidate.label}/deciding",
    )
