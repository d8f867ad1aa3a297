"""Random changes of one example, drawn from (seed, epoch, example) and from nothing else.

So an example is changed in the same way whatever its neighbours, the number of workers, or the step at which
a run was resumed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from crosstune.core.errors import UnknownName
from crosstune.core.picture_move import PictureMove
from crosstune.core.seeding import generator
from crosstune.core.settings import AUGMENTATIONS, MIXING
from crosstune.training import picture_changes, sound_changes
from crosstune.training.errors import NoSuchAugmentation
from crosstune.training.mixing import CLASSMIX

Change = Callable[[Any, np.random.Generator], Any]
"""From a raw example to a changed one."""

ON_EXAMPLES: Mapping[str, Mapping[str, Change]] = {
    "image": picture_changes.CHANGES,
    "audio": sound_changes.CHANGES,
}
"""By modality and name, in the order in which they are made."""
WITH_PLACES = (picture_changes.FLIP, picture_changes.CROP, picture_changes.PHOTOMETRIC)
"""Changes that targets about places can follow, or that move nothing."""
NOT_MOVED = "labels must change with their pictures, and here they would not"
NO_CLASSES = "batches are mixed by classes, and this task has none"
WORDS = {"image": "pictures", "audio": "sounds"}


def names(
    setting: str,
    *,
    modality: str = "image",
    kind: str = "classes",
    places: bool = False,
    masks: bool = False,
) -> tuple[str, ...]:
    """Read the setting ``augment``: names joined by ``+``, or ``none``.

    Args:
        setting: such as ``flip+crop``.
        modality: of the data.
        kind: ``Task.linear_kind()``.
        places: whether targets are about places, and must change with their pictures.
        masks: whether they are masks.

    Raises:
        UnknownName: a name is none of ``AUGMENTATIONS``.
        NoSuchAugmentation: a name is for other data, or batches are to be mixed and the task has no classes
            to mix.
    """
    chosen = tuple(part.strip() for part in setting.split("+") if part.strip() not in ("", "none"))
    for name in chosen:
        if name not in AUGMENTATIONS:
            raise UnknownName("augmentation", name, AUGMENTATIONS)
    able = _able(modality)
    if odd := [name for name in chosen if name not in able]:
        homes = [WORDS[one] for one in ON_EXAMPLES if set(odd) & set(_able(one))]
        raise NoSuchAugmentation(
            f"{' and '.join(odd)}: for {' and '.join(homes)}, and these are data of the kind `{modality}`",
            found=f"augment={setting}",
            expected=f"any of {', '.join(able)}" if able else "augment=none",
            fix=f"leave out {' and '.join(odd)}" if able else "leave `augment` out",
        )
    if places:
        _hold(setting, chosen, (*WITH_PLACES, *([CLASSMIX] if masks else [])), NOT_MOVED)
    elif kind in ("values", "none"):
        _hold(setting, chosen, tuple(ON_EXAMPLES.get(modality, ())), NO_CLASSES)
    else:
        _hold(setting, chosen, tuple(name for name in able if name != CLASSMIX), "these data have no masks")
    return chosen


def _hold(setting: str, chosen: tuple[str, ...], able: tuple[str, ...], why: str) -> None:
    """Raise ``NoSuchAugmentation`` where a name is not among those that fit the targets."""
    if odd := [name for name in chosen if name not in able]:
        raise NoSuchAugmentation(
            f"{' and '.join(odd)}: {why}",
            found=f"augment={setting}",
            expected=f"any of {', '.join(able)}, joined by +, or augment=none",
            fix=f"leave out {' and '.join(odd)}",
        )


def _able(modality: str) -> tuple[str, ...]:
    """Name what there is for data of a modality."""
    return (*ON_EXAMPLES.get(modality, ()), *(MIXING if modality == "image" else ()))


@dataclass(frozen=True)
class Augmenter:
    """Makes the changes named, in the order of their table."""

    operations: tuple[str, ...]
    seed: int

    def __call__(self, example: Any, epoch: int, index: int) -> Any:  # noqa: ANN401 - picture or sound
        """Return a changed copy of one example (its index in the split) in one epoch."""
        draw = generator(self.seed, "augment", epoch, index)
        for table in ON_EXAMPLES.values():
            for name, change in table.items():
                if name in self.operations:
                    example = change(example, draw)
        return example

    def move(self, size: tuple[int, int], *, epoch: int, index: int) -> PictureMove:
        """Say how the places of a picture of some width and height move, so that its labels do too.

        The draws are those of the change itself, which makes these two before all others.
        """
        draw = generator(self.seed, "augment", epoch, index)
        mirrored = picture_changes.FLIP in self.operations and picture_changes.mirrors(draw)
        crops = picture_changes.CROP in self.operations
        return PictureMove(mirrored, picture_changes.window(size, draw) if crops else None)

    def variant(self, number: int) -> "StoredVariant":
        """Return the change of epoch ``number``, for storing."""
        return StoredVariant(self, number)


@dataclass(frozen=True)
class StoredVariant:
    """The change that an :class:`Augmenter` makes in one epoch."""

    augmenter: Augmenter
    number: int

    def __call__(self, raw: Sequence[Any], indices: Sequence[int]) -> list[Any]:
        """Change the examples ``indices``."""
        return [self.augmenter(one, self.number, int(index)) for one, index in zip(raw, indices, strict=True)]
