"""A metric seen domain by domain: that of the worst one, or the mean in which each counts the same.

Shapes: N examples in D domains.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.domains import Domains
from crosstune.core.errors import UnknownName
from crosstune.tasks.base import MetricSpec, Task

OVERALL, WORST, MEAN = "overall", "worst-domain", "mean-domain"

Arrays = tuple[NDArray[Any], ...]


def by_domain(spec: MetricSpec, domains: Domains, how: str) -> MetricSpec:
    """Give a metric of the N examples whose domains are ``domains``, and of these alone.

    ``worst-domain`` is the figure of the domain in which ``spec`` is worst, ``mean-domain`` the plain mean
    over domains. A resample of a bootstrap that holds no example of some domain goes without it.

    Args:
        spec: a metric of the task.
        domains: of the examples that will be scored, in their order.
        how: ``worst-domain`` or ``mean-domain``.

    Raises:
        UnknownName: another ``how``.

    Cost: that of ``spec``, and one sort of N numbers.
    Source: worst-group metrics of WILDS (Koh et al. 2021, arXiv:2012.07421).
    Checked by: ``tests/tasks/test_by_domain.py``, against the figures of the subsets.
    """
    if how not in (WORST, MEAN):
        raise UnknownName("way of looking at domains", how, (OVERALL, WORST, MEAN))
    worst: Callable[[Sequence[float]], float] = min if spec.higher_is_better else max

    def prepare(outputs: NDArray[Any], targets: NDArray[Any]) -> Arrays:
        if len(targets) != len(domains):
            raise ValueError(f"{len(targets)} examples, but the domains of {len(domains)}")
        return (*spec.prepare(outputs, targets), domains.ids)

    def reduce(*arrays: NDArray[Any]) -> float:
        figures = [spec.reduce(*part) for part in _apart(arrays[:-1], arrays[-1])]
        if any(np.isnan(figures)):
            return float("nan")
        return float(worst(figures)) if how == WORST else float(np.mean(figures))

    return MetricSpec(
        name=f"{how} {spec.name}", higher_is_better=spec.higher_is_better, prepare=prepare, reduce=reduce
    )


def _apart(arrays: Arrays, ids: NDArray[np.int64]) -> list[Arrays]:
    """Cut the rows of all arrays into one part for each domain that has some."""
    order = np.argsort(ids, kind="stable")
    ends = np.flatnonzero(np.diff(ids[order])) + 1
    cut = [np.split(array[order], ends) for array in arrays]
    return list(zip(*cut, strict=True))


def chosen_by(
    task: Task, domains: Domains | None, select_by: str, *, metric: str | None = None
) -> MetricSpec:
    """Give what a choice among models looks at on some examples.

    Args:
        task: its primary metric is looked at.
        domains: of the examples; ``None`` where rows have none, so that all count together.
        select_by: a value of the setting of that name.
        metric: another metric of the task.
    """
    metrics: Mapping[str, MetricSpec] = task.metrics
    spec = metrics[metric or next(iter(metrics))]
    return spec if domains is None or select_by == OVERALL else by_domain(spec, domains, select_by)
