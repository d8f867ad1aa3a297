"""Write answers: a causal language model is taught the assistant's turns. Shapes: N, B, T, A, V, L.

N conversations, B of them in a batch, T tokens of the longest, V tokens in all; the loss reads A places of
the T in each row, and L tokens are written for an answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from crosstune.core.conversation_text import from_text, reference
from crosstune.core.dialogue import Dialogue
from crosstune.core.errors import UnknownName
from crosstune.core.settings import Settings
from crosstune.core.targets import IGNORED
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.errors import BadTarget
from crosstune.tasks.generation_metrics import TEXT, TOKENS, TOTAL, f1, generation_metrics, plain
from crosstune.tasks.token_loss import token_loss
from crosstune.tasks.unscaled import Headless

ONE_ANSWER, NOTHING_WRITTEN = "one-answer", "nothing-written"
"""Names of alarms, and of their pages."""
FEWEST = 8
"""ASSUMED: fewer answers than this may be equal by chance."""


@dataclass(frozen=True)
class TextGeneration(Headless):
    """Answers to conversations, in the tokens of a model's own tokenizer and by its own chat template.

    Encoded targets are whole conversations, ``(N,)`` texts of ``core/conversation_text.py``; what an example
    itself holds is only what stands before the last answer. An answer is three texts, ``(N, 3)``: what is
    written, minus the log probability of what should have been written, in nats, and how many tokens that is.
    """

    size: int = 1
    """V; 1 until a model is known."""
    told: str = ""
    """Names the template and tokenizer that the model was trained with."""
    dialogue: Dialogue | None = field(default=None, compare=False, repr=False)
    """The tokenizer and template, which lie in the model's folder; see :meth:`bound`."""

    name: ClassVar[str] = "text-generation"
    modality: ClassVar[str] = "text"
    losses: ClassVar[tuple[str, ...]] = ("cross-entropy",)

    @classmethod
    def of(cls, dialogue: Dialogue) -> Self:
        """Give the task of a model."""
        return cls(dialogue.size, dialogue.told, dialogue)

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Give the task before a model is known; raises ``BadTarget`` for what is no conversation."""
        del declared
        made = cls()
        made.encode(targets)
        return made

    def bound(self, dialogue: Dialogue | None) -> Self:
        """Give the task its model's template; raises ``ValueError`` where it was trained by another."""
        if dialogue is None or (dialogue.size, dialogue.told) != (self.size, self.told):
            raise ValueError(f"the model does not answer by the template {self.told[:16]}")
        return replace(self, dialogue=dialogue)

    @property
    def outputs(self) -> int:
        """V, the number of tokens."""
        return self.size

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """The loss of a token first, then perplexity, exact match and F1 of words."""
        return generation_metrics()

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Take conversations as they are, ``(N,)``; raises ``BadTarget`` for one without a trained answer."""
        bad = {
            place: str(one)[:60]
            for place, one in enumerate(raw)
            if not (isinstance(one, str) and reference(from_text(one)))
        }
        if bad:
            raise BadTarget(
                bad,
                task=self.name,
                expected="conversations with an answer of the assistant that is to be learnt",
                fix="run `crosstune check --show-mask`, which names the rows",
            )
        encoded = np.empty(len(raw), dtype=np.object_)  # texts of one width would take that of the longest
        encoded[:] = list(raw)
        return encoded

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Give ``(B, 2, T)`` int64: the tokens that are read, and the token after each, where it is trained.

        What is read ends before the last token. Both are ``IGNORED`` behind the end of a conversation, and
        the second wherever what comes next is not for the model to write. This is the one place where
        targets are shifted.
        """
        rows = []
        for text in encoded.tolist():
            ids, trained = self._dialogue().sequence(from_text(text))
            numbers = torch.tensor([*ids, *ids[:1] * (len(ids) < 2)], dtype=torch.int64)
            taught = torch.tensor([*trained, *[False] * (len(ids) < 2)])
            rows.append(torch.stack([numbers[:-1], torch.where(taught, numbers, IGNORED)[1:]], dim=1))
        return pad_sequence(rows, batch_first=True, padding_value=IGNORED).transpose(1, 2).contiguous()

    def decoder_inputs(self, targets: Tensor) -> Mapping[str, Tensor]:
        """Make of collated targets ``(B, 2, T)`` what the model reads in place of the prompt.

        ``places`` ``(B, A)`` are those that logits are needed at: all others would only fill memory. Rows
        that need fewer are filled up with -1.
        """
        read, written = targets.unbind(1)
        mask, places = read != IGNORED, _places(written)
        return {
            "input_ids": torch.where(mask, read, 0),
            "attention_mask": mask.long(),
            "places": torch.where(written.gather(1, places) != IGNORED, places, -1),
        }

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Give the cross-entropy over trained tokens; raises ``UnknownName`` for another."""
        del encoded
        if settings.loss not in ("auto", *self.losses):
            raise UnknownName("loss for text generation", settings.loss, self.losses)
        return answer_loss

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Write the tokens ``(B, L)`` that the model has generated as texts, not scored yet, ``(B, 3)``."""
        rows = torch.nan_to_num(outputs.float(), nan=0.0).long().tolist()
        return np.array([[self._dialogue().decode(row), "nan", "0"] for row in rows], dtype=np.str_)

    def scored(self, answers: NDArray[Any], outputs: Tensor, targets: Tensor) -> NDArray[Any]:
        """Put into ``(B, 3)`` answers how probable the model finds what should have been written.

        Args:
            answers: of :meth:`answers`.
            outputs: ``(B, A, V)`` logits of the model that was told the targets.
            targets: collated, ``(B, 2, T)``.
        """
        wanted = _picked(targets)
        losses = functional.cross_entropy(
            outputs.float().flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="none"
        )
        totals = losses.double().view(wanted.shape).sum(dim=1).tolist()
        counts = (wanted != IGNORED).sum(dim=1).tolist()
        rows = zip(answers[:, TEXT].tolist(), totals, counts, strict=True)
        return np.array([[text, repr(total), str(count)] for text, total, count in rows], dtype=np.str_)

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say so where nothing is written, or one and the same whatever is asked."""
        texts = [plain(text) for text in answers[:, TEXT].tolist()]
        if not any(texts):
            return (
                f"[{NOTHING_WRITTEN}] no answer to any of validation holds a word: the model stops at once; "
                "look at the answers with `crosstune check --show-mask`, or train at a smaller rate"
            )
        wanted = {plain(reference(from_text(text))) for text in encoded.tolist()}
        if len(texts) >= FEWEST and len(set(texts)) == 1 and len(wanted) > 1:
            return (
                f"[{ONE_ANSWER}] {texts[0][:40]!r} is the answer to all of validation: the model has learnt "
                "a likely answer and does not look at what is asked"
            )
        return None

    def badness(self, answers: NDArray[Any], encoded: NDArray[Any]) -> NDArray[Any]:
        """Give 1 minus the F1 of words of each answer, ``(N,)``; of equal ones the less probable is worse."""
        counts = np.maximum(answers[:, TOKENS].astype(np.float64), 1.0)
        losses = np.nan_to_num(answers[:, TOTAL].astype(np.float64)) / counts
        missed = 1.0 - f1(answers[:, TEXT], references(encoded))
        found: NDArray[Any] = np.where(missed > 0, missed + 1e-6 * np.minimum(losses, 1e3), 0.0)
        return found

    def disagreement(self, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
        """Give the share of answers that are written otherwise, or whose reference is as probable no more."""
        if not len(ours):
            return 0.0
        mine, other = (one[:, TOTAL].astype(np.float64) for one in (ours, theirs))
        same = np.isclose(mine, other, rtol=1e-3, atol=1e-3, equal_nan=True)
        return float(np.mean((ours[:, TEXT] != theirs[:, TEXT]) | ~same))

    def truths(self, encoded: NDArray[Any]) -> list[str]:
        """Give the reference answers, for people."""
        return [reference(from_text(text)) for text in encoded.tolist()]

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``text`` for each answer."""
        return [{"text": str(text)} for text in outputs[:, TEXT].tolist()]

    def hub_config(self) -> dict[str, Any]:
        """Give no labels: the tokenizer knows what the outputs stand for."""
        return {"id2label": {}, "label2id": {}, "problem_type": None}

    def to_json(self) -> dict[str, Any]:
        """Give the name and what the model must agree with; template and tokenizer are in its folder."""
        return {"task": self.name, "size": self.size, "told": self.told}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave; :meth:`bound` makes it able to answer."""
        return cls(int(raw["size"]), str(raw["told"]))

    def _dialogue(self) -> Dialogue:
        if self.dialogue is None:
            raise TypeError("a task that was read from a file is not bound to a model yet")
        return self.dialogue


def answer_loss(outputs: Tensor, targets: Tensor) -> LossSum:
    """Give minus the log probability of all trained tokens, summed, over their number.

    Outputs are ``(B, A, V)`` logits at the trained places of each row, targets ``(B, 2, T)`` as collated.
    Every trained token of the effective batch weighs the same, in a long answer as in a short one.

    Checked by: ``tests/training/test_text_generation.py``, against a sum written out token by token.
    """
    return token_loss(outputs, _picked(targets))


def references(encoded: NDArray[Any]) -> NDArray[Any]:
    """Give the last trained answer of each conversation, ``(N,)`` texts."""
    return np.array([reference(from_text(text)) for text in encoded.tolist()], dtype=np.str_)


def _picked(targets: Tensor) -> Tensor:
    """Give the tokens at the places that the model gives logits for, ``(B, A)``."""
    written = targets[:, 1]
    return written.gather(1, _places(written))


def _places(written: Tensor) -> Tensor:
    """Return the trained places of each row in order, ``(B, A)``; rows with fewer have others behind them."""
    wanted = written != IGNORED
    most = max(1, int(wanted.sum(dim=1).max()))
    return wanted.int().argsort(dim=1, descending=True, stable=True)[:, :most]
