"""``crosstune check``: the gate; what is wrong with the data, by file and row."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from crosstune.cli.arguments import (
    DataArgument,
    GroupOption,
    InputsOption,
    JsonOption,
    MaxBadOption,
    StrictOption,
    TargetOption,
    TaskOption,
)
from crosstune.cli.console import USER_ERROR, say, say_json, say_rows

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
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with DATA, by file and row.

    All of it is read, and nothing is changed. `fit` runs the same check first.

    Exit codes: 0, no finding is an error (there may be warnings, notes and rows that are set aside);
    2, a finding is an error, or DATA cannot be read; 1, a bug in crosstune.
    """
    from crosstune import pipeline

    report = pipeline.check(
        data,
        target=target,
        inputs=tuple(inputs or ()),
        group=group,
        task=task,
        max_bad=max_bad,
        strict=strict,
    )
    findings = [
        {
            "severity": str(row.severity),
            "code": row.code,
            "sentence": row.sentence,
            "fix": row.fix,
            "items": list(row.items),
        }
        for row in report.findings
    ]
    bad = [
        {"split": row.split, "origin": row.origin, "code": row.code, "reason": row.reason}
        for row in report.bad
    ]
    if as_json:
        say_json({"findings": findings, "bad": bad})
    else:
        _say_report(findings, bad)
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
