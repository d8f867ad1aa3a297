"""A metric by domain is the metric of each domain's own rows, put together."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from crosstune.core.domains import Domains
from crosstune.core.errors import UnknownName
from crosstune.tasks.by_domain import by_domain, chosen_by
from crosstune.tasks.registry import make_task

DRAW = np.random.default_rng(3)
IDS = DRAW.permutation(np.repeat([0, 2, 3], [40, 25, 35]))
DOMAINS = Domains(("a", "nobody", "c", "d"), IDS)
VALUES = make_task("text-regression", DRAW.normal(size=100).tolist())
TRUTH, OUTPUTS = DRAW.normal(size=100), DRAW.normal(size=(100, 1))
OUTPUTS[IDS == 2] = 0.2 * OUTPUTS[IDS == 2] + TRUTH[IDS == 2, None]


def by_hand() -> list[float]:
    return [float(np.corrcoef(OUTPUTS[number == IDS, 0], TRUTH[number == IDS])[0, 1]) for number in (0, 2, 3)]


def test_worst_and_mean_are_those_of_the_subsets() -> None:
    spec = VALUES.metrics["pearson"]
    worst, mean = (by_domain(spec, DOMAINS, how) for how in ("worst-domain", "mean-domain"))
    assert (worst.name, mean.name) == ("worst-domain pearson", "mean-domain pearson")
    assert worst.reduce(*worst.prepare(OUTPUTS, TRUTH)) == pytest.approx(min(by_hand()))
    assert mean.reduce(*mean.prepare(OUTPUTS, TRUTH)) == pytest.approx(np.mean(by_hand()))
    overall = spec.reduce(*spec.prepare(OUTPUTS, TRUTH))
    assert min(by_hand()) < overall < max(by_hand())


def test_the_worst_of_what_should_be_small_is_the_largest() -> None:
    spec = by_domain(VALUES.metrics["mae"], DOMAINS, "worst-domain")
    errors = [np.abs(OUTPUTS[number == IDS, 0] - TRUTH[number == IDS]).mean() for number in (0, 2, 3)]
    assert not spec.higher_is_better
    assert spec.reduce(*spec.prepare(OUTPUTS, TRUTH)) == pytest.approx(VALUES.affine()[0] * max(errors))


def test_classes_too_against_scikit_learn() -> None:
    task = make_task("text-classification", ["x", "y", "z"])
    truth, outputs = DRAW.integers(0, 3, 100), DRAW.normal(size=(100, 3))
    spec = by_domain(task.metrics["macro-f1"], DOMAINS, "mean-domain")
    expected = [
        f1_score(truth[number == IDS], outputs[number == IDS].argmax(1), average="macro")
        for number in (0, 2, 3)
    ]
    assert spec.reduce(*spec.prepare(outputs, truth)) == pytest.approx(np.mean(expected))


def test_a_resample_without_a_domain_goes_without_it() -> None:
    spec = by_domain(VALUES.metrics["pearson"], DOMAINS, "worst-domain")
    rows = np.flatnonzero(IDS != 0)
    arrays = [array[rows] for array in spec.prepare(OUTPUTS, TRUTH)]
    assert spec.reduce(*arrays) == pytest.approx(min(by_hand()[1:]))


def test_without_domains_or_by_wish_all_rows_count_together() -> None:
    primary = VALUES.metrics["pearson"]
    assert chosen_by(VALUES, None, "worst-domain").name == primary.name
    assert chosen_by(VALUES, DOMAINS, "overall").name == primary.name
    assert chosen_by(VALUES, DOMAINS, "mean-domain", metric="rmse").name == "mean-domain rmse"


def test_other_ways_and_other_rows_are_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean `worst-domain`"):
        by_domain(VALUES.metrics["pearson"], DOMAINS, "worst-domains")
    spec = by_domain(VALUES.metrics["pearson"], DOMAINS, "worst-domain")
    with pytest.raises(ValueError, match="99 examples, but the domains of 100"):
        spec.prepare(OUTPUTS[1:], TRUTH[1:])
