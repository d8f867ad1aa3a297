"""An unrelated set, and its examples in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosstune.core.seeding import generator
from crosstune.core.sound import Sound
from crosstune.data.content import digest_bytes, digest_rows, digest_texts
from crosstune.data.sounds import digest_samples


@dataclass(frozen=True)
class Held:
    """Raw examples in memory as ``core.items.Items``."""

    raw: Sequence[Any]
    values: Sequence[Any] = field(default=())

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.raw)

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """Return the examples at ``indices``."""
        return [self.raw[int(index)] for index in indices]

    def targets(self) -> list[Any]:
        """Return what was given as targets."""
        return list(self.values)

    def origins(self) -> list[str]:
        """Name the examples by their place."""
        return [f"example {index}" for index in range(len(self.raw))]

    def domains(self) -> None:
        """Say that no domains are known."""

    @cached_property
    def digest(self) -> str:
        """A hash of the content, in order."""
        return digest_rows([fingerprint(one) for one in self.raw])


def fingerprint(raw: Any) -> str:  # noqa: ANN401 - whatever a model reads
    """Hash the pixels of a picture, the samples of a sound, or a text or pair of texts."""
    if isinstance(raw, Image.Image):
        return digest_bytes(f"{raw.mode} {raw.size} ".encode() + raw.tobytes())
    if isinstance(raw, Sound):
        return digest_samples(raw)
    return digest_texts(raw if isinstance(raw, tuple) else (raw,))


@dataclass(frozen=True, kw_only=True)
class UnrelatedSet:
    """Examples with classes that no run is about."""

    name: str
    """For people: ``handwritten digits (scikit-learn)``."""
    question: str
    """What the classes are, in words."""
    raw: tuple[Any, ...]
    classes: NDArray[np.int64]
    """``(N,)``, from 0."""
    digits: bool = False
    """Whether the classes are the ten digits: such a set is left out where the task is digits too."""
    own: bool = False
    """Whether the examples are the run's own, and only the question is unrelated."""

    def __len__(self) -> int:
        """Count the examples."""
        return len(self.raw)

    def sample(self, rows: int) -> "UnrelatedSet":
        """Return at most ``rows`` examples, the same ones for every run: features of a body stay cached."""
        if rows >= len(self):
            return self
        order = generator(0, f"unrelated {self.name}").permutation(len(self))
        chosen = np.sort(order[:rows])
        return UnrelatedSet(
            name=self.name, question=self.question, raw=tuple(self.raw[i] for i in chosen),
            classes=self.classes[chosen], digits=self.digits, own=self.own,
        )  # fmt: skip


def joined(sets: Sequence[UnrelatedSet]) -> Held:
    """Put the examples of several sets behind each other, for one pass over all."""
    return Held([one for each in sets for one in each.raw])
