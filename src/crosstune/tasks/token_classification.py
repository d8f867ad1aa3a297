"""Tag the words of a text: names, dates, amounts. Shapes: N examples, B batch, W words, K tags."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence

from crosstune.core.errors import UnknownName
from crosstune.core.labels import LabelMap, UnknownClass
from crosstune.core.settings import Settings
from crosstune.core.tags import OUTSIDE, Entity, entities, kinds_of, written
from crosstune.core.targets import IGNORED, NO_WORD
from crosstune.core.words import places, unmarked
from crosstune.tasks.base import LossSum, MetricSpec, Row
from crosstune.tasks.errors import BadTarget, ConstantTarget
from crosstune.tasks.raw import plain
from crosstune.tasks.tag_metrics import Read, reader, tag_metrics
from crosstune.tasks.unscaled import Headless

ONE_ANSWER = "one-answer"
"""Name of an alarm, and of its page."""

FIRST = 0x100
"""The letter that stands for the first tag; the next letters for the next tags."""


@dataclass(frozen=True)
class TokenClassification(Headless):
    """One tag for each word, in the scheme ``IOB2`` whatever the data has.

    Encoded targets and answers are texts with one letter for each word, ``(N,)``: as long as the text has
    words, and small. What the letters stand for is ``tags``.
    """

    kinds: tuple[str, ...]
    """Types of entities, in the order of the alphabet."""

    name: ClassVar[str] = "token-classification"
    modality: ClassVar[str] = "text"
    losses: ClassVar[tuple[str, ...]] = ("cross-entropy",)

    @classmethod
    def from_targets(cls, targets: Sequence[object], *, declared: Sequence[str] = ()) -> Self:
        """Take the types of entities from the training tags.

        Args:
            targets: one list of tags for each text, none missing.
            declared: tags, or types of entities, that the data declares.

        Raises:
            BadTarget: a target is no list of names.
            ConstantTarget: there is no entity.
        """
        kinds = kinds_of([*_lists(targets), [one for one in declared if one]])
        if not kinds:
            raise ConstantTarget(f"`{OUTSIDE}` for every word", expected="words that are part of an entity")
        return cls(kinds)

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """``O`` first, then ``B`` and ``I`` of each type."""
        return (OUTSIDE, *(f"{prefix}-{kind}" for kind in self.kinds for prefix in "BI"))

    @property
    def symbols(self) -> tuple[str, ...]:
        """The tags: a head that was trained for just these, in any order, is kept."""
        return self.tags

    @property
    def known_kinds(self) -> tuple[str, ...]:
        """The types of entities, and ``""``, that of no entity: what the check holds other data to."""
        return ("", *self.kinds)

    @property
    def outputs(self) -> int:
        """K, the number of tags."""
        return len(self.tags)

    @cached_property
    def _read(self) -> Read:
        return reader(self.tags, FIRST)

    @property
    def metrics(self) -> Mapping[str, MetricSpec]:
        """F1 over entities first."""
        return tag_metrics(self.kinds, self._read)

    def encode(self, raw: Sequence[object]) -> NDArray[Any]:
        """Write tags of any scheme as one letter for each word, ``(N,)``.

        Raises:
            BadTarget: a target is no list of names.
            UnknownClass: a type of entity that training did not have.
        """
        number = {tag: chr(FIRST + place) for place, tag in enumerate(self.tags)}
        rows = []
        for tags in _lists(raw):
            inner = written(entities(tags), len(tags))
            if odd := set(inner) - number.keys():
                raise UnknownClass({tag[2:] for tag in odd}, names=self.kinds)
            rows.append("".join(number[tag] for tag in inner))
        return np.array(rows, dtype=np.str_)

    def collate(self, encoded: NDArray[Any]) -> Tensor:
        """Number the tags, ``(B, W)`` int64, padded with ``IGNORED``."""
        rows = [torch.tensor([ord(one) - FIRST for one in text]) for text in encoded.tolist()]
        return pad_sequence(rows, batch_first=True, padding_value=IGNORED).long()

    def make_loss(self, settings: Settings, encoded: NDArray[Any]) -> Callable[[Tensor, Tensor], LossSum]:
        """Give the cross-entropy over words; raises ``UnknownName`` for another."""
        del encoded
        if settings.loss not in ("auto", *self.losses):
            raise UnknownName("loss for token classification", settings.loss, self.losses)
        return word_loss

    def answers(self, outputs: Tensor) -> NDArray[Any]:
        """Take the likeliest tag of each word of ``(B, W, K)``: ``(B,)`` texts of letters."""
        is_word = (outputs[..., 0] > NO_WORD / 2).cpu().tolist()
        rows = outputs.argmax(dim=-1).cpu().tolist()
        return np.array(
            [
                "".join(chr(FIRST + tag) for tag, there in zip(*pair, strict=True) if there)
                for pair in zip(rows, is_word, strict=True)
            ],
            dtype=np.str_,
        )

    def found(self, answer: str) -> list[Entity]:
        """Read one answer as entities, in order."""
        return sorted(self._read(answer))

    def decode(self, outputs: NDArray[Any]) -> list[Row]:
        """Give ``tags``, one for each word, for each answer."""
        return [{"tags": [self.tags[ord(one) - FIRST] for one in text]} for text in outputs.tolist()]

    def in_text(self, outputs: NDArray[Any], raw: Sequence[Any]) -> list[Row]:
        """Give ``entities`` of each answer: where they begin and end in the text, their type, their words."""
        rows: list[Row] = []
        for answer, text in zip(outputs.tolist(), raw, strict=True):
            own, as_it_is = places(text), unmarked(text)
            cuts = [(own[one.start][0], own[one.end - 1][1], one.kind) for one in self.found(answer)]
            rows.append({"entities": [
                {"start": start, "end": end, "label": kind, "text": as_it_is[start:end]}
                for start, end, kind in cuts
            ]})  # fmt: skip
        return rows

    def shown(self, outputs: NDArray[Any], raw: Sequence[Any]) -> list[str]:
        """Name the entities of each answer for a person: ``London (LOC)``."""
        rows = self.in_text(outputs, raw)
        return [", ".join(f"{one['text']} ({one['label']})" for one in row["entities"]) for row in rows]

    def alarm(self, answers: NDArray[Any], encoded: NDArray[Any]) -> str | None:
        """Say so where no entity is found at all, or every word is given the same tag."""
        given = {one for text in answers.tolist() for one in text}
        there = {one for text in encoded.tolist() for one in text}
        if len(given) != 1 or len(there) < 2:
            return None
        tag = self.tags[ord(next(iter(given))) - FIRST]
        return (
            f"[{ONE_ANSWER}] every word of validation is tagged `{tag}`: the model has learnt only which tag "
            "is the most frequent, as every such training does at first; train longer, or at a larger rate"
        )

    def badness(self, answers: NDArray[Any], encoded: NDArray[Any]) -> NDArray[Any]:
        """Count the entities of each text that are missed or found wrongly, ``(N,)``."""
        pairs = zip(answers.tolist(), encoded.tolist(), strict=True)
        return np.array([float(len(self._read(ours) ^ self._read(theirs))) for ours, theirs in pairs])

    def disagreement(self, ours: NDArray[Any], theirs: NDArray[Any]) -> float:
        """Give the share of the texts that are tagged differently."""
        return float(np.mean(ours != theirs)) if len(ours) else 0.0

    def hub_config(self) -> dict[str, Any]:
        """Give the tags."""
        return LabelMap(self.tags).for_config() | {"problem_type": None}

    def to_json(self) -> dict[str, Any]:
        """Give the name and the types of entities."""
        return {"task": self.name, "kinds": list(self.kinds)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what ``to_json`` gave."""
        return cls(tuple(str(kind) for kind in raw["kinds"]))


def word_loss(outputs: Tensor, targets: Tensor) -> LossSum:
    """Give minus the log probability of each word's tag, summed, over the number of words.

    Outputs are ``(B, W', K)`` with W' at least the words of the longest text, targets ``(B, W)`` with
    ``IGNORED`` behind the last word. Every word of the effective batch weighs the same, whatever its text
    and the micro-batches.

    Checked by: ``tests/tasks/test_token_classification.py``, against a sum written out word by word.
    """
    own = outputs[:, : targets.shape[1]].float()
    total = functional.cross_entropy(
        own.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return LossSum(total, (targets != IGNORED).sum().to(torch.float32))


def _lists(targets: Sequence[object]) -> list[list[str]]:
    """Make lists of tags; raises ``BadTarget``."""
    rows = [plain(value) for value in targets]
    bad: dict[int, object] = {
        place: row
        for place, row in enumerate(rows)
        if not isinstance(row, list | tuple)
        or not row
        or not all(isinstance(tag, str) and tag for tag in row)
    }
    if bad:
        raise BadTarget(
            bad,
            task="token classification",
            expected="one tag for each word of each text",
            fix="correct or remove these rows",
        )
    return [[str(tag) for tag in row] for row in rows if isinstance(row, list | tuple)]
