"""What can be wrong between splits: the same content, or the same group, on both sides."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from crosstune.core.errors import shown
from crosstune.data.gate.report import NOTE, WARNING, Finding
from crosstune.data.labelled import LabelledData
from crosstune.data.store import ORIGIN, values


def duplicate_findings(data: LabelledData, digests: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Find rows with exactly equal content in two splits (a warning) or in one (a note)."""
    findings = []
    rows = {split: _first_rows(found) for split, found in digests.items()}
    for one, other in combinations(digests, 2):
        shared = [digest for digest in rows[other] if digest in rows[one]]
        if shared:
            count = sum(1 for digest in digests[other] if digest in rows[one])
            pairs = [(rows[one][digest], rows[other][digest]) for digest in shared[:3]]
            findings.append(_across(data, one, other, count, pairs))
    within = {
        split: sum(1 for digest in found if digest) - len(rows[split]) for split, found in digests.items()
    }
    if any(within.values()):
        listed = shown(f"{count:,} in {split}" for split, count in within.items() if count)
        findings.append(
            Finding(
                severity=NOTE,
                code="duplicates",
                sentence=f"rows that repeat the exact content of an earlier row: {listed}",
                fix="nothing: splits that are made keep them together; remove them if they are a mistake",
            )
        )
    return findings


def _first_rows(digests: Sequence[str]) -> dict[str, int]:
    first: dict[str, int] = {}
    for row, digest in enumerate(digests):
        if digest:
            first.setdefault(digest, row)
    return first


def _across(
    data: LabelledData, one: str, other: str, count: int, pairs: Sequence[tuple[int, int]]
) -> Finding:
    left = values(data.splits[one].select([row for row, _ in pairs]), ORIGIN)
    right = values(data.splits[other].select([row for _, row in pairs]), ORIGIN)
    listed = shown(f"{a} = {b}" for a, b in zip(left, right, strict=True))
    return Finding(
        severity=WARNING,
        code="duplicates-across-splits",
        sentence=f"{count:,} rows of {other} have exactly the content of a row of {one}, such as {listed}",
        fix=f"remove them from {one} or {other}: figures on {other} are too good as they are",
    )


def group_findings(data: LabelledData) -> list[Finding]:
    """Find groups (patients, speakers, documents) that fall into two splits."""
    if data.group is None:
        return []
    groups = {
        split: {str(value) for value in values(found, data.group)} for split, found in data.splits.items()
    }
    findings = []
    for one, other in combinations(groups, 2):
        shared = sorted(groups[one] & groups[other])
        if shared:
            findings.append(
                Finding(
                    severity=WARNING,
                    code="group-across-splits",
                    sentence=f"{len(shared):,} values of `{data.group}` are in both {one} and {other}: "
                    f"{shown(shared, most=5)}",
                    fix="move each group to one split, or give data without splits: they are made by group",
                )
            )
    return findings
