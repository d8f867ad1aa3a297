"""A gap survives JSON, except for pictures, which stand on the page only."""

import json
from dataclasses import replace

import pytest

from crosstune.core.gap import Gap
from tests.support.sample_gap import picture_gap, text_gap


@pytest.mark.parametrize("gap", [picture_gap(), text_gap()])
def test_json_gives_the_same_gap_without_pictures(gap: Gap) -> None:
    plain = replace(gap, witnesses=tuple(replace(one, picture=None) for one in gap.witnesses))
    text = json.dumps(gap.to_json(), allow_nan=False)
    assert Gap.from_json(json.loads(text)) == plain
    assert "data:" not in text
