"""Which pretrained models, at which input size, are worth measuring on the data."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from crosstune.core.ranking import model_label
from crosstune.planning.facts import DataFacts
from crosstune.planning.opening import DEFAULT_MODELS, ENLARGE, ENLARGED_SIDE, STEP

READERS = {"audio": ("audio", "image")}
"""Whose models read data of a modality, where that is not only its own: a spectrogram is a picture."""

MOST = 8
"""ASSUMED: more candidates than this tell little more, and each costs a pass over the sample."""

SMALLER = 0.7
"""PRIOR: half the area, so about half the time; where the pictures are as large as the model's own size."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the catalogue says about a model that can be opened here."""

    name: str
    parameters: int
    accuracy: float | None = None
    """A public figure, in percent; compared only between models of one benchmark."""
    image_size: int | None = None
    """The side in pixels that the weights were trained at, where it is known."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A model as it would be opened."""

    model: str
    image_size: int | None = None
    """``None``: the model's own."""
    accuracy: float | None = None
    """The public figure."""
    parameters: int = 0
    """0 where it is not known."""
    pretrained: bool = True
    """False for the control, which has random weights and must rank last."""

    @property
    def label(self) -> str:
        """Name it for people and for evidence."""
        return model_label(self.model, self.image_size, pretrained=self.pretrained)


def readers(modality: str) -> tuple[str, ...]:
    """List the modalities whose models are worth measuring on data of ``modality``."""
    return READERS.get(modality, (modality,))


def propose_candidates(known: Sequence[Known], data: DataFacts, named: Sequence[str] = ()) -> list[Candidate]:
    """List what to measure, in the order in which it is worth measuring.

    The default model comes first, then the others by public accuracy, then the second sizes. The control,
    the first candidate with random weights, comes last.

    Args:
        known: models that can be opened here and read such data (:func:`readers`).
        data: gives modality and size of the pictures.
        named: only these, in this order, where the user has named some.
    """
    by_name = {one.name: one for one in known}
    if named:
        chosen = [by_name.get(name, Known(name=name, parameters=0)) for name in named]
    else:
        first = DEFAULT_MODELS[data.modality]
        chosen = sorted(known, key=lambda one: (one.name != first, -(one.accuracy or 0.0), one.parameters))
    preferred = [_candidate(one, _sizes(one, data)[0]) for one in chosen[:MOST]]
    second = [_candidate(one, side) for one in chosen[:MOST] for side in _sizes(one, data)[1:]]
    listed = [*preferred, *second][:MOST]
    return [*listed, *(replace(one, accuracy=None, pretrained=False) for one in listed[:1])]


def _candidate(known: Known, side: int | None) -> Candidate:
    return Candidate(model=known.name, image_size=side, accuracy=known.accuracy, parameters=known.parameters)


def _sizes(known: Known, data: DataFacts) -> list[int | None]:
    """List the sides to try, the one that the rule would take first; ``None`` is the model's own."""
    if data.modality != "image" or known.image_size is None:
        return [None]
    native = known.image_size
    if data.median_side is None or data.median_side * ENLARGE >= native:
        return [native, STEP * round(SMALLER * native / STEP)]
    small = min(native, max(ENLARGED_SIDE, STEP * round(data.median_side * ENLARGE / STEP)))
    return [small, native] if small < native else [native]
