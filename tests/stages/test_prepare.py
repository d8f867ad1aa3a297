"""Whether a training row that is left out says as much as a validation row."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from crosstune.data.labelled import LabelledData
from crosstune.stages.prepare import _drawn_row_by_row

ROWS = Dataset.from_dict({"text": ["a", "b", "c", "d"], "label": ["x", "y", "x", "y"]})
DATA = LabelledData(source="rows", splits={"all": ROWS}, inputs=("text",), target="label", modality="text")


def test_rows_by_themselves_are_drawn_one_by_one() -> None:
    assert _drawn_row_by_row(DATA, None)
    assert _drawn_row_by_row(replace(DATA, splits={"train": ROWS, "test": ROWS}), None)
    assert _drawn_row_by_row(replace(DATA, alike={"all": np.arange(4, dtype=np.int32)}), None)


@pytest.mark.parametrize(
    "changed",
    [
        {"splits": {"train": ROWS, "validation": ROWS}},
        {"group": "text"},
        {"alike": {"all": np.array([0, 1, 1, 2], dtype=np.int32)}},
    ],
)
def test_a_given_split_groups_and_copies_are_something_else(changed: dict[str, Any]) -> None:
    assert not _drawn_row_by_row(replace(DATA, **changed), None)


def test_a_group_may_be_named_for_the_run() -> None:
    assert not _drawn_row_by_row(DATA, "text")
