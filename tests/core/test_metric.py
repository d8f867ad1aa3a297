"""Figures as JSON, those that are not defined too."""

import json
import math

from crosstune.core.metric import Metric


def test_what_is_not_defined_is_null_in_json_and_comes_back() -> None:
    whole, none = Metric(0.5, 0.4, 0.6), Metric(math.nan, math.nan, math.nan)
    assert Metric.from_json(whole.to_json()) == whole
    written = json.dumps(none.to_json(), allow_nan=False)
    assert written == '{"value": null, "low": null, "high": null}'
    assert all(map(math.isnan, vars(Metric.from_json(json.loads(written))).values()))
