"""Recognise speech with a model that writes piece by piece. Shapes: N examples, B batch, T, V, L pieces.

The form that ``automatic-speech-recognition`` takes where the model has a decoder: the same transcripts,
figures and alarms as with a CTC head, another loss, and answers that are written, not read off frames.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from crosstune.core.errors import UnknownName
from crosstune.core.pieces import Pieces
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum, MetricSpec
from crosstune.tasks.recognition_metrics import recognition_metrics
from crosstune.tasks.speech_recognition import ONE_TOKEN
from crosstune.tasks.token_loss import token_loss
from crosstune.tasks.transcripts import normalised
from crosstune.tasks.written_answers import WrittenAnswers

ONE_ANSWER = "one-answer"
"""Name of an alarm, and of its page."""


@dataclass(frozen=True)
class Transcription(WrittenAnswers):
    """Transcripts in the pieces of a model's own tokenizer.

    Encoded targets and answers are arrays of texts, ``(N,)``. An answer is what the model writes, and is what
    ``transformers.pipeline`` gives; for figures it is written in the same way as the transcript, so that a
    model is not charged for capitals and punctuation that no transcript holds.
    """

    size: int
    """V, how many pieces the head chooses among."""
    prompt: tuple[int, ...]
    """Numbers of the pieces before every text, in training and in every prediction."""
    writing: str = "plain"
    """How transcripts are written; see ``tasks/transcripts.py``."""
    pieces: Pieces | None = field(default=None, compare=False, repr=False)
    """The tokenizer, which lies in the model's folder; see :meth:`bound`."""

    form: ClassVar[str] = "transcription"
    losses: ClassVar[tuple[str, ...]] = ("cross-entropy",)

    @classmethod
    def of(cls, pieces: Pieces, writing: str) -> Self:
        """Give the task of a model that writes with ``pieces``."""
        return cls(pieces.size, pieces.prompt, writing, pieces)

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Raise ``TypeError``: this form follows from a model, not from targets."""
        del targets, declared
        raise TypeError("a transcription needs the pieces of a model")

    def bound(self, pieces: Pieces | None) -> Self:
        """Give the task its model's tokenizer; raises ``ValueError`` where the model was made for another."""
        if pieces is None or (pieces.size, pieces.prompt) != (self.size, self.prompt):
            raise ValueError(f"the model does not write with {self.size} pieces behind {self.prompt}")
        return replace(self, pieces=pieces)

    @property
    def outputs(self) -> int:
        """V, the number of pieces."""
        return self.size

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """The word error rate first; answers are written as transcripts are before they are compared."""
        return {
            name: replace(spec, prepare=partial(_compared, self.writing, spec.prepare))
            for name, spec in recognition_metrics().items()
        }

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Give the piece after each place of the decoder, ``(B, T)`` int64.

        The last place of the prompt has the first piece of the text, and the last piece the end. Earlier
        places of the prompt, and those behind the end, are ``IGNORED``.
        """
        pieces, told = self._pieces(), [IGNORED] * (len(self.prompt) - 1)
        rows = [torch.tensor([*told, *pieces.encode(text), pieces.end]) for text in encoded.tolist()]
        return pad_sequence(rows, batch_first=True, padding_value=IGNORED)

    def decoder_inputs(self, targets: Tensor) -> Mapping[str, Tensor]:
        """Make of collated targets ``(B, T)`` what the decoder reads: the prompt, then each piece one later.

        This is the one place where targets are shifted. Behind the end of a text stands the end: no earlier
        place sees it, and no target is asked there.
        """
        start = len(self.prompt)
        read = torch.full_like(targets, self._pieces().end)
        read[:, :start] = torch.tensor(self.prompt, dtype=targets.dtype, device=targets.device)
        before = targets[:, start - 1 : -1]
        read[:, start:] = torch.where(before == IGNORED, read[:, start:], before)
        return {"decoder_input_ids": read}

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Give the cross-entropy over pieces; raises ``UnknownName`` for another."""
        del encoded
        if settings.loss not in ("auto", *self.losses):
            raise UnknownName("loss for speech recognition with a decoder", settings.loss, self.losses)
        return token_loss

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Write the pieces ``(B, L)`` that the model has generated as texts, ``(B,)``."""
        pieces = self._pieces()
        rows = torch.nan_to_num(outputs.float(), nan=float(pieces.end)).long().tolist()
        return np.array([pieces.decode(row) for row in rows], dtype=np.str_)

    def compared(self, answers: NDArray[Any]) -> NDArray[Any]:
        """Give what the model wrote as transcripts are written."""
        return _as_written(self.writing, answers)

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say so where one word, one letter, or one text is written whatever is heard."""
        texts = answers.tolist()
        words = {word for text in texts for word in text.split()}
        if len(words) <= 1 or len({one for word in words for one in word}) == 1:
            found = f"`{next(iter(words))[:40]}`" if words else "nothing"
            return (
                f"[{ONE_TOKEN}] {found} is all that is written in all of validation: the decoder goes round "
                "in a circle; train longer, or at a smaller rate"
            )
        if len(set(texts)) == 1 and len(set(encoded.tolist())) > 1:
            return (
                f"[{ONE_ANSWER}] the same text is written for all of validation: the decoder has learnt a "
                "likely sentence and does not listen"
            )
        return None

    def to_json(self) -> dict[str, Any]:
        """Give the name, the form, and what the model must agree with; the tokenizer is in its folder."""
        return {"task": self.name, "form": self.form, "size": self.size, "prompt": list(self.prompt),
                "writing": self.writing}  # fmt: skip

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave; :meth:`bound` makes it able to write."""
        return cls(int(raw["size"]), tuple(int(one) for one in raw["prompt"]), str(raw["writing"]))

    def _pieces(self) -> Pieces:
        if self.pieces is None:
            raise TypeError("a transcription that was read from a file is not bound to a model yet")
        return self.pieces


def _as_written(writing: str, answers: NDArray[Any]) -> NDArray[Any]:
    return np.array([normalised(text, writing) for text in answers.tolist()], dtype=np.str_)


def _compared(
    writing: str,
    prepare: Callable[[NDArray[Any], NDArray[Any]], tuple[NDArray[Any], ...]],
    outputs: NDArray[Any],
    targets: NDArray[Any],
) -> tuple[NDArray[Any], ...]:
    return prepare(_as_written(writing, outputs), targets)
