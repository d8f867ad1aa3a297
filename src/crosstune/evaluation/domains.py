"""Metrics of each domain, of the worst one, and their mean. Shapes: N examples, K outputs, D domains."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.domains import Domains
from crosstune.core.metric import Metric
from crosstune.evaluation.bootstrap import check_rows, with_interval
from crosstune.evaluation.scores import draws_of
from crosstune.tasks.base import Task


@dataclass(frozen=True, kw_only=True)
class DomainScores:
    """Metrics with 95 % intervals."""

    each: Mapping[str, dict[str, Metric]]
    """By domain, in the order of its name list; those without an example are left out."""
    worst: dict[str, Metric]
    """By metric: the figure of the domain in which it is worst."""
    worst_domain: str
    """In which the primary metric is worst; the first of equals."""
    mean: dict[str, Metric]
    """By metric: the mean over domains, each counting the same."""


def domain_scores(
    task: Task,
    outputs: NDArray[Any],
    targets: NDArray[Any],
    domains: Domains,
    *,
    seed: int = 0,
    resamples: int = 1000,
) -> DomainScores:
    """Score every domain on its own examples, and sum up.

    Each domain is resampled on its own (a stratified bootstrap), and the worst and the mean are taken of each
    resample. Which domain is worst may change from resample to resample, so the interval of the worst lies
    lower than that of any one domain, and the figure itself may lie near its upper end.

    Args:
        task: the fitted task.
        outputs: ``(N, K)`` head outputs.
        targets: what ``task.encode`` gave for the N examples.
        domains: of the N examples.
        seed: of the resamples; that of the d-th domain present is ``seed + d``.
        resamples: how many.

    Raises:
        ValueError: the lengths differ, or there is no example.

    Cost: that of ``score`` on all examples.
    Source: worst-group and average metrics of WILDS (Koh et al. 2021, arXiv:2012.07421).
    Checked by: ``tests/evaluation/test_domains.py``, against the subsets by hand.
    """
    check_rows(targets, outputs, domains.ids)
    each: dict[str, dict[str, Metric]] = {}
    values, draws = [], []
    for number, name in enumerate(domains.present):
        rows = domains.rows(name)
        value, drawn = draws_of(
            list(task.metrics.values()), outputs[rows], targets[rows], seed=seed + number, resamples=resamples
        )
        each[name] = {
            metric: with_interval(one, many)
            for metric, one, many in zip(task.metrics, value.tolist(), drawn, strict=True)
        }
        values.append(value)
        draws.append(drawn)
    table, spread = np.stack(values), np.stack(draws)  # (D, metrics), (D, metrics, resamples)
    sign = np.array([1.0 if spec.higher_is_better else -1.0 for spec in task.metrics.values()])
    worst = sign * _least(sign * table)
    worst_draws = sign[:, None] * _least(sign[:, None] * spread)
    names = list(task.metrics)
    return DomainScores(
        each=each,
        worst=_metrics(names, worst, worst_draws),
        worst_domain=list(each)[int(_known(sign[0] * table[:, 0]).argmin())],
        mean=_metrics(names, _mean(table), _mean(spread)),
    )


def _known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put what is not defined, such as the figure of a class that a domain lacks, behind everything else."""
    return np.where(np.isnan(values), np.inf, values)


def _least(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the least over the domains, axis 0, in which it is defined; NaN where it is in none."""
    least = _known(values).min(axis=0)
    return np.where(np.isnan(values).all(axis=0), np.nan, least)


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mean over the domains, axis 0, in which it is defined; NaN where it is in none."""
    known = ~np.isnan(values)
    count = known.sum(axis=0)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan)


def _metrics(names: list[str], values: NDArray[np.float64], draws: NDArray[np.float64]) -> dict[str, Metric]:
    return {
        name: with_interval(value, many)
        for name, value, many in zip(names, values.tolist(), draws, strict=True)
    }
