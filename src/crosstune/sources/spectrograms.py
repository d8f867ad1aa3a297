"""Sounds for models that read pictures: the spectrogram is the picture.

Any model that opens for pictures opens for sounds too: a vision model, and a text body that reads patches
(``across.py``). Nothing in the model changes. The folder is that of the picture model, whose own record is
``picture.json``, and ``crosstune.json`` says how a sound becomes a picture.

Shapes: B batch, M mel bands, F frames, H x W pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from crosstune.core.errors import BadValue
from crosstune.core.extras import require
from crosstune.core.log_mel import log_mel
from crosstune.core.schema import misfit
from crosstune.core.sound import EXTRA, Sound
from crosstune.sources.assemble import Identity, example
from crosstune.sources.base import Backbone, Batch, OpenOptions, Raw
from crosstune.sources.profile import Profile
from crosstune.sources.record import Record, bad_record, keep_picture_record, picture_record

FORMAT = "spectrogram"
"""The record of the picture model, as its own source wrote it."""

SECONDS = 5.0
"""PRIOR: of a sound, unless asked otherwise: the length of the clips of ESC-50 (Piczak 2015)."""
RATE = 16_000
"""PRIOR: samples a second; what speech and AudioSet models take."""
BANDS = 128
"""PRIOR: as AST (Gong 2021); fewer for smaller pictures, so that no row is made up."""
MEAN, STD = -12.0, 5.0
"""ASSUMED: of log-mel values, which lie between -23 (the floor) and 0 (a full-scale sine): about the middle,
and about a quarter of the range."""

NOTE = (
    "only crosstune loads this model for sounds: it reads a picture of the log-mel spectrogram (low bands at "
    "the bottom, time from left to right), which transformers and timm do not make"
)
LOADS_WITH = f'# {NOTE}\nimport crosstune\n\nmodel = crosstune.load("{{path}}")'


@dataclass(frozen=True, kw_only=True)
class SpectrogramPreprocessing:
    """A sound's log-mel spectrogram, stretched to the picture that the model reads, by bilinear averages."""

    argument: str
    """Name of the model's argument."""
    height: int
    width: int
    channels: int
    """All equal."""
    seconds: float
    """From the start of the sound; shorter ones are said again until the picture is full. MEASURED on
    prompts mostly of one to ten seconds (languages, 100 to train, 750 to test; ridge on all blocks): 0.87
    against 0.79 with silence behind them, which tells the model above all how long a sound is."""
    rate: int = RATE
    bands: int = BANDS
    mean: float = MEAN
    std: float = STD

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode sounds to float32 ``(B, channels, height, width)``."""
        return {self.argument: torch.stack([self.picture(one) for one in raw])}

    def picture(self, sound: Sound) -> torch.Tensor:
        """Give ``(channels, height, width)``: low bands at the bottom, time from left to right."""
        bands = torch.from_numpy(np.ascontiguousarray(self.spectrogram(sound).T[::-1]))
        size = (self.height, self.width)
        stretched = interpolate(
            bands[None, None], size=size, mode="bilinear", align_corners=False, antialias=True
        )
        return ((stretched[0] - self.mean) / self.std).repeat(self.channels, 1, 1)

    def spectrogram(self, sound: Sound) -> NDArray[np.float32]:
        """Give the log-mel spectrogram ``(F, M)`` of the first ``seconds``."""
        start = Sound(sound.samples[: round(self.seconds * sound.rate)], sound.rate).at(self.rate)
        whole = np.resize(start, round(self.seconds * self.rate))  # repeats; zeros where there is nothing
        return log_mel(whole.astype(np.float32, copy=False), self.rate, bands=self.bands)

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Give 1 for each sound: all cost the same."""
        return [1] * len(raw)

    def describe(self) -> dict[str, Any]:
        """Give the fields, and what kind of preprocessing it is."""
        return {"kind": FORMAT, **asdict(self)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "SpectrogramPreprocessing":
        """Read what ``describe`` gave."""
        return cls(**{key: value for key, value in raw.items() if key != "kind"})


def hear(
    open_picture: Callable[[OpenOptions], Backbone], options: OpenOptions, *, seconds: float = SECONDS
) -> Backbone:
    """Open a model of pictures for sounds.

    Args:
        open_picture: opens it for the task on pictures.
        options: of the task on sounds; ``image_size`` and ``patch`` are those of the picture, and
            ``max_seconds`` is its width.
        seconds: where the options name no ``max_seconds``.

    Raises:
        BadValue: ``max_seconds`` is shorter than one frame.
        MissingExtra: ``soxr`` is not installed.
        UserError: whatever ``open_picture`` raises.

    Checked by: ``tests/sources/test_spectrograms.py``.
    """
    require("soxr", extra=EXTRA, purpose="sounds as pictures")
    seconds = seconds if options.max_seconds is None else options.max_seconds
    if not 0.025 <= seconds < float("inf"):
        raise BadValue(
            "`max_seconds` is no length of a spectrogram",
            found=f"max_seconds {seconds}",
            expected="at least 0.025 seconds, one frame",
            fix="leave out `max_seconds`, or give the length of most of the sounds",
        )
    task = options.task.replace("audio", "image", 1)
    picture = open_picture(replace(options, task=task, max_seconds=None))
    ((argument, pixels),) = picture.preprocessing([example("image")]).items()
    _, channels, height, width = pixels.shape
    preprocessing = SpectrogramPreprocessing(
        argument=argument, height=height, width=width, channels=channels, seconds=seconds,
        bands=min(BANDS, height),
    )  # fmt: skip
    return _heard(picture, preprocessing, replace(options, max_seconds=seconds))


def seconds_of(record: Record) -> float:
    """Return how much of a sound a saved model hears."""
    return _preprocessing(record).seconds


def reopen(folder: Path, record: Record, reopen_picture: Callable[[Path, Record], Backbone]) -> Backbone:
    """Open a folder that :class:`SpectrogramSaver` wrote, head and all."""
    picture = reopen_picture(folder, picture_record(folder, FORMAT))
    return _heard(picture, _preprocessing(record), record.options)


def _preprocessing(record: Record) -> SpectrogramPreprocessing:
    try:
        made = SpectrogramPreprocessing.from_json(record.preprocessing)
    except TypeError as error:
        raise bad_record(f"its preprocessing cannot be read: {error}") from error
    if wrong := misfit(made, SpectrogramPreprocessing):
        raise bad_record(f"its preprocessing: {wrong}")
    return made


def _heard(picture: Backbone, preprocessing: SpectrogramPreprocessing, options: OpenOptions) -> Backbone:
    return replace(
        picture,
        modality="audio",
        preprocessing=preprocessing,
        profile=Profile(preprocessing.argument, preprocessing.height),
        save=SpectrogramSaver(picture, preprocessing, options),
        loads_with=LOADS_WITH,
        only_here=True,
        notes=[*picture.notes, NOTE],
    )


@dataclass(frozen=True)
class SpectrogramSaver:
    """Writes a model folder that :func:`reopen` reads."""

    picture: Backbone
    preprocessing: SpectrogramPreprocessing
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:
        """Write what the picture model writes, its record as ``picture.json``, and ``crosstune.json``."""
        self.picture.save(path, hub_config)
        inner = keep_picture_record(path)
        Identity.of(inner).record(FORMAT, self.options, self.preprocessing).write(path)
