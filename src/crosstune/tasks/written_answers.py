"""What recognisers with and without a decoder have in common: answers and targets are texts, ``(N,)``."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from crosstune.tasks.base import Row
from crosstune.tasks.recognition_metrics import edits
from crosstune.tasks.transcripts import written
from crosstune.tasks.unscaled import Headless


class WrittenAnswers(Headless):
    """The part of a task that is about transcripts, whoever writes them."""

    name: ClassVar[str] = "automatic-speech-recognition"
    modality: ClassVar[str] = "audio"
    writing: str
    """How transcripts are written; see ``tasks/transcripts.py``."""

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Write transcripts as they are compared, ``(N,)`` texts; raises ``BadTarget``."""
        return np.array(written(raw, self.writing), dtype=np.str_)

    def compared(self, answers: NDArray[Any]) -> NDArray[Any]:
        """Give answers as they are compared with transcripts."""
        return answers

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``text`` for each answer."""
        return [{"text": str(text)} for text in outputs.tolist()]

    def badness(self, answers: NDArray[Any], encoded: NDArray[Any]) -> NDArray[Any]:
        """Give the word error rate of each utterance, ``(N,)``; of equal ones the longer is worse."""
        counts = edits(self.compared(answers), encoded, words=True)
        errors = counts[:, :3].sum(axis=1)
        found: NDArray[Any] = np.where(errors > 0, errors / counts[:, 3] + 1e-6 * counts[:, 3], 0.0)
        return found

    def disagreement(self, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
        """Give the share of the utterances that are recognised differently."""
        return float(np.mean(ours != theirs)) if len(ours) else 0.0

    def hub_config(self) -> dict[str, Any]:
        """Give no labels: the tokenizer knows what the outputs stand for."""
        return {"id2label": {}, "label2id": {}, "problem_type": None}
