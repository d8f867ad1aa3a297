"""Binary cross-entropy against torch."""

import numpy as np
import pytest
import torch
from torch.nn import BCEWithLogitsLoss

from crosstune.tasks.multi_label_losses import BinaryCrossEntropy, positive_weights

TARGETS = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1], [1, 1, 1]] * 6 + [[1, 0, 1]], dtype=np.float64)


def test_positive_weights_are_ratios_held_between_a_tenth_and_ten() -> None:
    # label 1: 19 of 25 positive; label 2: 6 of 25; label 3: all
    np.testing.assert_allclose(positive_weights(TARGETS), [6 / 19, 19 / 6, 0.1])
    rare = np.zeros((100, 2))
    rare[:5, 0] = 1.0
    np.testing.assert_allclose(positive_weights(rare), [10.0, 10.0])


def test_it_is_torchs_with_positive_weights() -> None:
    logits = torch.randn(25, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    positive, targets = torch.from_numpy(positive_weights(TARGETS)), torch.from_numpy(TARGETS)
    ours = BinaryCrossEntropy(positive=positive, weights=torch.ones(3))(logits, targets)
    expected = BCEWithLogitsLoss(pos_weight=positive)(logits, targets)
    assert (ours.total / ours.weight).item() == pytest.approx(expected.item(), rel=1e-12)
    assert ours.weight.item() == 25 * 3


def test_weights_by_label_normalise() -> None:
    logits, targets = torch.zeros(4, 2, dtype=torch.float64), torch.ones(4, 2)
    loss = BinaryCrossEntropy(positive=torch.ones(2), weights=torch.tensor([1.0, 3.0]))
    total, weight = loss(logits, targets)
    assert weight.item() == 16.0
    assert (total / weight).item() == pytest.approx(np.log(2))


def test_class_indices_are_refused() -> None:
    loss = BinaryCrossEntropy(positive=torch.ones(2), weights=torch.ones(2))
    with pytest.raises(ValueError, match="targets must have the shape"):
        loss(torch.zeros(4, 2), torch.zeros(4))
