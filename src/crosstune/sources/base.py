"""A pretrained model as the rest of the program sees it.

Whatever its source, a model is a ``torch.nn.Module`` with its own ``forward`` and its own native head,
an ordered list of blocks, and the preprocessing that belongs to its weights.

Shapes: B batch, T tokens or positions, W width of a block's features, K head outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

from crosstune.core.dialogue import Dialogue
from crosstune.core.pieces import Pieces
from crosstune.core.spelling import Spelling
from crosstune.sources.frames import Frames
from crosstune.sources.profile import Profile
from crosstune.sources.source_head import SourceHead

Raw = Any
"""One raw example: an RGB ``PIL.Image`` (decoded, EXIF applied), a ``str``, a pair of ``str``, or a
``crosstune.core.sound.Sound``."""

Batch = dict[str, Tensor]
"""What a model's forward reads, by argument name; first axis B."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One step of the ordered list that a cut can fall behind."""

    name: str
    """For people: ``stem``, ``block 3``, ``tail``."""
    modules: tuple[str, ...]
    """Paths (``get_submodule``) in call order. The output of the last is the block's output."""
    loose: tuple[str, ...] = ()
    """Paths of parameters outside any module of a block that belong to it (position embeddings)."""
    parameters: int
    share: float
    """Share of the forward FLOPs of the whole model; the shares of all blocks sum to at most 1."""
    width: int
    """W: size of the pooled feature."""
    layout: str
    """Of the output: ``BCHW``, ``BHWC``, ``BTC``, ``BCT`` or ``BC``; how to pool it follows."""
    cut: bool = True
    """Whether a cut may fall behind the block: nothing that it or an earlier block computes reaches the
    head except through its output. (DeBERTa's layers, for one, all read the stem's relative positions.)"""


class Preprocessing(Protocol):
    """From raw examples to a batch, exactly as the shipped model will do it."""

    def __call__(self, raw: Sequence[Raw]) -> Batch:
        """Encode a batch; texts and sounds are padded to the longest of the batch."""
        ...

    def lengths(self, raw: Sequence[Raw]) -> list[int]:
        """Cost of each example in tokens or frames (1 where all cost the same): for sorting into batches."""
        ...

    def describe(self) -> dict[str, Any]:
        """Give plain JSON values that fix the result: part of cache keys and of ``model/``."""
        ...


@dataclass(kw_only=True)
class Backbone:
    """An opened model. ``model`` is modified in place by training."""

    name: str
    """As the user typed it: ``package:efficientnet-lite0``."""
    source: str
    """The name of the ``ModelSource`` that opened it."""
    modality: str
    licence: str
    origin: str
    """Where the weights came from, in words; says so where they are random."""
    pretrained: bool
    model: nn.Module
    blocks: tuple[Block, ...]
    """In call order: stem first; everything except the head is in exactly one block."""
    head: str
    """Path of the native head: the last ``nn.Linear``, from H to K. Its input is a tap."""
    preprocessing: Preprocessing
    logits: Callable[[Any], Tensor]
    """From what ``model(**batch)`` returns to ``(B, K)``: ``.logits``, or the identity."""
    save: Callable[[Path, Mapping[str, Any]], None]
    """Write ``model/`` in the ecosystem's own format, given ``Task.hub_config()``."""
    loads_with: str
    """Python lines that load the saved folder without crosstune; ``{path}`` stands for it."""
    only_here: bool = False
    """Whether nothing but crosstune makes of an example what the model reads, so that these lines name it."""
    mask: str | None = None
    """Name in the batch of the ``(B, T)`` attention mask; ``None`` where all examples have one length."""
    frames: Frames | None = None
    """How many places the output of a block has for an example of T entries, where it is not T."""
    profile: Profile | None = None
    """What heads read of the input itself, where it is a spectrogram: it stands before the first block."""
    source_head: SourceHead | None = None
    """The classifier that the pretrained weights came with; ``None`` where there was none, or it cannot be
    had without trouble. It reads what the native head reads."""
    spelling: Spelling | None = None
    """What the outputs of a recogniser stand for, one symbol each; ``None`` for every other model."""
    pieces: Pieces | None = None
    """What a recogniser with a decoder writes with; ``None`` for every other model. It has the method
    ``write`` then; see :attr:`generate`."""
    dialogue: Dialogue | None = None
    """How a language model that answers is asked, ``None`` for every other; it has ``write`` as well."""
    head_trained: bool = False
    """Whether the native head comes with weights for these outputs, so that the model answers untuned."""
    head_rests: bool = False
    """Whether the native head stays as it is under adapters: it has learnt these outputs in pretraining."""
    head_beside: tuple[str, ...] = ()
    """Paths of modules that move with the head and are in no block: the decoder of a model for masks or
    boxes."""
    dense: bool = False
    """Whether outputs are about places of the picture, for which several blocks are read: then nothing can
    be stored behind one of them."""
    levels: tuple[int, ...] = ()
    """Of a detector whose every place answers: places in a row of each map, the finest first."""
    any_side: bool = False
    """Whether pictures may be brought to squares of another side: see ``dense.at_side``."""
    no_object: bool = False
    """Whether the head has one output more than there are classes, the last: that there is no object."""
    new_parts: tuple[str, ...] = ()
    """Paths of modules besides the head that start from random values: an embedder for another modality."""
    folder: Path | None = None
    """Where a transformers model was read from: other heads of the pretraining may lie there."""
    notes: list[str] = field(default_factory=list)
    """What a person should know: random weights, re-initialised layers, odd preprocessing."""

    @property
    def lengths_vary(self) -> bool:
        """Whether examples differ in length, so that batches are padded: texts, and most sounds."""
        return self.mask is not None

    @property
    def pooled_widths(self) -> list[int]:
        """How many features of each block heads read: its own, and before the first the profile."""
        first, *others = (block.width for block in self.blocks)
        return [first + (self.profile.width if self.profile else 0), *others]

    @property
    def generate(self) -> Callable[..., Tensor] | None:
        """Give what takes a batch to the pieces that the decoder writes by itself, ``(B, L)``.

        A row is NaN where its logits were. ``None`` where answers follow from one forward pass. Asked of the
        model that is here now: it may be a copy of the one that was opened.
        """
        if self.pieces is None and self.dialogue is None:
            return None
        write: Callable[..., Tensor] = getattr(self.model, "write")  # noqa: B009 - no module has it for certain
        return write

    def head_module(self) -> nn.Linear:
        """Return the native head."""
        module = self.model.get_submodule(self.head)
        assert isinstance(module, nn.Linear)  # noqa: S101 - made so by the source
        return module

    def head_parameters(self) -> list[nn.Parameter]:
        """List the parameters of the native head, and of what moves with it."""
        paths = (self.head, *self.head_beside)
        found = [one for path in paths for one in self.model.get_submodule(path).parameters()]
        return list({id(one): one for one in found}.values())

    @property
    def has_intercept(self) -> bool:
        """Whether the native head adds a constant; those of language models in transformers cannot."""
        return self.head_module().bias is not None


@dataclass(frozen=True, kw_only=True)
class PublicFigure:
    """One published result of a pretrained model: comparable only with the same measure."""

    value: float
    """In the measure's own units, usually percent; higher is better."""
    measure: str
    """Such as ``ImageNet-1k top-1``."""
    source: str
    """Where it is published, in words or as an address."""


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """One line of the catalogue."""

    name: str
    modality: str
    """``image``, ``text`` or ``audio``."""
    parameters: int
    """With the original head; 0 where it is not known."""
    licence: str
    here: bool
    """Whether it can be opened on this machine without a network."""
    note: str = ""
    reads: str = ""
    """The input that the weights were made for: ``224 px``, ``512 tokens``."""
    accuracy: PublicFigure | None = None
    """``None`` where no figure could be confirmed."""

    @property
    def image_size(self) -> int | None:
        """Give the side in pixels that the weights were made for."""
        number, _, unit = self.reads.partition(" ")
        return int(number) if unit == "px" else None


@dataclass(frozen=True, kw_only=True)
class OpenOptions:
    """What opening a model depends on besides its name."""

    task: str
    outputs: int
    """K of the new head."""
    pretrained: bool = True
    image_size: int | None = None
    resize: int | None = None
    max_length: int | None = None
    max_seconds: float | None = None
    """What is heard of a sound at most; ``None`` is the model's own window, or the default of its kind."""
    dropout: float | None = None
    symbols: tuple[str, ...] | None = None
    """What a recogniser's head must be able to write, besides what it can already."""
    language: str | None = None
    """What a recogniser of several languages writes; ``None`` is what its own config names."""
    patch: int | None = None
    """Side of a patch in pixels, where a text body reads pictures."""
    decoder: str = "auto"
    """What stands behind a picture model for masks (``fpn``, ``unet``) or for boxes (``fcos``)."""
    body: bool = True
    """False leaves the body out: only what changes the modality and the head, as a control."""
    seed: int = 0
    """Of the new head (and of all weights where ``pretrained`` is false)."""


class ModelSource(Protocol):
    """One place that models come from. One file each under ``sources/``, one line in the registry."""

    name: str

    def claims(self, name: str) -> bool:
        """Say whether ``name`` is written in this source's form and could be opened by it."""
        ...

    def open(self, name: str, options: OpenOptions) -> Backbone:
        """Open a model with a new head of ``options.outputs``; raises ``UnknownModel``."""
        ...

    def available(self) -> list[ModelInfo]:
        """List what this source knows, without a network and without importing weights."""
        ...
