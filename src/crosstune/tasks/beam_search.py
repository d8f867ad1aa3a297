"""Prefix beam search for CTC (Graves 2012, Hannun et al. 2014): the likeliest texts, summed over alignments.

Shapes: T frames, V symbols, K beams.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROOT = 0
"""The prefix without a symbol."""


def prefix_beam_search(scores: Floats, *, blank: int, beams: int) -> list[tuple[tuple[int, ...], float]]:
    """Find the likeliest sequences of symbols, best first, each with the log of its probability.

    A sequence has the probability of all its alignments together; greedy reading takes that of the likeliest
    single alignment. As long as no sequence falls off the beam the result is exact.

    Args:
        scores: log probabilities, ``(T, V)``.
        blank: the number of the blank.
        beams: sequences that are kept after each frame; equally likely ones in the order they were found.

    Cost: sorting ``beams * V`` numbers for each frame.
    Source: Hannun et al. (2014), First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs, arXiv:1408.2873, without a language model.
    Checked by: ``tests/tasks/test_beam_search.py``, against a sum over all alignments.
    """
    beam, tree = _Beam.start(), _Tree()
    for frame in scores[: _last_heard(scores, blank)]:
        beam = _advance(beam, tree, frame, blank, beams)
    totals = beam.total()
    order = np.argsort(-totals, kind="stable")
    return [(tree.symbols(int(beam.nodes[place])), float(totals[place])) for place in order]


@dataclass
class _Tree:
    """All prefixes that were ever kept, each one node: a symbol behind another prefix."""

    parents: list[int] = field(default_factory=lambda: [-1])
    last: list[int] = field(default_factory=lambda: [-1])
    known: dict[tuple[int, int], int] = field(default_factory=dict)

    def child(self, parent: int, symbol: int) -> int:
        """Give the node of a prefix with one more symbol; the same whenever it is asked for."""
        node = self.known.setdefault((parent, symbol), len(self.parents))
        if node == len(self.parents):
            self.parents.append(parent)
            self.last.append(symbol)
        return node

    def symbols(self, node: int) -> tuple[int, ...]:
        """Read a prefix from its first symbol to its last."""
        found = []
        while node != ROOT:
            found.append(self.last[node])
            node = self.parents[node]
        return tuple(reversed(found))


@dataclass(frozen=True)
class _Beam:
    """The prefixes that are kept, ``(K,)``, with the log probability of the alignments by how they end."""

    nodes: NDArray[np.int64]
    in_blank: Floats
    in_symbol: Floats

    @classmethod
    def start(cls) -> "_Beam":
        return cls(np.array([ROOT]), np.zeros(1), np.full(1, -np.inf))

    def total(self) -> Floats:
        found: Floats = np.logaddexp(self.in_blank, self.in_symbol)
        return found


def _advance(beam: _Beam, tree: _Tree, frame: Floats, blank: int, beams: int) -> _Beam:
    """Let every prefix stay or grow by one symbol, and keep the best."""
    total = beam.total()
    last = np.array([tree.last[node] for node in beam.nodes.tolist()])
    stays_blank = total + frame[blank]
    stays_symbol = np.where(last >= 0, beam.in_symbol + frame[last], -np.inf)
    grows = total[:, None] + frame[None, :]
    grows[:, blank] = -np.inf
    places = np.flatnonzero(last >= 0)
    # A symbol again is a new one only behind a blank.
    grows[places, last[places]] = beam.in_blank[places] + frame[last[places]]
    where = {node: place for place, node in enumerate(beam.nodes.tolist())}
    for place in places.tolist():  # a prefix that is kept already is not found a second time
        parent = where.get(tree.parents[int(beam.nodes[place])])
        if parent is not None:
            stays_symbol[place] = np.logaddexp(stays_symbol[place], grows[parent, last[place]])
            grows[parent, last[place]] = -np.inf
    stays = np.logaddexp(stays_blank, stays_symbol)
    every = np.concatenate([stays, grows.ravel()])
    best = np.argsort(-every, kind="stable")[:beams]
    best = best[np.isfinite(every[best])]
    held, grown = best[best < len(stays)], best[best >= len(stays)] - len(stays)
    nodes = [tree.child(int(beam.nodes[place // len(frame)]), place % len(frame)) for place in grown.tolist()]
    return _Beam(
        np.concatenate([beam.nodes[held], np.array(nodes, np.int64)]),
        np.concatenate([stays_blank[held], np.full(len(grown), -np.inf)]),
        np.concatenate([stays_symbol[held], grows.ravel()[grown]]),
    )


def _last_heard(scores: Floats, blank: int) -> int:
    """Count the frames up to the last one that is not certainly blank: those of padding change nothing."""
    heard = np.flatnonzero(scores[:, blank] < 0.0)
    return int(heard[-1]) + 1 if len(heard) else 0
