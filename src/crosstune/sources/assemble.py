"""The last step of every source: watch one forward, find the blocks, and make the ``Backbone``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor, nn

from crosstune.core.sound import Sound
from crosstune.sources.base import Backbone, OpenOptions, Preprocessing, Raw
from crosstune.sources.blocks import find_blocks
from crosstune.sources.errors import OtherModality, UnsupportedModel
from crosstune.sources.frames import Frames
from crosstune.sources.heads import no_linear_head
from crosstune.sources.modality import modality_of
from crosstune.sources.record import Record
from crosstune.sources.source_head import SourceHead
from crosstune.sources.trace import Trace, watch

EXAMPLE_TEXT = "a short text that is long enough to show how the work is spread over the layers of a model"

READS = frozenset({"image", "text", "audio"})
"""The modalities that a task's name can begin with."""

RANDOM = "the weights are random: nothing was learned before this training"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who a model is: the parts of a ``Backbone`` that are only words."""

    name: str
    source: str
    licence: str
    origin: str
    pretrained: bool
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record) -> "Identity":
        """Read the identity of a saved model."""
        return cls(
            name=record.name,
            source=record.source,
            licence=record.licence,
            origin=record.origin,
            pretrained=record.pretrained,
            notes=record.notes,
        )

    def starting_from(self, origin: str) -> "Identity":
        """Return the same identity with another origin."""
        return replace(self, origin=origin)

    def noting(self, *notes: str) -> "Identity":
        """Return the same identity with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def record(
        self, format_: str, options: OpenOptions, preprocessing: Preprocessing, architecture: str = ""
    ) -> Record:
        """Make the record that a saved folder keeps."""
        return Record(
            format=format_,
            name=self.name,
            source=self.source,
            licence=self.licence,
            origin=self.origin,
            pretrained=self.pretrained,
            options=replace(options, symbols=None),  # the classes stand in files of their own
            preprocessing=preprocessing.describe(),
            architecture=architecture,
            notes=self.notes,
        )


def same(outputs: Any) -> Tensor:  # noqa: ANN401 - whatever a model returns
    """Return the outputs of a model that returns its logits."""
    tensor: Tensor = outputs
    return tensor


def logits_field(outputs: Any) -> Tensor:  # noqa: ANN401 - whatever a model returns
    """Return the logits of a transformers output."""
    tensor: Tensor = outputs.logits
    return tensor


def image_lines(task: str) -> str:
    """Give the Python lines that load a saved picture model with transformers."""
    return _pipeline("image-classification", task, "")


def text_lines(task: str) -> str:
    """Give the Python lines that load a saved text model with transformers."""
    return _pipeline("text-classification", task, ", truncation=True")


def audio_lines(task: str) -> str:
    """Give the Python lines that load a saved model of sounds with transformers."""
    return _pipeline("audio-classification", task, "")


def _pipeline(kind: str, task: str, more: str) -> str:
    # Without this, the picture pipeline squeezes a single output through a sigmoid.
    more += ', function_to_apply="none"' if task.endswith("regression") else ""
    return f'from transformers import pipeline\n\npredict = pipeline("{kind}", model="{{path}}"{more})'


def require_modality(name: str, modality: str, task: str) -> None:
    """Raise ``OtherModality`` where a task reads other things than the model."""
    wanted = modality_of(task)
    if wanted in READS and wanted != modality:
        raise OtherModality(name, reads=modality, task=task, wanted=wanted)


def assemble(
    identity: Identity,
    *,
    model: nn.Module,
    head: str,
    preprocessing: Preprocessing,
    modality: str,
    logits: Callable[[Any], Tensor],
    save: Callable[[Path, Mapping[str, Any]], None],
    loads_with: str,
    mask: str | None = None,
    frames: Frames | None = None,
    source_head: SourceHead | None = None,
    vector: bool = True,
    beside: tuple[str, ...] = (),
    dense: bool = False,
) -> Backbone:
    """Make the ``Backbone`` of an opened model, in eval mode; parameters that it keeps fixed stay so.

    Raises:
        UnsupportedModel: the head is not one ``nn.Linear`` on a vector for each example.
    """
    model.eval()
    try:
        trace = watch(model, preprocessing([example(modality)]), logits)
    except (RuntimeError, ValueError, AssertionError) as error:
        raise UnsupportedModel(
            f"the model `{identity.name}` cannot read an example",
            found=str(error).strip().splitlines()[0],
            expected=f"a model that reads what its preprocessing gives: {preprocessing.describe()}",
            fix="leave out `image_size` (many transformers read one size), or choose another model",
        ) from error
    linear = model.get_submodule(head)
    axes = _axes(trace, head) if dense else 2 if vector else 3
    if not (isinstance(linear, nn.Linear) and _is_head(trace, head, axes)):
        raise no_linear_head(identity.name)
    return Backbone(
        name=identity.name,
        source=identity.source,
        modality=modality,
        licence=identity.licence,
        origin=identity.origin,
        pretrained=identity.pretrained,
        model=model,
        blocks=find_blocks(model, head, trace, beside),
        head=head,
        preprocessing=preprocessing,
        logits=logits,
        save=save,
        loads_with=loads_with,
        mask=mask,
        frames=frames,
        source_head=source_head,
        head_beside=beside,
        dense=dense,
        notes=[*([] if identity.pretrained else [RANDOM]), *identity.notes],
    )


def _axes(trace: Trace, head: str) -> int:
    """Count the axes of what the head of a dense model reads: 4 of a map, 3 of queries."""
    return 3 if len(trace.inputs.get(head, ())) == 3 else 4


def _is_head(trace: Trace, head: str, axes: int) -> bool:
    """Say whether a module that reads so many axes runs once and gives the outputs of the model."""
    made = trace.logits
    fits = len(trace.inputs.get(head, ())) == axes and trace.calls[head] == 1
    return fits and made is not None and _agree(trace.shapes.get(head), tuple(made.shape), axes)


def _agree(given: tuple[int, ...] | None, made: tuple[int, ...], axes: int) -> bool:
    """Say whether the outputs are those of the head; places may be chosen or added where there are some.

    Of queries ``(B, Q, K)`` the outputs ``(B, L, Q, ...)`` hold more: a box beside each, layer by layer.
    """
    if axes == 2 or given is None:
        return given == made
    if axes == 3 and len(made) == 4:
        return given[:2] == made[::2]
    return given[:2] == made[:2] if axes == 4 else given[::2] == made[::2]


def example(modality: str) -> Raw:
    """Give an example of what a model of a modality reads, enough to watch one forward."""
    return EXAMPLES[modality]()


def _picture() -> Image.Image:
    ramp = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3)
    return Image.fromarray((ramp * 37 % 256).astype(np.uint8))


def _sound() -> Sound:
    time = np.arange(16_000) / 16_000
    return Sound((0.5 * np.sin(2 * np.pi * 440.0 * time * (1 + time))).astype(np.float32), 16_000)


EXAMPLES: Mapping[str, Callable[[], Raw]] = {"image": _picture, "text": lambda: EXAMPLE_TEXT, "audio": _sound}
