"""Stage 5: save what was chosen, reload it in a fresh process, and hold it to what was in memory."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosstune.artifacts.errors import ReloadMismatch
from crosstune.artifacts.fresh import fresh_outputs
from crosstune.artifacts.model import SavedModel
from crosstune.artifacts.place import put_model
from crosstune.data.layout import OUT_OF_DOMAIN
from crosstune.planning.seconds import RELOADED
from crosstune.stages.prepare import Prepared
from crosstune.stages.run import Run
from crosstune.tasks.structured import Scored, Structured

TOLERANCE = 2e-3
"""Largest relative difference allowed: exact engines differ from torch by about 1e-4 in the logits."""


ODD = 1 / RELOADED
"""Share of the answers that may differ: batches of another size round otherwise, and two likeliest symbols
can be equal to the last bit."""


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """What the saved model gives in a fresh process, from raw inputs."""

    test: NDArray[Any]
    """``(N, K)`` outputs, or N answers, on the test split."""
    out_of_domain: NDArray[Any] | None = None
    """Those on the rows of held-out domains, where there are some."""


def write_model(run: Run, prepared: Prepared, model: SavedModel) -> NDArray[Any]:
    """Write ``model/`` beside its place, then move it there; no file is ever half written in it.

    Returns the outputs ``(n, K)`` of the model in memory on the first validation examples, by torch.
    """
    put_model(model, run.folder.model)
    validation = prepared.items["validation"]
    return model.outputs(validation.subset(range(min(RELOADED, len(validation)))), engine="torch")


def ship(run: Run, prepared: Prepared, expected: NDArray[Any]) -> Shipped:
    """Carry the stage out: what is in ``model/`` must reproduce ``expected``.

    Raises:
        ReloadMismatch: the reloaded model predicts something else than the model in memory.
    """
    engine = run.settings.engine
    parts = [prepared.items["test"], prepared.items["validation"].subset(range(len(expected)))]
    parts += [prepared.items[OUT_OF_DOMAIN]] if OUT_OF_DOMAIN in prepared.items else []
    answer = partial(fresh_outputs, targets=True) if isinstance(prepared.task, Scored) else fresh_outputs
    test, sample, *outside = answer(run.folder.model, parts, engine=engine)
    if isinstance(prepared.task, Structured):
        hold_answers_to(run.folder.model, prepared.task, expected, sample)
    else:
        hold_to(run.folder.model, expected, sample)
    return Shipped(test=test, out_of_domain=outside[0] if outside else None)


def hold_answers_to(path: Path, task: Structured, expected: NDArray[Any], found: NDArray[Any]) -> None:
    """Raise ``ReloadMismatch`` where two sets of answers differ in more than ``ODD`` of the examples."""
    largest = task.disagreement(expected, found)
    if not largest <= ODD:
        raise ReloadMismatch(str(path), largest=largest, allowed=ODD)


def hold_to(path: Path, expected: NDArray[Any], found: NDArray[Any]) -> None:
    """Raise ``ReloadMismatch`` where two sets of outputs differ by more than the tolerance."""
    largest = float(np.abs(expected - found).max(initial=0.0))
    allowed = TOLERANCE * max(1.0, float(np.abs(expected).max(initial=0.0)))
    if not largest <= allowed:
        raise ReloadMismatch(str(path), largest=largest, allowed=allowed)
