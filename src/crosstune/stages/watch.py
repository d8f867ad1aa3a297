"""How much any weights keep of what probes could read from the base body: the sets of a run, one figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from crosstune.core.seeding import generator
from crosstune.data.unrelated import choose
from crosstune.data.unrelated.base import UnrelatedSet, joined
from crosstune.frozen.direct import head_inputs
from crosstune.probing.probe_drop import kept_share, probe_hits
from crosstune.sources.base import Backbone
from crosstune.stages.prepare import Prepared
from crosstune.training.judge import put, whole
from crosstune.training.snapshot import Weights

SEED = 0
"""Of the draw of the run's own rows: what was forgotten must not depend on the seed of the training."""


def own_rows(prepared: Prepared, rows: int | None = None) -> NDArray[np.intp]:
    """Draw validation rows: the run's own inputs that both bodies are asked about, ascending."""
    count = len(prepared.items["validation"])
    return np.sort(generator(SEED, "own rows").permutation(count)[: rows or choose.ROWS])


def sets_for(prepared: Prepared, rows: int | None = None) -> tuple[list[UnrelatedSet], list[tuple[str, str]]]:
    """Choose the unrelated sets of a run; also returns (name, why) for those that were left out."""
    text = prepared.facts.modality == "text"
    own = prepared.items["validation"].batch(own_rows(prepared).tolist()) if text else []
    train = prepared.items["train"]
    return choose.unrelated_sets(prepared.facts.modality, train, train.targets(), own, rows=rows)


@dataclass(frozen=True)
class Watch:
    """The probe accuracies of the base body, against which others are held."""

    sets: tuple[UnrelatedSet, ...]
    before: tuple[float, ...]

    @classmethod
    def of(cls, backbone: Backbone, sets: Sequence[UnrelatedSet], start: Weights) -> "Watch":
        """Measure the base body; the model then holds what it held."""
        held = whole(backbone)
        put(backbone, start)
        try:
            return cls(tuple(sets), accuracies(backbone, sets))
        finally:
            put(backbone, held)

    def __call__(self, backbone: Backbone) -> float:
        """Give the share that the present weights keep."""
        return kept_share(list(self.before), list(accuracies(backbone, self.sets)))


def accuracies(backbone: Backbone, sets: Sequence[UnrelatedSet]) -> tuple[float, ...]:
    """Measure the left-out accuracy of a linear probe on each set, from what the head reads.

    Cost: one float32 pass over all examples, and N^3 multiplications a set.
    """
    features = head_inputs(backbone, joined(sets))
    edges = np.cumsum([0, *map(len, sets)]).tolist()
    return tuple(
        float(probe_hits(features[start:stop], one.classes).mean())
        for one, (start, stop) in zip(sets, pairwise(edges), strict=True)
    )
