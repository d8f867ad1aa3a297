"""Features of a few examples by torch in float32, in memory: nothing is compiled, stored or looked up.

For weights that live only for a moment, such as points on a line. Shapes: N examples, H head input.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from crosstune.core.items import Items
from crosstune.frozen.engines.torch_engine import placed
from crosstune.frozen.freeze import evaluating
from crosstune.frozen.loader import batches, processing_order
from crosstune.frozen.taps import TapModel
from crosstune.sources.base import Backbone


@torch.inference_mode()
def head_inputs(backbone: Backbone, items: Items, *, batch_size: int = 64) -> NDArray[np.float32]:
    """Compute what the head reads for every example, ``(N, H)``, where the model lies now.

    Modes are given back. Checked by: ``tests/frozen/test_direct.py``, against the frozen pass.
    """
    found = np.zeros((len(items), backbone.head_module().in_features), np.float32)
    device = next(backbone.model.parameters()).device
    taps = TapModel(backbone)
    with evaluating(backbone.model):
        for indices, batch in batches(backbone, items, processing_order(backbone, items), batch_size):
            found[indices] = taps(**placed(batch, device))[1].cpu().numpy()
    return found
