"""Rows without a domain are set aside; a named domain is no group that nobody has named."""

from datasets import Dataset

from crosstune.data.check import check
from crosstune.data.read import read


def test_rows_without_a_domain_are_set_aside() -> None:
    sources = ["web", None, "  ", "shop", "web", "shop"] * 10
    rows = {"text": [f"text {row}" for row in range(60)], "label": ["a", "b"] * 30, "source": sources}
    report = check(read(Dataset.from_dict(rows), domain="source"), max_bad=0.5)
    assert {item.code for item in report.bad} == {"missing-domain"}
    assert [item.index for item in report.bad[:3]] == [1, 2, 7]
    domains = report.clean().items("all").domains()
    assert domains is not None
    assert dict(zip(domains.names, domains.counts.tolist(), strict=True)) == {"shop": 20, "web": 20}


def test_a_domain_is_not_taken_for_a_group() -> None:
    sources = [f"source {row % 6}" for row in range(60)]
    rows = {"text": [f"text {row}" for row in range(60)], "label": ["a", "b"] * 30, "source": sources}
    codes = [
        {finding.code for finding in check(read(Dataset.from_dict(rows), domain=domain)).findings}
        for domain in (None, "source")
    ]
    assert ["undeclared-group" in found for found in codes] == [True, False]
