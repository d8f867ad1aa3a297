"""Cross-entropy of each piece of a text, given all before it: teacher forcing.

Shapes: B batch, T pieces that the decoder reads, V pieces in all.
"""

import torch
from torch import Tensor
from torch.nn import functional

from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum


def token_loss(outputs: Tensor, targets: Tensor) -> LossSum:
    """Give minus the log probability of every piece of every text, summed, over the number of pieces.

    Outputs are ``(B, T, V)`` logits of the piece *after* each place, targets ``(B, T)`` the number of that
    piece, ``IGNORED`` at the prompt and behind the end of a text. The end itself counts: without it the
    model would never learn to stop. Every piece of the effective batch weighs the same, whatever its
    utterance and the micro-batches.

    Checked by: ``tests/tasks/test_token_loss.py``, against a sum written out piece by piece.
    """
    total = functional.cross_entropy(
        outputs.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return LossSum(total, (targets != IGNORED).sum().to(torch.float32))
