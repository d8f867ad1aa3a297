"""The whole model on every example, of which only answers are kept: for tasks whose outputs are large.

Shapes: N examples, B batch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosstune.core.items import Items
from crosstune.core.memory import CAN_BE_MEMORY
from crosstune.core.progress import Reporter, Silent
from crosstune.core.targets import SIZES
from crosstune.frozen.engines.torch_engine import at_work, placed
from crosstune.frozen.errors import NonFiniteFeatures
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.halving import halved
from crosstune.frozen.loader import Indices, batches, processing_order
from crosstune.sources.base import Backbone, Batch

Answer = Callable[[Tensor], NDArray[Any]]
"""From the head's outputs of a batch, first axis B, to B answers."""

Sized = Callable[[Tensor, Tensor], NDArray[Any]]
"""From the outputs of a batch and the sizes of its pictures, ``(B, 2)``, to B answers."""

Score = Callable[[NDArray[Any], Callable[[Batch], Tensor], Batch, Indices], NDArray[Any]]
"""From the answers to a batch, the model, the batch and the places of its examples to more of the answers."""


def model_answers(
    backbone: Backbone,
    items: Items,
    answer: Answer,
    *,
    score: Score | None = None,
    sized: Sized | None = None,
    batch_size: int = 16,
    reporter: Reporter | None = None,
) -> NDArray[Any]:
    """Run the model in float32 by torch and turn each batch into answers at once.

    Args:
        backbone: as it is.
        items: raw examples.
        answer: what the outputs of a batch stand for.
        score: is given the answers and the model, where they are to say more than what is written.
        sized: takes the place of ``answer`` where answers are of the size of the pictures.
        batch_size: halved where memory runs out.
        reporter: told how far it is.

    Returns:
        N answers, in the order of the items.

    Raises:
        NonFiniteFeatures: the model gave NaN or infinity; the examples are named.
        OutOfMemory: not even one example fits.

    Cost: one forward pass; memory for the outputs of one batch.
    Checked by: ``tests/frozen/test_answers.py``: the same whatever the batch size.
    """
    told, order = reporter or Silent(), processing_order(backbone, items)
    found: list[tuple[Indices, NDArray[Any]]] = []
    done = 0
    told.start("answers", len(items))
    with at_work(backbone.model), evaluating(backbone.model), torch.no_grad():
        while done < len(items):
            try:
                for indices, batch in batches(backbone, items, order[done:], batch_size):
                    outputs = _outputs(backbone, items, indices, batch)
                    answers = answer(outputs) if sized is None else sized(outputs, batch[SIZES])
                    if score is not None:
                        answers = score(answers, partial(_told, backbone), batch, indices)
                    found.append((indices, answers))
                    done += len(indices)
                    told.advance(done)
            except CAN_BE_MEMORY as error:
                batch_size = halved(error, batch_size, "the answers", told)
    told.finish(f"{done:,} examples answered")
    if not found:
        return np.array([], dtype=np.str_)
    places = np.argsort(np.concatenate([indices for indices, _ in found]))
    return np.concatenate([answers for _, answers in found])[places]


def _told(backbone: Backbone, batch: Batch) -> Tensor:
    """Give the outputs of a model that is told what it should write."""
    device = next(backbone.model.parameters()).device
    outputs: Tensor = backbone.logits(backbone.model(**placed(batch, device)))
    return outputs.float().cpu()


def _outputs(backbone: Backbone, items: Items, indices: Indices, batch: dict[str, Tensor]) -> Tensor:
    device = next(backbone.model.parameters()).device
    outputs = backbone.logits((backbone.generate or backbone.model)(**placed(batch, device))).float()
    finite = torch.isfinite(outputs).flatten(1).all(dim=1)
    if not bool(finite.all()):
        origins = items.origins()
        bad = [origins[int(row)] for row in indices[~finite.cpu().numpy()]]
        raise NonFiniteFeatures("torch", origins=bad, where="outputs")
    return outputs
