"""How probable the references are, and how the written answers compare with them. Shapes: N examples."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.core.conversation_text import from_text, reference
from crosstune.tasks import sums
from crosstune.tasks.base import MetricSpec

TEXT, TOTAL, TOKENS = range(3)
"""Columns of answers ``(N, 3)``: what is written, minus the log probability of the reference, its tokens."""
LARGEST = 700.0
"""Nats beyond which a perplexity would not fit into a float."""


def generation_metrics() -> Mapping[str, MetricSpec]:
    """Give ``token-loss``, ``perplexity``, ``exact-match`` and ``token-f1``.

    The loss is in nats, over all trained tokens of the examples together: a long answer counts for its
    length. Perplexity is its exponential. Exact match and F1 look at the last answer of each conversation,
    written greedily: equal but for white space; and the harmonic mean of precision and recall of its words,
    without case (SQuAD, Rajpurkar 2016, but nothing is stripped of articles or punctuation).
    """
    pair: dict[str, Any] = {"prepare": _totals, "parts": _columns}
    each: dict[str, Any] = {
        "reduce": _mean,
        "parts": sums.with_count,
        "from_sums": sums.mean,
        "higher_is_better": True,
    }
    return {
        "token-loss": MetricSpec(
            name="token-loss", higher_is_better=False, reduce=_rate, from_sums=_rates, **pair
        ),
        "perplexity": MetricSpec(
            name="perplexity", higher_is_better=False, reduce=_perplexity, from_sums=_perplexities, **pair
        ),
        "exact-match": MetricSpec(name="exact-match", prepare=_matches, **each),
        "token-f1": MetricSpec(name="token-f1", prepare=_overlaps, **each),
    }


def plain(text: str) -> str:
    """Write an answer as it is compared: one space between words, none around them."""
    return " ".join(text.split())


def f1(answers: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Give the F1 of words of each answer, ``(N,)``; 1 where both are empty.

    Checked by: ``tests/tasks/test_generation_metrics.py``.
    """
    found = np.empty(len(truth))
    for row, (said, due) in enumerate(zip(answers.tolist(), truth.tolist(), strict=True)):
        ours, theirs = Counter(said.lower().split()), Counter(due.lower().split())
        common, all_words = (ours & theirs).total(), ours.total() + theirs.total()
        found[row] = 2.0 * common / all_words if all_words else 1.0
    return found


def _totals(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    del targets
    return outputs[:, TOTAL].astype(np.float64), outputs[:, TOKENS].astype(np.float64)


def _truth(targets: NDArray[Any]) -> NDArray[Any]:
    return np.array([reference(from_text(text)) for text in targets.tolist()], dtype=np.str_)


def _matches(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    pairs = zip(outputs[:, TEXT].tolist(), _truth(targets).tolist(), strict=True)
    return (np.array([plain(said) == plain(due) for said, due in pairs], dtype=np.float64),)


def _overlaps(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    return (f1(outputs[:, TEXT], _truth(targets)),)


def _columns(totals: NDArray[Any], tokens: NDArray[Any]) -> NDArray[np.float64]:
    return np.stack([totals, tokens], axis=1)


def _rates(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give nats for each token; NaN where there is none, as nothing was asked then."""
    rates: NDArray[np.float64] = np.full(len(found), np.nan)
    return np.divide(found[:, 0], found[:, 1], out=rates, where=found[:, 1] != 0)


def _perplexities(found: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(np.minimum(_rates(found), LARGEST))


def _rate(totals: NDArray[Any], tokens: NDArray[Any]) -> float:
    return float(_rates(_columns(totals, tokens).sum(axis=0, keepdims=True))[0])


def _perplexity(totals: NDArray[Any], tokens: NDArray[Any]) -> float:
    return float(_perplexities(_columns(totals, tokens).sum(axis=0, keepdims=True))[0])


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean())
