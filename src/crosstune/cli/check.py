"""``crosstune check``: the gate; what is wrong with the data, by file and row."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from crosstune.cli.arguments import (
    DataArgument,
    DrawOption,
    GroupOption,
    InputsOption,
    JsonOption,
    MaxBadOption,
    MaxLengthOption,
    ModelOption,
    ShowMaskOption,
    StrictOption,
    TargetOption,
    TaskOption,
)
from crosstune.cli.console import USER_ERROR, say, say_json, say_rows
from crosstune.cli.mask import mask_values, say_mask
from crosstune.core.errors import DoesNotApply

SHOWN = 20
"""Bad items that the table lists; ``--json`` lists all."""

Rows = Sequence[Mapping[str, Any]]


def check(
    data: DataArgument,
    target: TargetOption = None,
    inputs: InputsOption = None,
    group: GroupOption = None,
    task: TaskOption = None,
    max_bad: MaxBadOption = None,
    strict: StrictOption = False,
    draw: DrawOption = None,
    show_mask: ShowMaskOption = False,
    model: ModelOption = None,
    max_length: MaxLengthOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with DATA, by file and row.

    All of it is read, and nothing is changed. `fit` runs the same check first. With --show-mask and --model,
    DATA are conversations, and what a language model would learn of the first rows is marked.

    Exit codes: 0, no finding is an error (there may be warnings, notes and rows that are set aside);
    2, a finding is an error, or DATA cannot be read; 1, a bug in crosstune.
    """
    from crosstune import pipeline

    named = {"--target": target, "--inputs": inputs, "--group": group, "--task": task, "--draw": draw}
    _hold_together(named, show_mask=show_mask, model=model, max_length=max_length)
    if show_mask and model is not None:
        shown = pipeline.show_mask(data, model, max_length=max_length, max_bad=max_bad, strict=strict)
        _tell(shown.findings, shown.bad, as_json=as_json, rows=shown.rows, notes=shown.notes)
        return
    report = pipeline.check(
        data,
        target=target,
        inputs=tuple(inputs or ()),
        group=group,
        task=task,
        max_bad=max_bad,
        strict=strict,
    )
    drawn = pipeline.draw_labels(report, draw) if draw is not None else []
    _tell(report.findings, report.bad, as_json=as_json, drawn=drawn)


def _hold_together(
    named: Mapping[str, object], *, show_mask: bool, model: str | None, max_length: int | None
) -> None:
    """Raise ``DoesNotApply`` for options that would be ignored, or that lack what they need."""
    if show_mask:
        idle = [flag for flag, value in named.items() if value]
        found = "no --model" if model is None else f"{', '.join(idle)} beside --show-mask"
    else:
        idle = ["--model"] * (model is not None) + ["--max-length"] * (max_length is not None)
        found = f"{', '.join(idle)} without --show-mask"
    if idle or (show_mask and model is None):
        raise DoesNotApply(
            "these options do not go together",
            found=found,
            expected="--show-mask --model MODEL, perhaps --max-length; its columns have fixed names",
            fix="see docs/guides/conversations.md",
        )


def _tell(
    found: Sequence[Any],
    wrong: Sequence[Any],
    *,
    as_json: bool,
    rows: Sequence[Any] = (),
    notes: Sequence[str] = (),
    drawn: Sequence[object] = (),
) -> None:
    """Print what was found, for people or programs; leaves with code 2 where something is an error."""
    findings = [
        {
            "severity": str(row.severity),
            "code": row.code,
            "sentence": row.sentence,
            "fix": row.fix,
            "items": list(row.items),
        }
        for row in found
    ]
    bad = [
        {"split": row.split, "origin": row.origin, "code": row.code, "reason": row.reason} for row in wrong
    ]
    if as_json:
        marked = {"notes": list(notes), "rows": mask_values(rows)} if notes else {}
        say_json({"findings": findings, "bad": bad, **marked})
    else:
        for note in notes:
            say(note)
        say_mask(rows)
        _say_report(findings, bad)
        for path in drawn:
            say(f"drawn: {path}")
    if any(finding["severity"] == "error" for finding in findings):
        raise typer.Exit(USER_ERROR)


def _say_report(findings: Rows, bad: Rows) -> None:
    for finding in findings:
        say(f"{finding['severity']}: {finding['sentence']}  [{finding['code']}]")
        if finding["fix"] not in ("", "nothing"):
            say(f"  fix: {finding['fix']}")
    if bad:
        say_rows(bad[:SHOWN])
    if len(bad) > SHOWN:
        say(f"... and {len(bad) - SHOWN} more; --json lists all of them")
    if not findings and not bad:
        say("nothing is wrong with this data")
