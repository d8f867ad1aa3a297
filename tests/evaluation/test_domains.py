"""Scores by domain are the scores of the subsets; the worst and the mean are made of them."""

import numpy as np
import pytest

from crosstune.core.domains import Domains
from crosstune.evaluation.domains import domain_scores
from crosstune.evaluation.scores import score
from crosstune.tasks.registry import make_task

DRAW = np.random.default_rng(5)
IDS = DRAW.permutation(np.repeat([1, 2], [70, 30]))
DOMAINS = Domains(("absent", "large", "small"), IDS)
TASK = make_task("text-classification", ["a", "b"])
TRUTH = DRAW.integers(0, 2, 100)
OUTPUTS = (
    np.stack([-TRUTH, TRUTH], axis=1) + DRAW.normal(size=(100, 2)) * np.where(IDS == 1, 0.5, 3.0)[:, None]
)


def test_each_domain_is_scored_on_its_own_rows() -> None:
    found = domain_scores(TASK, OUTPUTS, TRUTH, DOMAINS, resamples=200)
    assert list(found.each) == ["large", "small"]
    for number, name in enumerate(found.each):
        rows = number + 1 == IDS
        assert found.each[name] == score(TASK, OUTPUTS[rows], TRUTH[rows], seed=number, resamples=200)
    assert found.worst_domain == "small"


def test_worst_and_mean() -> None:
    found = domain_scores(TASK, OUTPUTS, TRUTH, DOMAINS, resamples=400)
    large, small = found.each["large"], found.each["small"]
    for name, spec in TASK.metrics.items():
        pair = [large[name].value, small[name].value]
        assert found.worst[name].value == (min(pair) if spec.higher_is_better else max(pair))
        assert found.mean[name].value == pytest.approx(np.mean(pair))
    # The mean of two independent figures varies less than the wider of them, and covers itself.
    mean, wide = found.mean["accuracy"], small["accuracy"]
    assert mean.high - mean.low < wide.high - wide.low
    assert mean.low < mean.value < mean.high
    assert found.worst["accuracy"].low <= wide.low + 1e-9


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="99 rows of outputs but 100 targets"):
        domain_scores(TASK, OUTPUTS, TRUTH, DOMAINS.take(range(99)))


def test_a_figure_that_a_domain_lacks_is_left_to_the_others() -> None:
    from crosstune.evaluation import domains

    table = np.array([[0.5, np.nan, np.nan], [0.7, 0.2, np.nan], [0.6, 0.4, np.nan]])
    assert domains._least(table)[:2].tolist() == [0.5, 0.2]
    assert domains._mean(table)[:2].tolist() == pytest.approx([0.6, 0.3])
    assert np.isnan(domains._least(table)[2])
    assert np.isnan(domains._mean(table)[2])
    assert domains._known(np.array([np.nan, 0.3, 0.2])).argmin() == 2
