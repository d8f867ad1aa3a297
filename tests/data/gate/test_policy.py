"""How much may be bad, and what strict does."""

import pytest

from crosstune.core.errors import BadValue
from crosstune.data.gate.policy import allowed_bad, bad_share_findings, judged
from crosstune.data.gate.report import BadItem, Finding


@pytest.mark.parametrize(
    ("rows", "max_bad", "allowed"),
    [(3, None, 1), (40, None, 4), (500, None, 10), (1_000, None, 10), (5_000, None, 50), (40, 0.01, 0),
     (100, 0.29, 29), (10, 1.0, 10), (10, 0.0, 0)],
)  # fmt: skip
def test_the_number_of_bad_rows_that_is_allowed(rows: int, max_bad: float | None, allowed: int) -> None:
    assert allowed_bad(rows, max_bad) == allowed


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_lies_between_0_and_1(share: float) -> None:
    with pytest.raises(BadValue):
        allowed_bad(10, share)


def test_one_row_more_is_an_error_that_names_a_share_that_would_do() -> None:
    bad = [
        BadItem(split="all", index=row, origin=f"r{row}", code="empty-text", reason="") for row in range(11)
    ]
    assert bad_share_findings(bad[:10], 500, None) == []
    (finding,) = bad_share_findings(bad, 500, None)
    assert (finding.severity, finding.code) == ("error", "too-many-bad-rows")
    share = float(finding.fix.rpartition(" ")[2])
    assert bad_share_findings(bad, 500, share) == []


def test_strict_makes_errors_of_warnings_only() -> None:
    findings = [
        Finding(severity=one, code="c", sentence="s", fix="f") for one in ("note", "warning", "error")
    ]
    assert [one.severity for one in judged(findings, strict=True)] == ["note", "error", "error"]
    assert judged(findings, strict=False) == findings
