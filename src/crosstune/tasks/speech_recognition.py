"""Recognise speech: a text for each utterance, through a CTC head. Shapes: N examples, B batch, T, V, L."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.core.spelling import Spelling
from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum, MetricSpec
from crosstune.tasks.beam_search import prefix_beam_search
from crosstune.tasks.ctc_loss import ctc_loss
from crosstune.tasks.recognition_metrics import recognition_metrics
from crosstune.tasks.transcripts import written
from crosstune.tasks.written_answers import WrittenAnswers

ONLY_BLANKS, ONE_TOKEN = "only-blanks", "one-token-repeated"
"""Names of alarms, and of their pages."""


@dataclass(frozen=True)
class SpeechRecognition(WrittenAnswers):
    """Transcripts, spelled with the symbols of a CTC head.

    Encoded targets and answers are arrays of texts, ``(N,)``: figures compare texts, not symbols, so that a
    character that the head has no symbol for counts as the error that it is.
    """

    spelling: Spelling
    writing: str = "plain"
    """How transcripts are written; see ``tasks/transcripts.py``."""
    beams: int = 1
    """Sequences that a beam search keeps; 1 takes the likeliest symbol of each frame. Not saved."""

    losses: ClassVar[tuple[str, ...]] = ("ctc",)

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Take the symbols from the training transcripts.

        Args:
            targets: texts, none missing.
            declared: not used.

        Raises:
            BadTarget: a target is no text, or nothing is left of one.
        """
        del declared
        return cls(Spelling.of(written(targets, cls.writing)))

    def written_as(self, writing: str, targets: Sequence[object]) -> Self:
        """Give the task with another way of writing; symbols come from ``targets`` again."""
        return replace(self, spelling=Spelling.of(written(targets, writing)), writing=writing)

    def spelled_with(self, spelling: Spelling) -> Self:
        """Give the task with the symbols of a head that has been trained."""
        return replace(self, spelling=spelling)

    def searching(self, beams: int) -> Self:
        """Give the task with another number of beams."""
        return replace(self, beams=beams)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Give the characters that transcripts need: what a model is opened with."""
        return tuple(one for one in self.spelling.symbols if len(one) == 1)

    @property
    def outputs(self) -> int:
        """V, the number of symbols."""
        return len(self.spelling.symbols)

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """The word error rate first."""
        return recognition_metrics()

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Spell texts, ``(B, L)`` int64, padded with ``IGNORED``."""
        rows = [torch.from_numpy(self.spelling.encode(text)) for text in encoded.tolist()]
        return pad_sequence(rows, batch_first=True, padding_value=IGNORED)

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Build the CTC loss; raises ``UnknownName`` for another."""
        del encoded
        if settings.loss not in ("auto", *self.losses):
            raise UnknownName("loss for speech recognition", settings.loss, self.losses)
        return ctc_loss(self.spelling.blank_index)

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Take the likeliest symbol of each frame of ``(B, T, V)``, and collapse: ``(B,)`` texts.

        With more than one beam: the text whose alignments are likeliest together.
        """
        if self.beams > 1:
            scores = outputs.double().log_softmax(dim=-1).cpu().numpy()
            return np.array([self._likeliest(one) for one in scores], dtype=np.str_)
        paths = outputs.argmax(dim=-1).cpu().numpy()
        return np.array([self.spelling.collapse(path) for path in paths], dtype=np.str_)

    def _likeliest(self, scores: NDArray[np.float64]) -> str:
        """Search one utterance, ``(T, V)``; sequences that are written alike count together."""
        found: dict[str, float] = {}
        for symbols, score in prefix_beam_search(scores, blank=self.spelling.blank_index, beams=self.beams):
            text = self.spelling.decode(symbols)
            found[text] = float(np.logaddexp(found.get(text, -np.inf), score))
        return max(found, key=found.__getitem__)

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say so where nothing but blanks, or one symbol over and over, is recognised."""
        del encoded
        heard = {one for text in answers.tolist() for one in text}
        if not heard:
            return (
                f"[{ONLY_BLANKS}] nothing is recognised in any utterance: the head gives only blanks, as "
                "every CTC training does at first; train longer, at a larger rate, or look at the transcripts"
            )
        if len(heard) == 1:
            return (
                f"[{ONE_TOKEN}] `{next(iter(heard))}` is all that is recognised in all of validation: "
                "the head has learnt the most frequent symbol"
            )
        return None

    def to_json(self) -> dict[str, Any]:
        """Give the name, the symbols and the way of writing."""
        return {"task": self.name, "spelling": self.spelling.to_json(), "writing": self.writing}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(Spelling.from_json(raw["spelling"]), raw["writing"])
