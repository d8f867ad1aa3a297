"""The section "What was forgotten": one sentence, the drift by block, the line between both bodies."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from crosstune.core.forgetting import BlockDrift, Forgetting, LinePoint, ProbeRow
from crosstune.reports.figures import count, decimals, figure, interval
from crosstune.reports.plots import Panel
from crosstune.reports.svg import Frame, dot, padded, path


def sentence(found: Forgetting) -> str:
    """Say in one sentence what was forgotten.

    Checked by: ``tests/reports/test_forgotten.py``.
    """
    if found.skipped:
        return f"What was forgotten: {found.skipped}."
    if found.unprobed:
        return f"What was forgotten was not tried by probes on unrelated sets: {found.unprobed}."
    if not found.probes:
        why = "; ".join(f"{name}: {reason}" for name, reason in found.left_out)
        return f"What was forgotten could not be tried on unrelated sets{f' ({why})' if why else ''}."
    surely = [row for row in found.probes if row.drop.low > 0]
    sets = "one unrelated set" if len(found.probes) == 1 else f"{len(found.probes)} unrelated sets"
    kept = f"On {sets} a linear probe keeps {100 * found.kept:.1f} % of the accuracy it had on the base model"
    if not surely:
        return f"{kept}; on none of them is a loss certain."
    worst = max(surely, key=lambda row: row.drop.value)
    lost = figure(100 * worst.drop.value, 1)
    return f"{kept}; the largest certain loss is {lost} points, on {worst.name}{_asked(found)}."


def _asked(found: Forgetting) -> str:
    return "" if found.least is None else f" ({100 * found.least:g} % were asked for)"


def forgotten(found: Forgetting | None, metric: str) -> dict[str, Any] | None:
    """Give what the template names; ``None`` where nothing is known (a run from before this was measured)."""
    if found is None:
        return None
    digits = decimals([row.drop for row in found.probes])
    return {
        "sentence": sentence(found),
        "rows": [_row(row, digits) for row in found.probes],
        "left_out": found.left_out,
        "panels": [one for one in (_drift(found), _change(found.blocks), line(found, metric)) if one],
        "divergence": _divergence(found),
        "language": language_sentence(found),
        "line_words": found.line_words,
    }


def _row(row: ProbeRow, digits: int) -> tuple[str, str, list[tuple[str, str]]]:
    cells = [(figure(one.value, digits), interval(one, digits)) for one in (row.before, row.after, row.drop)]
    return row.name, f"{row.question}; {count(row.examples)} examples", cells


def _divergence(found: Forgetting) -> str:
    if found.skipped or found.unprobed:
        return ""
    if found.divergence is None:
        return (
            "The base model came without a classifier of its own, so that its predictions cannot be compared."
        )
    nats = f"{figure(found.divergence.value)} nats ({interval(found.divergence)})"
    return (
        f"On validation examples the predictions of the model's own {count(found.source_classes)} classes "
        f"have moved by {nats}: the mean Kullback-Leibler divergence from the base model."
    )


def language_sentence(found: Forgetting) -> str:
    """Say how far the loss on general texts has risen; nothing where it was not measured."""
    if (known := found.language) is None:
        return ""
    rise = f"{figure(known.rise.value)} nats ({interval(known.rise)})"
    return (
        f"As a language model it names the next token of {count(known.texts)} general texts "
        f"({count(known.tokens)} tokens) with a loss of {figure(known.after.value)} nats each, against "
        f"{figure(known.before.value)} before: a rise of {rise}."
    )


def _drift(found: Forgetting) -> Panel | None:
    """Draw the alignment of old and new features by block: on unrelated sets, and on the run's own rows."""
    blocks = found.blocks
    lines = [
        ("unrelated sets", [one.alignment for one in blocks]),
        ("the run's own validation examples", [one.own_alignment for one in blocks]),
    ]
    drawn = [(name, values) for name, values in lines if any(map(math.isfinite, values))]
    if not drawn:
        return None
    every = [1.0, *(value for _, values in drawn for value in values if math.isfinite(value))]
    frame = _frame(blocks, padded(every))
    marks: list[Markup] = []
    for style, (name, values) in enumerate(drawn):
        marks += _series(frame, blocks, values, style, name)
    ends = "; ".join(f"{name}: {figure(values[-1])} at the end" for name, values in drawn)
    return Panel(
        title="features before and after, by block",
        picture=frame.draw(f"Linear CKA of old and new features by block. {ends}", *marks),
        legend=tuple((style, name) for style, (name, _) in enumerate(drawn)),
        note="Linear CKA: 1 where a block says the same as before, but for rotation and scale.",
    )


def _change(blocks: Sequence[BlockDrift]) -> Panel | None:
    values = [one.change for one in blocks]
    if not any(map(math.isfinite, values)):
        return None
    frame = _frame(blocks, padded([0.0, *values]))
    most = max(blocks, key=lambda one: one.change if math.isfinite(one.change) else -1.0)
    largest = f"largest in {most.block}: {figure(most.change)}"
    note = f"Length of the change over the length of the weights; {largest}."
    marks = _series(frame, blocks, values, 0, "relative change")
    return Panel(title="relative change of weights, by block", picture=frame.draw(note, *marks), note=note)


def _frame(blocks: Sequence[BlockDrift], y: tuple[float, float]) -> Frame:
    return Frame(
        x=(0.0, max(1.0, len(blocks) - 1.0)),
        y=y,
        x_title="block, from input to output",
        x_ticks=tuple((float(place), one.block) for place, one in enumerate(blocks)),
    )


def _series(
    frame: Frame, blocks: Sequence[BlockDrift], values: Sequence[float], style: int, name: str
) -> list[Markup]:
    points = [(float(place), value) for place, value in enumerate(values)]
    marks = [path(frame, points, f"line series s{style}")]
    for one, point in zip(blocks, points, strict=True):
        if math.isfinite(point[1]):
            hint = f"{one.block}, {name}: {figure(point[1])}"
            marks.append(dot(frame, point, f"point series s{style}", 2.6, hint))
    return marks


def line(found: Forgetting, metric: str) -> Panel | None:
    """Draw the task's metric over what is kept, for the points between the base body and the tuned one.

    ``None`` where fewer than two points have both figures.
    """
    known = [one for one in found.line if math.isfinite(one.kept) and math.isfinite(one.metric.value)]
    if len(known) < 2:
        return None
    frame = Frame(
        x=padded([one.kept for one in known]),
        y=padded([one.metric.value for one in known]),
        x_title="share of the probes' accuracy that is kept",
    )
    places = [(one.kept, one.metric.value) for one in known]
    marks = [path(frame, places, "line series s0")]
    if found.least is not None and frame.x[0] < found.least < frame.x[1]:
        marks.append(path(frame, [(found.least, frame.y[0]), (found.least, frame.y[1])], "ideal"))
    for one, place in zip(known, places, strict=True):
        marks.append(dot(frame, place, "point series s0", 2.6, _hint(one, metric)))
        if one.chosen:
            marks.append(dot(frame, place, "best", 6.0))
    first, last = known[0], known[-1]
    note = (
        f"From {figure(first.alpha, 1)} of the way ({figure(first.metric.value)}, "
        f"{100 * first.kept:.1f} % kept) to {figure(last.alpha, 1)} ({figure(last.metric.value)}, "
        f"{100 * last.kept:.1f} % kept)."
    )
    if any(one.chosen for one in known):
        note += " What ships is ringed."
    if found.least is not None:
        note += f" The dashed line is the share that was asked for, {100 * found.least:g} %."
    title = f"{metric} against what is kept"
    return Panel(title=title, picture=frame.draw(f"{title}. {note}", *marks), note=note)


def _hint(one: LinePoint, metric: str) -> str:
    share = f"{one.alpha:g} of the way to the tuned weights"
    return f"{share}: {metric} {figure(one.metric.value)} on validation, {100 * one.kept:.1f} % kept"
