"""``crosstune gap``: how far two sets lie apart on the features of one model, and what gives them away."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.cache import temporary_dir
from crosstune.core.clock import Budget
from crosstune.core.gap import Gap, GapDistance, GapLevel
from crosstune.core.progress import Reporter
from crosstune.core.run_dir import RunDir, cache_dir
from crosstune.core.seeding import generator
from crosstune.data.check import CheckReport
from crosstune.data.items import SplitItems
from crosstune.data.labelled import LabelledData
from crosstune.frozen.passes import frozen_pass
from crosstune.options import FitOptions
from crosstune.planning.facts import DataFacts
from crosstune.planning.gap import judge_gap
from crosstune.probing.gap import Told, measure_distances, tell_apart
from crosstune.probing.halves import Debiased
from crosstune.probing.sides import Sides
from crosstune.stages.gap_looks import compare_properties, find_witnesses
from crosstune.stages.gap_sets import ReadSet, labels_of_sets, read_sets
from crosstune.stages.opening import Opened, open_planned
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.stages.summarise import versions
from crosstune.tasks.registry import make_task

LOOKED = 1_000
"""Rows of each set whose simple properties are measured, at most."""

WITNESSES = {"image": 10, "text": 6, "audio": 6}
"""Examples of each set that are shown."""


@dataclass(frozen=True, kw_only=True)
class GapQuestion:
    """What is asked of two sets."""

    model: str = "auto"
    target: str | None = None
    inputs: tuple[str, ...] = ()
    group: str | None = None
    rows: int = 2_000
    """Of each set, at most (techniques D: the dataset distance and the kernel grow with the square)."""
    seed: int = 0


def measure_gap(first: Any, second: Any, asked: GapQuestion, reporter: Reporter) -> Gap:  # noqa: ANN401
    """Measure all of it; see :class:`crosstune.core.gap.Gap`.

    Raises:
        BadValue, MissingColumn, TooFewRows: see :func:`read_sets`, and one group holds a whole set.
        UnknownModel: the model cannot be opened.

    Cost: a frozen pass over at most ``rows`` of each set, which the cache keeps, and a few seconds.
    """
    began = time.monotonic()
    sets = read_sets(
        (first, second), target=asked.target, inputs=asked.inputs, group=asked.group, rows=asked.rows,
        seed=asked.seed,
    )  # fmt: skip
    sets = _named(sets)
    notes = list(_sampled(sets))
    with TemporaryDirectory(prefix="fresh-", dir=temporary_dir()) as folder:
        options = FitOptions(data=first, model=asked.model, budget="none", seed=asked.seed)
        run = Run(options, RunDir(Path(folder)), Budget(None), reporter)
        opened = _open(run, sets)
        passes = [
            frozen_pass(opened.backbone, one.items, cache=cache_dir() / "features", reporter=reporter)
            for one in sets
        ]
    features = np.concatenate([found.blocks[-1] for found in passes])
    sides, tied = tied_sides([one.items for one in sets], [one.groups for one in sets])
    notes += [tied] if tied else []
    told = tell_apart(features, sides, seed=asked.seed)
    labels, note = labels_of_sets(sets)
    far = measure_distances(features, sides, labels, seed=asked.seed)
    notes += [note] if note else []
    level = judge_gap(told.rule.distance, told.rule.auc, told.mmd.p)
    rows = [_some(len(one.items), asked.seed, place) for place, one in enumerate(sets)]
    items = [one.items for one in sets]
    looked = sides.part(np.concatenate([rows[0], rows[1] + len(items[0])]))
    gap = basic_gap(sets[0].about, sets[1].about, opened, level, told, grouped=asked.group is not None)
    most = 0 if level is GapLevel.NONE else WITNESSES[gap.modality]
    return replace(
        gap,
        coral=_distance(far.coral),
        frechet=_distance(far.frechet),
        otdd=_distance(far.otdd) if far.otdd else None,
        properties=compare_properties(items, rows, looked, opened.backbone.preprocessing, asked.seed),
        witnesses=find_witnesses(items, told.rule.margins, most),
        notes=tuple(notes),
        seed=asked.seed,
        seconds=time.monotonic() - began,
        versions=tuple(versions().items()),
    )


def basic_gap(first: Any, second: Any, opened: Opened, level: GapLevel, told: Told, *, grouped: bool) -> Gap:  # noqa: ANN401
    """Put together what ``crosstune gap`` and ``fit`` both measure."""
    return Gap(
        first=first,
        second=second,
        modality=opened.backbone.modality,
        model=opened.label,
        features=opened.backbone.blocks[-1].name,
        level=level,
        grouped=grouped,
        distance=told.rule.distance,
        auc=told.rule.auc,
        mmd=GapDistance(value=told.mmd.value),
        mmd_p=told.mmd.p,
    )


def tied_sides(items: Sequence[SplitItems], groups: Sequence[list[Any] | None]) -> tuple[Sides, str]:
    """Put two sets side by side; rows of equal content and rows of one group belong together.

    Returns the sides, and a sentence about contents that both sets have.
    """
    digests = [list(part.row_digests) for part in items]
    contents = [digest or None for part in digests for digest in part]
    named = [value for part, own in zip(items, groups, strict=True) for value in own or [None] * len(part)]
    ties = [contents] if not any(groups) else [contents, named]
    shared = set(filter(None, digests[0])) & set(digests[1])
    both = sum(digest in shared for digest in digests[1])
    note = f"{both:,} rows of the second set have exactly the content of a row of the first" if both else ""
    return Sides.of(len(items[0]), len(items[1]), *ties), note


def _open(run: Run, sets: Sequence[ReadSet]) -> Opened:
    """Open the model as ``fit`` would for the first set, long enough for the texts of both."""
    modality = sets[0].items.modality
    names = [one.about.name for one in sets]
    task = make_task(f"{modality}-classification", ["first", "second"])
    longest = [int(one.facts["text_chars_q99"]) for one in sets if "text_chars_q99" in one.facts]
    side = sets[0].facts.get("image_side_median")
    facts = DataFacts(
        task=task.name,
        modality=modality,
        train_rows=len(sets[0].items),
        validation_rows=len(sets[1].items),
        test_rows=0,
        outputs=2,
        median_side=None if side is None else int(side),
        long_text=max(longest, default=None),
    )
    items = dict(zip(("train", "validation"), (one.items for one in sets), strict=True))
    data = LabelledData(
        source=" and ".join(names), splits={}, inputs=sets[0].items.inputs, target=None, modality=modality
    )
    report = CheckReport(data=data, task=None, findings=(), bad=(), digests={}, facts={}, class_counts={})
    prepared = Prepared(data=data, report=report, task=task, items=items, encoded={}, facts=facts)
    return open_planned(run, prepared)


def _named(sets: Sequence[ReadSet]) -> list[ReadSet]:
    """Leave out the folders that both names begin with; equal names are told apart."""
    names = [one.about.name for one in sets]
    parts = [PurePath(name).parts for name in names]
    shared = 0
    while shared < min(map(len, parts)) - 1 and parts[0][shared] == parts[1][shared]:
        shared += 1
    short = [str(PurePath(*part[shared:])) for part in parts]
    if short[0] == short[1]:
        short = [f"{short[0]} (first)", f"{short[1]} (second)"]
    return [replace(one, about=replace(one.about, name=name)) for one, name in zip(sets, short, strict=True)]


def _sampled(sets: Sequence[ReadSet]) -> list[str]:
    found = []
    for one in sets:
        about = one.about
        if about.sampled + about.set_aside < about.rows:
            found.append(f"{about.sampled:,} rows of {about.name} were looked at, drawn from {about.rows:,}")
        if about.set_aside:
            found.append(f"{about.set_aside:,} rows of {about.name} cannot be used and were set aside")
    return found


def _some(count: int, seed: int, place: int) -> NDArray[np.intp]:
    return np.sort(generator(seed, "gap properties", place).permutation(count)[:LOOKED]).astype(np.intp)


def _distance(found: Debiased) -> GapDistance:
    return GapDistance(value=found.value, between=found.between, within=found.within)
