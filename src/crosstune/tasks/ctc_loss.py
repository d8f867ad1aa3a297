"""Connectionist temporal classification (Graves 2006): the log probability of a text, over all alignments.

Shapes: B batch, T frames, V symbols, L symbols of the longest text of the batch.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional

from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum


def ctc_loss(blank: int) -> Callable[[Tensor, Tensor], LossSum]:
    """Give the loss: minus the log probability of each text, summed, over the number of symbols.

    Outputs are ``(B, T, V)`` logits. Frames behind the end of an utterance must hold the certain blank (see
    ``sources/recogniser.py``), which changes no probability, so that no lengths are needed: every alignment
    of the true frames goes on with blanks in exactly one way. Targets are ``(B, L)`` numbers of symbols,
    padded with ``IGNORED``.

    A text that needs more frames than there are has probability zero, and the loss is infinite: the training
    stops and names it. (Setting it to zero, as is often done, hides that it is never learnt.)

    Checked by: ``tests/tasks/test_ctc_loss.py``, against a sum over all alignments.
    """

    def loss(outputs: Tensor, targets: Tensor) -> LossSum:
        frames, lengths = outputs.shape[1], (targets != IGNORED).sum(dim=1)
        scores = functional.log_softmax(outputs.float(), dim=-1).transpose(0, 1)
        whole = lengths.new_full((len(outputs),), frames)
        each = functional.ctc_loss(
            scores, targets.clamp(min=0), whole, lengths, blank=blank, reduction="none", zero_infinity=False
        )
        return LossSum(each.sum(), lengths.sum().to(each.dtype))

    return loss
