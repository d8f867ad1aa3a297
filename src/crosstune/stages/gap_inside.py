"""Inside every run: is the test split of another kind than what is trained on?

The pass over training rows is there already. The inputs of a few hundred test rows go through the same frozen
body, for about a second; no label of the test split is read, and no weight comes from it.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.errors import BadValue
from crosstune.core.gap import Gap, GapLevel, GapProperty, GapSet
from crosstune.core.run_dir import cache_dir
from crosstune.core.seeding import generator
from crosstune.data.gate.policy import judged
from crosstune.data.gate.report import WARNING, Finding
from crosstune.data.items import SplitItems
from crosstune.data.store import values
from crosstune.frozen.passes import frozen_pass
from crosstune.planning.gap import OPENED, judge_gap
from crosstune.probing.gap import tell_apart
from crosstune.probing.sides import Sides
from crosstune.reports.gap import gap_words
from crosstune.stages.gap import basic_gap, tied_sides
from crosstune.stages.gap_looks import compare_properties
from crosstune.stages.opening import Opened
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.run import Run

ROWS = 300
"""Of each split, at most: a shift that costs accuracy shows on these, and all measures take 0.5 s."""

FEWEST = 40
"""ASSUMED: with fewer rows on a side a gap that matters cannot be told from chance."""

SECONDS, SHARE = 1.0, 0.01
"""Of the pass over test rows, and of the time left, at most."""

LOOKED, PIXELS = 150, 2e7
"""Rows of each split whose simple properties are measured, and pixels that are decoded for it: 0.3 s each."""

FEWEST_LOOKED = 20


def gap_inside(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Prepared:
    """Carry the stage out: ``run.gap`` has what was found, and a large gap is a warning finding.

    Cost: about two processor seconds. Checked by: ``tests/stages/test_gap_inside.py``.
    """
    run.gap = run.once("gap", lambda: _measure(run, prepared, opened, probed))
    if run.gap is None:
        return prepared
    found = judged(gap_findings(run.gap), strict=run.options.strict)
    if not found:
        run.reporter.say(gap_words(run.gap))
    run.found(found)
    report = replace(prepared.report, findings=(*prepared.report.findings, *found))
    report.require()
    return replace(prepared, report=report)


def gap_findings(gap: Gap) -> list[Finding]:
    """Make a warning of a large gap."""
    if gap.level is not GapLevel.LARGE:
        return []
    return [
        Finding(
            severity=WARNING,
            code="domain-gap",
            sentence=gap_words(gap),
            fix=f"train on examples like those of {gap.second.name}, or compare the two sets with "
            f"`crosstune gap`; trials try {', '.join(f'`strategy={name}`' for name in OPENED)} as well",
        )
    ]


def _measure(run: Run, prepared: Prepared, opened: Opened, probed: Probed) -> Gap | None:
    began, seed = time.monotonic(), run.settings.seed
    name = "test" if len(prepared.items["test"]) else "validation"
    allowed = min(SECONDS, SHARE * max(0.0, run.budget.left())) / opened.facts.pass_seconds
    rows = [
        _drawn(len(probed.items), ROWS, seed, "gap train"),
        _drawn(len(prepared.items[name]), min(ROWS, int(allowed)), seed, "gap test"),
    ]
    if min(map(len, rows)) < FEWEST:
        run.reporter.say(f"no gap between train and {name}: {len(rows[1])} rows of {name} are too few for it")
        return None
    items = [probed.items.subset(rows[0].tolist()), prepared.items[name].subset(rows[1].tolist())]
    new = frozen_pass(
        opened.backbone, items[1], engine=run.settings.engine, cache=cache_dir() / "features",
        reporter=run.reporter,
    )  # fmt: skip
    features = np.concatenate([probed.features["train"].blocks[-1][rows[0]], new.blocks[-1]])
    sides, _ = tied_sides(items, [_groups(run, part) for part in items])
    try:
        told = tell_apart(features.astype(np.float32), sides, seed=seed)
    except BadValue as error:  # one group holds a whole split: no rule can be judged
        run.reporter.say(f"no gap between train and {name}: {error.problem}")
        return None
    level = judge_gap(told.rule.distance, told.rule.auc, told.mmd.p)
    whole = len(probed.items), len(prepared.items[name])
    first, second = (
        GapSet(name=split, rows=count, sampled=len(part))
        for split, count, part in zip(("train", name), whole, items, strict=True)
    )
    gap = basic_gap(first, second, opened, level, told, grouped=run.options.group is not None)
    found = _properties(prepared, opened, items, sides, seed)
    return replace(gap, properties=found, seed=seed, seconds=time.monotonic() - began)


def _properties(
    prepared: Prepared, opened: Opened, items: Sequence[SplitItems], sides: Sides, seed: int
) -> tuple[GapProperty, ...]:
    """Compare simple properties on as many rows as can be decoded at once; of huge pictures, none."""
    side = prepared.facts.median_side or 1
    most = min(LOOKED, int(PIXELS / side**2))
    if most < FEWEST_LOOKED:
        return ()
    rows = [np.arange(min(most, len(part)), dtype=np.intp) for part in items]
    part = sides.part(np.concatenate([rows[0], rows[1] + len(items[0])]))
    return compare_properties(items, rows, part, opened.backbone.preprocessing, seed)


def _drawn(count: int, most: int, seed: int, purpose: str) -> NDArray[np.intp]:
    return np.sort(generator(seed, purpose).permutation(count)[:most]).astype(np.intp)


def _groups(run: Run, items: SplitItems) -> list[Any] | None:
    name = run.options.group
    return values(items.dataset, name) if name and name in items.dataset.column_names else None
