"""Rows that do not say which domain they come from."""

from crosstune.data.gate.inputs import Problem
from crosstune.data.labelled import LabelledData
from crosstune.data.store import values
from crosstune.data.targets import is_missing


def domain_problems(data: LabelledData, split: str) -> dict[int, Problem]:
    """Return the rows of a split whose domain is empty, where a column says domains.

    Checked by: ``tests/data/gate/test_domains.py``.
    """
    if data.domain is None:
        return {}
    column = values(data.splits[split], data.domain)
    return {
        row: ("missing-domain", f"the domain (column `{data.domain}`) is empty")
        for row, value in enumerate(column)
        if is_missing(value)
    }
