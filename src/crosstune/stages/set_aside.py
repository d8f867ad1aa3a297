"""Rows that only the opened model shows to be unusable: set aside, and said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from crosstune.data.gate.policy import judged
from crosstune.data.gate.report import MOST_ITEMS, WARNING, BadItem, Finding
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run


def set_aside(run: Run, prepared: Prepared, bad: Sequence[BadItem], findings: Sequence[Finding]) -> Prepared:
    """Leave rows out of their splits; ``bad_items.csv`` and the report list them.

    Raises:
        TooManyBadRows: more rows are set aside than the options allow.
        CheckFailed: under ``--strict``, whatever the finding.
    """
    if not bad and not findings:
        return prepared
    rows: dict[str, set[int]] = {}
    for item in bad:
        rows.setdefault(item.split, set()).add(item.index)
    found = judged(list(findings), strict=run.options.strict)
    run.found(found)
    report = replace(
        prepared.report, bad=(*prepared.report.bad, *bad), findings=(*prepared.report.findings, *found)
    )
    report.require()
    report.write(run.folder.bad_items)
    return _without(replace(prepared, report=report), rows)


def set_aside_by_reason(
    run: Run, prepared: Prepared, bad: Sequence[BadItem], words: Mapping[str, tuple[str, str]]
) -> Prepared:
    """Leave utterances out of their splits, with a finding for each reason; raises as :func:`set_aside`.

    ``words`` has for each code what the utterances are, and what to do.
    """
    by_code = {code: [item for item in bad if item.code == code] for code in words}
    findings = [
        aside(code, items, what=words[code][0], fix=words[code][1])
        for code, items in by_code.items()
        if items
    ]
    return set_aside(run, prepared, bad, findings)


def aside(code: str, bad: Sequence[BadItem], *, what: str, fix: str) -> Finding:
    """Say that utterances are set aside, with the first of them; ``what`` goes on after "utterances"."""
    first = bad[0]
    return Finding(
        severity=WARNING,
        code=code,
        sentence=f"{len(bad):,} utterances {what} set aside, such as {first.origin}: {first.reason}",
        fix=fix,
        items=tuple(item.origin for item in bad[:MOST_ITEMS]),
    )


def _without(prepared: Prepared, rows: Mapping[str, Collection[int]]) -> Prepared:
    items, encoded = dict(prepared.items), dict(prepared.encoded)
    for split, out in rows.items():
        good = [row for row in range(len(items[split])) if row not in out]
        items[split], encoded[split] = items[split].subset(good), encoded[split][good]
    facts = replace(prepared.facts, train_rows=len(items["train"]), validation_rows=len(items["validation"]))
    # Training may have more rows than were compared: further turns of conversations, behind all others.
    alike = {
        split: np.delete(same, [row for row in rows.get(split, ()) if row < len(same)])
        for split, same in prepared.data.alike.items()
    }
    data = replace(prepared.data, alike=alike)
    return replace(prepared, data=data, items=items, encoded=encoded, facts=facts)
