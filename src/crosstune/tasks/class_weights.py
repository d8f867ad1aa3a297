"""How much each class counts in a loss. Shapes: K classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from crosstune.core.errors import BadValue, UnknownName
from crosstune.tasks.numerics import Floats

EFFECTIVE_BETA = 0.9999
"""Cui 2019 try 0.9 to 0.9999; with this value a class of up to some thousand examples is weighted
almost by its inverse frequency, and larger ones saturate."""


def inverse_frequency(counts: Floats) -> Floats:
    """Weigh class k by ``N / (C n_k)``, C the classes that occur: mean 1 over the training examples.

    A declared class without examples gets 1. Source: King and Zeng (2001), Political Analysis 9(2),
    as scikit-learn's ``class_weight="balanced"``. Checked by: ``tests/tasks/test_class_weights.py``.
    """
    present = counts > 0
    weights = np.ones_like(counts)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def effective_number(counts: Floats, beta: float = EFFECTIVE_BETA) -> Floats:
    """Weigh class k by ``(1 - beta) / (1 - beta^n_k)``, scaled so that they sum to C.

    C is the number of classes that occur; a declared class without examples gets 1. Source: Cui et al.
    (2019), Class-Balanced Loss Based on Effective Number of Samples, CVPR, arXiv:1901.05555, equation 12.
    """
    present = counts > 0
    weights = np.ones_like(counts)
    # expm1 and log1p: 1 - beta^n loses most of its digits for n = 1 and beta near 1.
    raw = (1.0 - beta) / -np.expm1(counts[present] * np.log(beta))
    weights[present] = raw * present.sum() / raw.sum()
    return weights


def named_weights(chosen: Mapping[str, float], names: Sequence[str]) -> Floats:
    """Weights by class name; a class that is not named gets 1.

    Raises:
        UnknownName: a name is no class.
        BadValue: a weight is not a positive finite number; all such are listed.
    """
    for name in chosen:
        if name not in names:
            raise UnknownName("class", name, names)
    bad = {name: weight for name, weight in chosen.items() if not 0 < float(weight) < float("inf")}
    if bad:
        raise BadValue(
            "a class weight is out of range",
            found=", ".join(f"{name}: {weight}" for name, weight in bad.items()),
            expected="finite numbers > 0",
            fix="to leave a class out, remove its examples; otherwise give it a small weight",
        )
    return np.array([float(chosen.get(name, 1.0)) for name in names])


def class_weights(chosen: str | Mapping[str, float], counts: Floats, names: Sequence[str]) -> Floats:
    """Weights of the K classes as ``Settings.class_weights`` says: none, auto, or by name.

    Args:
        chosen: ``"none"`` (all 1), ``"auto"`` (:func:`inverse_frequency`), or weights by class name.
        counts: ``(K,)``, training examples of each class.
        names: the K class names.

    Raises:
        UnknownName: another word, or a name that is no class.
        BadValue: a weight is not a positive finite number.
    """
    if not isinstance(chosen, str):
        return named_weights(chosen, names)
    if chosen not in ("none", "auto"):
        raise UnknownName("kind of class weights", chosen, ("none", "auto"))
    return inverse_frequency(counts) if chosen == "auto" else np.ones_like(counts)
