"""A run's summary that was edited by hand gives the page or a named error, never a traceback."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crosstune.core.errors import DamagedFile
from crosstune.reports.page import render_report
from crosstune.reports.stored import read_summary
from tests.support.sample_summary import classification, regression

SAMPLES = {made.__name__: json.loads(json.dumps(made().to_json())) for made in (classification, regression)}


@pytest.mark.parametrize("name", list(SAMPLES))
def test_what_a_run_wrote_is_read(name: str, tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps(SAMPLES[name]))
    assert json.loads(json.dumps(read_summary(tmp_path / "summary.json").to_json())) == SAMPLES[name]


def test_a_missing_summary_is_a_named_error(tmp_path: Path) -> None:
    with pytest.raises(DamagedFile, match="no such file"):
        read_summary(tmp_path / "summary.json")


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, -1, 0, 2**62, 1e300, "", "<b>", [], [[]], [1, "a"], {}, {"a": 1}, {"value": 1, "low": 0}]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.data(), st.sampled_from(list(SAMPLES)))
def test_any_field_may_be_anything(tmp_path: Path, data: st.DataObject, name: str) -> None:
    raw = json.loads(json.dumps(SAMPLES[name]))
    place: Any = raw
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [key for key in (place if isinstance(place, dict) else range(len(place)))
                 if isinstance(place[key], (dict, list)) and place[key]]  # fmt: skip
        if not inner:
            break
        place = place[data.draw(st.sampled_from(inner))]
    key = data.draw(st.sampled_from(list(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(ODD)
    path = tmp_path / "summary.json"
    path.write_text(json.dumps(raw))
    try:
        summary = read_summary(path)
    except DamagedFile:
        return
    assert "</html>" in render_report(summary)
