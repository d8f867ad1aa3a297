"""Stage 7: what the training has taken from the pretrained body, measured on what is shipped.

Both bodies are opened from where they lie (the base model from its source, the tuned one from ``model/``), so
that a run that was taken up finds what an unbroken one does.
"""

import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from crosstune.artifacts.model import load_model
from crosstune.core.cache import temporary_dir
from crosstune.core.errors import DiskFull, UserError
from crosstune.core.evidence import Measurement
from crosstune.core.forgetting import BlockDrift, Forgetting, LanguageLoss, LinePoint, ProbeRow
from crosstune.core.items import Items
from crosstune.core.metric import Metric
from crosstune.core.run_dir import cache_dir
from crosstune.data.unrelated import choose
from crosstune.data.unrelated.base import Held, UnrelatedSet, joined
from crosstune.evaluation.cka import FEWEST, linear_cka
from crosstune.evaluation.divergence import divergence
from crosstune.evaluation.weight_change import relative_change
from crosstune.frozen.features import Features
from crosstune.frozen.freeze import block_parameters
from crosstune.frozen.next_token import names_next_token, next_token_losses
from crosstune.frozen.passes import frozen_pass
from crosstune.planning.facts import ModelFacts
from crosstune.planning.seconds import forgetting_seconds
from crosstune.probing.probe_drop import kept_share, probe_drop, probe_hits
from crosstune.reports.forgotten import language_sentence, sentence
from crosstune.sources.base import Backbone
from crosstune.sources.dense import at_side
from crosstune.sources.record import Record
from crosstune.sources.registry import open_model
from crosstune.stages.assess import write_evidence
from crosstune.stages.general_texts import ROWS as LANGUAGE_ROWS
from crosstune.stages.general_texts import language_loss
from crosstune.stages.outcome import AFTER_PRETRAINING, Tuned, unmoved, was_pretrained
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.watch import own_rows, sets_for

LEAST_ROWS = 100
"""ASSUMED: examples of a set below which a probe says too little; the reserve counts on so many."""

PAGE = 3.0
"""ASSUMED: seconds that the page and the card still need."""


def measure_forgetting(
    run: Run, prepared: Prepared, model: ModelFacts, tuned: Tuned, language: LanguageLoss | None = None
) -> Forgetting:
    """Carry the stage out, or say why there is nothing to measure, or no time; adds to ``evidence.json``.

    ``language`` is what was measured before. Cost: two models opened, and one float32 pass of each over 300
    examples of each set and of validation; the pass of the base model stays in the cache. The body of a
    language model reads 50 texts of each set once more. Less where the budget has less room.
    """
    least = run.options.keep_at_least

    def measure() -> Forgetting:
        found = replace(_found(run, prepared, model, tuned, language), least=least)
        run.measurements.extend(_measurements(found))
        return found

    found = run.once("forgetting", measure)
    for words in (language_sentence(found), sentence(found)):
        if words:
            run.reporter.say(words)
    write_evidence(run)
    return found


def _found(
    run: Run, prepared: Prepared, model: ModelFacts, tuned: Tuned, language: LanguageLoss | None
) -> Forgetting:
    if why := unmoved(tuned):  # what was tried along the line is worth a look all the same
        points, words = _line(run, tuned)
        return Forgetting(skipped=why, line=points, line_words=words if points else "")
    sets, left_out = sets_for(prepared)
    left = run.budget.left() - PAGE
    if language is None and names_next_token(tuned.model.backbone):
        left -= forgetting_seconds(model, 2 * len(sets) * LANGUAGE_ROWS)
    rows = affordable_rows(len(sets), model, left, run.seconds.get("open the model", 0.0))
    if not rows:
        why = f"the budget had no room for it ({run.budget.left():.0f} s were left)"
        return _without_probes(why, language, left_out)
    began = time.monotonic()
    try:
        base, ours = both_bodies(run)
        found = compare(
            base,
            ours,
            [one.sample(rows) for one in sets],
            _own(prepared, rows),
            cache=cache_dir() / "features",
            language=language,
        )
    except DiskFull:
        raise
    except UserError as error:  # the model is shipped and measured; this is only about it
        return _without_probes(f"{error.problem} ({error.found})", language, left_out)
    points, words = _line(run, tuned)
    seconds = time.monotonic() - began
    return replace(found, left_out=tuple(left_out), line=points, line_words=words, seconds=seconds)


def _without_probes(
    why: str, language: LanguageLoss | None, left_out: Sequence[tuple[str, str]]
) -> Forgetting:
    """Give what is known without probes: the loss on general texts, or nothing."""
    if language is None:
        return Forgetting(skipped=f"not measured: {why}", left_out=tuple(left_out))
    return Forgetting(unprobed=why, language=language, left_out=tuple(left_out))


def affordable_rows(sets: int, model: ModelFacts, left: float, opening: float) -> int:
    """Give the examples of each set that the seconds left allow: 300, or 100 at least, or none.

    Args:
        sets: their number; the run's own examples count as one more.
        model: how fast it is.
        left: seconds until the page must be written.
        opening: seconds that opening the base model took.
    """
    for rows in (choose.ROWS, LEAST_ROWS):
        if opening + forgetting_seconds(model, 2 * (sets + 1) * rows) <= left:
            return rows
    return 0


def both_bodies(run: Run) -> tuple[Backbone, Backbone]:
    """Open the base model anew, at the sizes of the shipped one, and the shipped one from ``model/``."""
    shipped = load_model(run.folder.model)
    folder = run.folder.model if shipped.head is None else run.folder.model / "body"
    record = Record.read(folder)
    named = run.options.model  # on resume it is the path as seen from here
    base = open_model(record.name if named == "auto" else named, record.options)
    if base.any_side:  # answers may be larger than what was learnt from
        base = at_side(base, int(shipped.backbone.preprocessing.describe()["side"]))
    return base, shipped.backbone


def _own(prepared: Prepared, rows: int) -> Items:
    chosen = own_rows(prepared, rows).tolist()
    return Held(prepared.items["validation"].batch(chosen))


@dataclass(frozen=True)
class _Pair:
    """Features of the same examples by both bodies."""

    before: Features
    after: Features


def compare(
    base: Backbone, tuned: Backbone, sets: Sequence[UnrelatedSet], own: Items, *, cache: Path | None = None,
    language: LanguageLoss | None = None,
) -> Forgetting:  # fmt: skip
    """Measure everything about two bodies of one architecture.

    Args:
        base: before training; its source head gives the divergence, where it has one.
        tuned: after it.
        sets: unrelated to the task. Where both are language models, 50 texts of each general one are also
            read token by token.
        own: examples of the task.
        cache: where features of ``base`` are kept; ``None`` is the user's cache.
        language: their losses on general texts, where they are known.

    Returns:
        A value without a line.

    Checked by: ``tests/stages/test_forgetting.py``.
    """
    with tempfile.TemporaryDirectory(prefix="tuned-", dir=temporary_dir()) as name:

        def features(backbone: Backbone, items: Items, place: Path | None) -> Features:
            return frozen_pass(backbone, items, engine="torch", exact=True, cache=place)

        pairs = [
            _Pair(features(base, items, cache), features(tuned, items, Path(name)))
            for items in (*(Held(one.raw) for one in sets), own)
        ]
        probes = tuple(_probe(one, pair) for one, pair in zip(sets, pairs, strict=False))
        source = base.source_head
        moved = None
        if source is not None and len(own):
            logits = [source.logits(one.head_input) for one in (pairs[-1].before, pairs[-1].after)]
            moved = divergence(*logits)
        return Forgetting(
            probes=probes,
            kept=kept_share([row.before.value for row in probes], [row.after.value for row in probes]),
            blocks=tuple(_drifts(base, tuned, pairs)),
            divergence=moved,
            source_classes=source.classes if source else 0,
            language=language
            or _language(base, tuned, [one.sample(LANGUAGE_ROWS) for one in sets if not one.own]),
        )


def _language(base: Backbone, tuned: Backbone, sets: Sequence[UnrelatedSet]) -> LanguageLoss | None:
    """Let both bodies name the next token of general texts, where they can."""
    texts = joined(sets)
    if not (len(texts) and names_next_token(base)):
        return None
    return language_loss(next_token_losses(base, texts), next_token_losses(tuned, texts))


def _probe(one: UnrelatedSet, pair: _Pair) -> ProbeRow:
    drop = probe_drop(
        probe_hits(pair.before.head_input, one.classes), probe_hits(pair.after.head_input, one.classes)
    )
    return ProbeRow(name=one.name, question=one.question, examples=len(one),
                    before=drop.before, after=drop.after, drop=drop.drop)  # fmt: skip


def _drifts(base: Backbone, tuned: Backbone, pairs: Sequence[_Pair]) -> Iterator[BlockDrift]:
    weights = zip(block_parameters(base), block_parameters(tuned), strict=True)
    for place, (block, (before, after)) in enumerate(zip(base.blocks, weights, strict=True)):
        arrays = [
            tuple(p.detach().float().cpu().numpy() for p in both) for both in zip(before, after, strict=True)
        ]
        aligned = [_aligned(pair, place) for pair in pairs]
        known = [one for one in aligned[:-1] if not math.isnan(one)]
        yield BlockDrift(
            block=block.name,
            alignment=float(np.mean(known)) if known else math.nan,
            own_alignment=aligned[-1],
            change=relative_change([(first, second) for first, second in arrays]),
        )


def _aligned(pair: _Pair, place: int) -> float:
    before, after = pair.before.blocks[place], pair.after.blocks[place]
    return linear_cka(before, after) if len(before) >= FEWEST else math.nan


def _line(run: Run, tuned: Tuned) -> tuple[tuple[LinePoint, ...], str]:
    """Read the points of the line from the measurements, where ``between.py`` has put them."""
    start = (AFTER_PRETRAINING if was_pretrained(tuned.plan) else "") + "interpolation/"
    rows = [row for row in run.measurements if row.name.startswith(start) and row.detail]
    if not rows:
        return (), "no line was drawn: the time did not suffice"
    taken = None if unmoved(tuned) else tuned.plan.value("alpha", 1.0)
    points = [
        LinePoint(alpha=known["alpha"], metric=row.metric, kept=known["kept"], chosen=known["alpha"] == taken)
        for row in rows
        if (known := row.detail)
    ]
    detail = rows[0].detail or {}
    return tuple(sorted(points, key=lambda one: one.alpha)), str(detail.get("line", ""))


def _measurements(found: Forgetting) -> list[Measurement]:
    """Give the rows of ``evidence.json``."""

    def row(
        name: str, figure: str, metric: Metric, examples: int, **detail: float | str | None
    ) -> Measurement:
        return Measurement(
            name=f"forgetting/{name}", candidate="the shipped body against the base model", figure=figure,
            metric=metric, examples=examples, seed=0, seconds=0.0, detail=dict(detail) or None,
        )  # fmt: skip

    rows = [
        row(f"probe/{one.name}", "drop of accuracy", one.drop, one.examples,
            before=one.before.value, after=one.after.value)
        for one in found.probes
    ]  # fmt: skip
    rows += [
        row(f"block/{one.block}", "relative change of weights", Metric(one.change, one.change, one.change), 0,
            alignment=one.alignment, own_alignment=one.own_alignment)
        for one in found.blocks
    ]  # fmt: skip
    if found.language:
        known = found.language
        rows.append(row("language", "nats for each token, rise", known.rise, known.texts,
                        before=known.before.value, after=known.after.value, tokens=known.tokens))  # fmt: skip
    if found.divergence:
        rows.append(row("divergence", "nats", found.divergence, 0, source_classes=found.source_classes))
    return rows
