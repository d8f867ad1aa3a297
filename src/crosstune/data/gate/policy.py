"""How much may be wrong: the share of rows that may be set aside, and whether warnings are errors."""

from collections.abc import Sequence
from dataclasses import replace

from crosstune.core.errors import BadValue, shown
from crosstune.data.gate.finding import ERROR, MOST_ITEMS, WARNING, Finding
from crosstune.data.gate.report import BadItem

MAX_BAD = 0.01
"""Share of the rows that may be set aside where the user names none. Source: the checks of K7, 1 %."""

SMALL_SHARE, SMALL_COUNT = 0.1, 10
"""In small sets one bad row is more than 1 %: up to 10 % may be bad there, but at most ten rows. ASSUMED."""


def allowed_bad(rows: int, max_bad: float | None) -> int:
    """Return how many of ``rows`` may be set aside.

    Args:
        rows: all rows.
        max_bad: the share that the user allows, in [0, 1], taken literally; ``None``: 1 %, or in sets below
            1,000 rows 10 %, at least one row and at most ten.

    Raises:
        BadValue: ``max_bad`` is no share.
    """
    if max_bad is None:
        return max(int(MAX_BAD * rows), min(SMALL_COUNT, max(1, int(SMALL_SHARE * rows))))
    if not 0 <= max_bad <= 1:
        raise BadValue(
            "`max_bad` is out of range",
            found=str(max_bad),
            expected="a share in [0, 1], such as 0.05 for 5 %",
            fix="set it to a share, or leave it out",
        )
    return int(max_bad * rows + 1e-9)


def bad_findings(bad: Sequence[BadItem]) -> list[Finding]:
    """Say for each code how many rows are set aside, and show the first."""
    findings = []
    for code in dict.fromkeys(item.code for item in bad):
        items = [item for item in bad if item.code == code]
        listed = shown((f"{item.origin} ({item.reason})" for item in items), most=3)
        findings.append(
            Finding(
                severity=WARNING,
                code=code,
                sentence=f"{len(items):,} rows are set aside: {listed}",
                fix="correct or remove them; bad_items.csv lists them all",
                items=tuple(item.origin for item in items[:MOST_ITEMS]),
            )
        )
    return findings


def bad_share_findings(bad: Sequence[BadItem], rows: int, max_bad: float | None) -> list[Finding]:
    """Make an error of it where more rows are set aside than may be."""
    allowed = allowed_bad(rows, max_bad)
    if len(bad) <= allowed:
        return []
    return [
        Finding(
            severity=ERROR,
            code="too-many-bad-rows",
            sentence=f"{len(bad):,} of {rows:,} rows ({len(bad) / rows:.1%}) cannot be used, "
            f"and at most {allowed:,} may be set aside",
            fix=f"correct them, or allow more with --max-bad {min(1.0, round(len(bad) / rows + 0.005, 2)):g}",
        )
    ]


def judged(findings: Sequence[Finding], *, strict: bool) -> list[Finding]:
    """Make errors of warnings where ``strict`` asks for it."""
    return [replace(f, severity=ERROR) if strict and f.severity == WARNING else f for f in findings]
