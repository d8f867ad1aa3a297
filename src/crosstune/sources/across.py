"""Models whose modality is not that of the data: any transformers text body on pictures.

Named like every other model (``--model package:minilm`` with a folder of pictures). A folder is written as
safetensors and JSON: ``model.safetensors``, ``body_config.json`` (the transformers config of the body) and
``crosstune.json``. No library but this one has the architecture, so only ``crosstune.load`` opens it.

Sounds come as pictures of their spectrograms, through ``spectrograms.py``; nothing here knows of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from crosstune.core.errors import BadValue
from crosstune.core.files import read_object, write_json
from crosstune.sources import tagging, transformers_folders
from crosstune.sources.assemble import Identity, assemble, same
from crosstune.sources.base import Backbone, OpenOptions
from crosstune.sources.embedder import Embedder, PatchModel, position_tables, without_words, word_norm
from crosstune.sources.errors import UnsupportedModel
from crosstune.sources.heads import seeded, start_head
from crosstune.sources.modality import modality_of
from crosstune.sources.preprocessing import ImagePreprocessing
from crosstune.sources.processors import Gguf, positions
from crosstune.sources.record import Record
from crosstune.sources.sizes import check_sizes
from crosstune.sources.weights import WEIGHTS, load_weights, read_weights, write_weights

FORMAT = "patches"
CONFIG = "body_config.json"
CHANNELS = 3
SIDE = 224
"""PRIOR: pixels, where nobody says otherwise; the plan takes the side of small pictures as it is."""

FEWEST, USUAL, MOST = 4, 7, 14
"""Patches in a row: 16 to 196 tokens, near 49. FPT (Lu 2021) has 64 of 4 x 4 pixels, ViT 196 of 16 x 16."""

NOT_ELSEWHERE = (
    "only crosstune loads this model: transformers has no architecture of picture patches before a text "
    "body, so transformers.pipeline cannot open the folder"
)
LOADS_WITH = f'# {NOT_ELSEWHERE}\nimport crosstune\n\nmodel = crosstune.load("{{path}}")'
IN_ORDER = "the body is a decoder: each patch sees only those before it, so an encoder usually does better"


def crosses(folder: Path, options: OpenOptions, gguf: Gguf | None = None) -> bool:
    """Say whether the folder holds a text body and the data are pictures."""
    if modality_of(options.task) != "image":
        return False
    return transformers_folders.reads(folder, gguf) == {"text"}


def open_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record | None = None
) -> Backbone:
    """Open a transformers folder with a new head, and with an embedder where the modality changes."""
    if options.task == tagging.TASK:
        return tagging.open_folder(folder, name, options, source=source, record=record)
    if crosses(folder, options):
        identity = transformers_folders.identify(folder, name, options, source, record)
        return build(folder, identity, options)
    return transformers_folders.open_folder(folder, name, options, source=source, record=record)


def build(folder: Path, identity: Identity, options: OpenOptions, *, gguf: Gguf | None = None) -> Backbone:
    """Open the model in ``folder``, with an embedder where its modality is not that of the data.

    Args:
        folder: config and weights, or only the file that ``gguf`` names.
        identity: what the model is called and where it comes from.
        options: the task; ``image_size`` and ``patch``; ``body=False`` leaves the body out (a control).
        gguf: the one file that holds everything, as llama.cpp writes it.

    Raises:
        UnsupportedModel: the body does not take vectors in place of words.
        BadValue: side and patch do not go together, or give more tokens than the body has positions for.
    """
    if options.task == tagging.TASK and gguf is None:
        return tagging.build(folder, identity, options)
    if not crosses(folder, options, gguf):
        return transformers_folders.build(folder, identity, options, gguf=gguf)
    body, identity = transformers_folders.load_body(folder, identity, options, gguf)
    side, patch = geometry(options)
    norm = word_norm(body)
    model = _put_together(body, (side // patch) ** 2, patch, norm, options, identity.name)
    if model.body is None:
        identity = replace(identity, pretrained=False, origin="random weights; no body")
        identity = identity.noting("there is no body: a control")
    elif transformers_folders.reads_in_order(body):
        identity = identity.noting(IN_ORDER)
    options = replace(options, image_size=side, patch=patch)
    return _finish(model, identity.noting(NOT_ELSEWHERE), options, new=("embedder",))


def geometry(options: OpenOptions) -> tuple[int, int]:
    """Return the side of the picture and of a patch, in pixels.

    Where no patch is named, the one that divides the side best into about 7 x 7 patches.

    Raises:
        BadValue: the named patch does not divide the side.
    """
    side = options.image_size or (SIDE if options.patch is None else USUAL * options.patch)
    check_sizes(side, options.resize or side)
    if options.patch is None:
        rows = [count for count in range(FEWEST, MOST + 1) if side % count == 0]
        best = min(rows, key=lambda count: abs(count - USUAL), default=None)
        if best is not None:
            return side, side // best
    patch = options.patch or max(1, round(side / USUAL))
    if side % patch or side < patch:
        whole = patch * max(1, round(side / patch))
        raise BadValue(
            "patches do not fill the picture",
            found=f"image_size {side}, patch {patch}",
            expected="a side that is a multiple of the patch",
            fix=f"take --set image_size={whole}, or another patch",
        )
    return side, patch


def _put_together(
    body: Any,  # noqa: ANN401 - untyped
    tokens: int,
    patch: int,
    norm: float,
    options: OpenOptions,
    name: str,
) -> PatchModel:
    most = positions(body)
    if tokens > most:
        raise BadValue(
            "the picture has more patches than the body has positions",
            found=f"{tokens} patches",
            expected=f"at most {most} for `{name}`",
            fix="take larger patches (--set patch=...) or a smaller picture (--set image_size=...)",
        )
    width = int(body.get_input_embeddings().weight.shape[1])
    kept = without_words(body) if options.body else None
    with seeded(options.seed, "embedder"):
        table = not position_tables(kept)
        embedder = Embedder(
            channels=CHANNELS, patch=patch, tokens=tokens, width=width, norm=norm, table=table
        )
        wide = int(getattr(body.config, "hidden_size", width))
        model = PatchModel(
            embedder,
            kept,
            body.config,
            width=wide if options.body else width,
            outputs=options.outputs,
            dropout=options.dropout or 0.0,
            ordered=transformers_folders.reads_in_order(body),
        )
    start_head(model.head, options.seed)
    return model


def open_saved_folder(
    folder: Path, name: str, options: OpenOptions, *, source: str, record: Record
) -> Backbone:
    """Open a folder that :class:`PatchSaver` wrote with a new head: its embedder and body are kept.

    Raises:
        UnsupportedModel: the data are no pictures, or another side or patch is asked for.
    """
    before = record.options
    same_size = options.image_size in (None, before.image_size) and options.resize in (None, before.resize)
    if not same_size or options.patch not in (None, before.patch):
        raise UnsupportedModel(
            f"the model `{name}` reads one size",
            found=f"image_size {options.image_size}, resize {options.resize}, patch {options.patch}",
            expected=f"image_size {before.image_size}, patch {before.patch}",
            fix="leave `image_size`, `resize` and `patch` out",
        )
    identity = transformers_folders.identify(folder, name, options, source, record)
    options = replace(
        options, image_size=before.image_size, resize=before.resize, patch=before.patch, body=before.body
    )
    model = _from_config(folder, record, options)
    if options.pretrained:
        state = read_weights(folder / WEIGHTS)
        head = {key: tensor for key, tensor in model.state_dict().items() if key.startswith("head.")}
        load_weights(model, {**state, **head}, where=folder / WEIGHTS)
    return _finish(model, identity.noting(NOT_ELSEWHERE), options)


def reopen(folder: Path, record: Record) -> Backbone:
    """Open a folder that :class:`PatchSaver` wrote, head and all; raises ``BadWeights``."""
    model = _from_config(folder, record, record.options)
    load_weights(model, read_weights(folder / WEIGHTS), where=folder / WEIGHTS)
    return _finish(model, Identity.of(record), record.options)


def _from_config(folder: Path, record: Record, options: OpenOptions) -> PatchModel:
    body = transformers_folders.body_from_config(read_object(folder / CONFIG), record.name, options)
    side, patch = geometry(options)
    return _put_together(body, (side // patch) ** 2, patch, 1.0, options, record.name)


def _finish(
    model: PatchModel, identity: Identity, options: OpenOptions, *, new: tuple[str, ...] = ()
) -> Backbone:
    side = options.image_size or SIDE
    middle = (0.5,) * CHANNELS
    preprocessing = ImagePreprocessing(
        argument="pixel_values", size=side, resize=options.resize or side, interpolation="bilinear",
        mean=middle, std=middle,
    )  # fmt: skip
    backbone = assemble(
        identity,
        model=model,
        head="head",
        preprocessing=preprocessing,
        modality="image",
        logits=same,
        save=PatchSaver(model, preprocessing, identity, options),
        loads_with=LOADS_WITH,
    )
    backbone.new_parts, backbone.only_here = new, True
    return backbone


@dataclass(frozen=True)
class PatchSaver:
    """Writes a model folder that :func:`reopen` reads."""

    model: PatchModel
    preprocessing: ImagePreprocessing
    identity: Identity
    options: OpenOptions

    def __call__(self, path: Path, hub_config: Mapping[str, Any]) -> None:  # noqa: ARG002 - no place for it
        """Write weights, the body's config and ``crosstune.json`` into ``path``."""
        path.mkdir(parents=True, exist_ok=True)
        write_weights(self.model, path / WEIGHTS)
        write_json(path / CONFIG, self.model.config.to_dict())
        self.identity.record(FORMAT, self.options, self.preprocessing).write(path)
