"""The CORAL penalty against its definition, and the gradient of each row against autograd."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import nn

from crosstune.training.coral import HeadInput, Moments, coral_penalty, moments, slope_of


def drawn(rows: int = 24, width: int = 5, groups: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    domains = torch.arange(rows) % groups
    return torch.randn(rows, width) * (1 + domains[:, None]) + domains[:, None], domains


def defined(features: torch.Tensor, domains: torch.Tensor) -> torch.Tensor:
    """Write the penalty out, as WILDS does."""
    parts = [features[domains == one] for one in domains.unique().tolist() if (domains == one).sum() > 1]
    terms = []
    for x, y in combinations(parts, 2):
        apart = x.mean(0) - y.mean(0)
        terms.append(apart.square().mean() + (torch.cov(x.T) - torch.cov(y.T)).square().mean())
    return torch.stack(terms).mean()


def test_the_penalty_is_its_definition_and_adds_up_over_pieces() -> None:
    features, domains = drawn()
    exact = defined(features.double(), domains)
    whole = moments(features, domains, 3)
    torch.testing.assert_close(coral_penalty(whole), exact)
    pieces = [moments(features[rows], domains[rows], 3) for rows in (slice(0, 7), slice(7, 9), slice(9, 24))]
    added = Moments(*(torch.stack(one).sum(0) for one in zip(*pieces, strict=True)))
    torch.testing.assert_close(coral_penalty(added), exact)


def test_equal_domains_have_none_and_one_domain_alone_has_none() -> None:
    features, _ = drawn(8)
    twice = torch.cat([features, features])
    same = moments(twice, torch.arange(16) // 8, 2)
    assert float(coral_penalty(same)) == pytest.approx(0.0, abs=1e-12)
    alone = moments(features, torch.tensor([0] * 7 + [1]), 2)  # one example has no covariance
    assert float(coral_penalty(alone)) == 0.0
    assert not slope_of(alone).products.any()


def test_the_gradient_of_each_row_is_that_of_the_whole_penalty() -> None:
    features, domains = drawn()
    features.requires_grad_()
    defined(features, domains).backward()
    slope = slope_of(moments(features, domains, 3))
    for rows in (slice(0, 24), slice(3, 10)):
        part = features.detach()[rows].clone().requires_grad_()
        slope.row_term(part, domains[rows]).backward()
        assert features.grad is not None
        torch.testing.assert_close(part.grad, features.grad[rows], rtol=1e-4, atol=1e-5)


def test_what_the_head_reads_is_kept_until_it_is_taken() -> None:
    head = nn.Linear(4, 2)
    watch = HeadInput(head)
    x = torch.randn(3, 4, requires_grad=True)
    head(x)
    assert torch.equal(watch.take(), x)
    with pytest.raises(AssertionError):
        watch.take()
    watch.close()
    head(x)
    with pytest.raises(AssertionError):
        watch.take()
    assert np.isfinite(x.detach().numpy()).all()
