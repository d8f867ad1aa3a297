"""A model as it is shipped: a body, a head, a task; saved to ``model/`` and reopened from it.

Two forms. ``native``: the model's own head carries the weights, so the ecosystem's own loader reads the
folder. ``linear``: a linear head over the pooled outputs of the last or of all blocks, which no other
loader can express; the body lies in ``model/body`` and only ``crosstune.load`` puts the two together.

Shapes: N examples, K outputs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor

from crosstune.artifacts.errors import NotAModel
from crosstune.artifacts.manifest import FORMAT, MANIFEST, read_manifest
from crosstune.core.errors import BadValue, DoesNotApply
from crosstune.core.files import damaged, replacing, write_json
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.progress import Reporter, Silent
from crosstune.core.refused import refuse
from crosstune.frozen.answers import Score, model_answers
from crosstune.frozen.features import Features
from crosstune.frozen.loader import Indices
from crosstune.frozen.passes import frozen_pass, model_outputs
from crosstune.frozen.windows import windowed_answers
from crosstune.sources.base import Backbone, Batch
from crosstune.sources.guard import check_folder, check_link, read_header
from crosstune.sources.saved import open_saved
from crosstune.tasks.base import Row, Task
from crosstune.tasks.speech_recognition import SpeechRecognition
from crosstune.tasks.structured import InPictures, InText, Scored, Structured
from crosstune.tasks.text_generation import TextGeneration
from crosstune.tasks.transcription import Transcription

_HEAD = "head.safetensors"


@dataclass(frozen=True, kw_only=True)
class SavedModel:
    """A model that can predict. ``head`` is ``None`` in the native form."""

    backbone: Backbone
    task: Task
    head: HeadWeights | None = None
    inputs: tuple[str, ...] = ()
    """Names of the input columns that it was fitted on."""
    target: str | None = None
    folded: bool = False
    """Whether the native head already returns the user's units (a reopened model does)."""

    def outputs(
        self, items: Items, *, engine: str = "auto", reporter: Reporter | None = None
    ) -> NDArray[Any]:
        """Compute the task's outputs ``(N, K)`` from raw inputs, in float32 arithmetic throughout.

        Of a structured task these are N answers, which torch computes whatever ``engine`` says.
        """
        told = reporter or Silent()
        if isinstance(self.task, Structured):
            if score := _score(self.task, items):
                return model_answers(self.backbone, items, self.task.answers, score=score, reporter=told)
            if isinstance(self.task, InPictures):
                ask = self.task
                return model_answers(self.backbone, items, ask.answers, sized=ask.answers_at, reporter=told)
            return windowed_answers(self.backbone, items, self.task.answers, reporter=told)
        if self.head is None:
            raw = model_outputs(self.backbone, items, engine=engine, reporter=told).astype(np.float64)
            scale, shift = self.task.affine() if self.folded else (1.0, 0.0)
            return np.asarray((raw - shift) / scale)
        features = frozen_pass(self.backbone, items, engine=engine, exact=True, reporter=told)
        return self.head(head_features(features, self.head.features))

    def predict(self, items: Items, *, engine: str = "auto", reporter: Reporter | None = None) -> list[Row]:
        """Predict one row for each example, in the user's units."""
        return self.rows(items, self.outputs(items, engine=engine, reporter=reporter))

    def rows(self, items: Items, outputs: NDArray[Any]) -> list[Row]:
        """Give what the outputs for some examples mean, one row for each, in the user's units."""
        rows = self.task.decode(outputs)
        if isinstance(self.task, InText):
            raw = items.batch(range(len(items)))
            rows = [{**row, **more} for row, more in zip(rows, self.task.in_text(outputs, raw), strict=True)]
        return rows

    def with_beams(self, beams: int) -> "SavedModel":
        """Give the model with a beam search of so many beams; 1, the default, is greedy.

        Raises:
            BadValue: fewer than one.
            DoesNotApply: the model has no CTC head.
        """
        if beams < 1:
            raise BadValue(
                "`beams` is out of range",
                found=str(beams),
                expected="a whole number from 1 on; 1 searches nothing",
                fix="name 8 or 16, or leave it out",
            )
        if beams == 1:
            return self
        if not isinstance(self.task, SpeechRecognition):
            raise DoesNotApply(
                "beams are searched over the frames of a CTC head, and this model has none",
                found=f"beams={beams} with a model for {self.task.name}",
                expected="a recogniser of speech with a CTC head",
                fix="leave `beams` out",
            )
        return replace(self, task=self.task.searching(beams))


def _score(task: Task, items: Items) -> Score | None:
    """Say how answers are held against their references; ``None`` where there are none, or no need."""
    raw = items.targets() if isinstance(task, Scored) else []
    if not isinstance(task, Structured) or not isinstance(task, Scored) or not raw:
        return None
    encoded, scored = task.encode(raw), task

    def score(
        answers: NDArray[Any], run: Callable[[Batch], Tensor], batch: Batch, indices: Indices
    ) -> NDArray[Any]:
        targets = scored.collate(encoded[indices])
        return scored.scored(answers, run({**batch, **scored.decoder_inputs(targets)}), targets)

    return score


def head_features(features: Features, name: str) -> NDArray[np.float32]:
    """Select what a head reads: ``head`` input, ``last`` block, or ``all`` blocks side by side."""
    if name == "head":
        return features.head_input
    if name == "last":
        return features.blocks[-1]
    return features.all_blocks()


def put_head(backbone: Backbone, head: HeadWeights, scale: float = 1.0, shift: float = 0.0) -> None:
    """Write a head that reads the native head's input into the native head, in place.

    ``scale`` and ``shift`` take the outputs to the user's units (:meth:`Task.affine`).

    Raises:
        ValueError: the native head has no intercept; such a head is shipped beside the body.
    """
    module = backbone.head_module()
    if not backbone.has_intercept:
        raise ValueError(f"the native head of {backbone.name} has no intercept")
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(head.weight * scale))
        module.bias.copy_(torch.from_numpy(head.bias * scale + shift))


@contextmanager
def head_kept(backbone: Backbone) -> Iterator[None]:
    """Give the native head the weights back that it had, whatever happens inside."""
    module = backbone.head_module()
    kept = [(parameter, parameter.detach().clone()) for parameter in module.parameters()]
    try:
        yield
    finally:
        with torch.no_grad():
            for parameter, before in kept:
                parameter.copy_(before)


def needed_head(backbone: Backbone, task: Task) -> HeadWeights | None:
    """Give the native head as one beside the body, where it cannot return the user's units by itself.

    That is where the outputs are to be shifted (the mean of a regression target) and it has no intercept.
    """
    if backbone.has_intercept or task.affine()[1] == 0:
        return None
    weight = backbone.head_module().weight.detach().double().cpu().numpy()
    bias = np.zeros(len(weight))
    return HeadWeights(features="head", kind="trained", weight=weight, bias=bias, penalty=0.0)


def save_model(model: SavedModel, path: Path) -> None:
    """Write ``model/``. The body's weights are left as they are; cost: one copy of the head.

    Checked by: ``tests/artifacts/test_model.py``, which reloads in a fresh process.
    """
    path.mkdir(parents=True, exist_ok=True)
    body = path if model.head is None else path / "body"
    hub = {**model.task.hub_config(), "task": model.task.name}
    scale, shift = model.task.affine()
    module = model.backbone.head_module()
    with head_kept(model.backbone):
        if model.head is None:
            with torch.no_grad():
                module.weight.mul_(scale)
                if model.backbone.has_intercept:
                    module.bias.mul_(scale).add_(shift)
                elif shift:
                    raise ValueError(f"the native head of {model.backbone.name} has no intercept")
        model.backbone.save(body, hub)
    if model.head is not None:
        with replacing(path / _HEAD) as temporary:
            save_file({"weight": model.head.weight, "bias": model.head.bias}, temporary)
    write_json(path / MANIFEST, _manifest(model))


def _manifest(model: SavedModel) -> dict[str, Any]:
    head = model.head
    return {
        "format": FORMAT,
        "form": "native" if head is None else "linear",
        "task": model.task.to_json(),
        "inputs": list(model.inputs),
        "target": model.target,
        "model": model.backbone.name,
        "licence": model.backbone.licence,
        "origin": model.backbone.origin,
        "head": None
        if head is None
        else {"features": head.features, "kind": head.kind, "penalty": float(head.penalty)},
    }


def load_model(path: Path | str) -> SavedModel:
    """Reopen a saved model: a ``model/`` folder, or the run directory that holds one.

    Raises:
        NotAModel: there is no saved model here, or a part of it is missing or damaged.
        DamagedFile, UnsupportedModel, BadWeights: it is not safe to open (``sources/guard.py``).
        RefusedFile: the path is a pickle or an archive.
    """
    root = Path(path)
    refuse(root)
    folder = root if (root / MANIFEST).is_file() else present(root)
    if not (folder / MANIFEST).is_file():
        raise NotAModel(str(root), missing=MANIFEST)
    if folder != root:
        check_link(root, "model")
    check_folder(folder)
    about, task = read_manifest(folder, root=root)
    head = None if about.head is None else _load_head(folder / _HEAD, about.head)
    backbone = open_saved(folder if head is None else folder / "body")
    try:
        if isinstance(task, Transcription):
            task = task.bound(backbone.pieces)
        elif isinstance(task, TextGeneration):
            task = task.bound(backbone.dialogue)
    except ValueError as error:
        raise NotAModel(str(folder), missing=f"the tokenizer and prompt of its task ({error})") from error
    _check_head(folder, backbone, task, head)
    return SavedModel(
        backbone=backbone,
        task=task,
        head=head,
        inputs=about.inputs,
        target=about.target,
        folded=head is None,
    )


def present(root: Path) -> Path:
    """Return where the model of a run lies: ``model/``, or the new one if a kill came before its rename."""
    model, fresh, old = root / "model", root / ".model.new", root / ".model.old"
    return fresh if not model.exists() and fresh.exists() and old.exists() else model


def _load_head(path: Path, about: dict[str, Any]) -> HeadWeights:
    if not path.is_file():
        raise NotAModel(str(path.parent), missing=path.name)
    read_header(path)
    try:
        arrays = load_file(path)
    except SafetensorError as error:
        raise NotAModel(str(path.parent), missing=f"complete {path.name} ({error})") from error
    bad: Sequence[str] = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise NotAModel(str(path.parent), missing=f"finite numbers in {', '.join(bad)}")
    if sorted(arrays) != ["bias", "weight"] or arrays["weight"].ndim != 2 or arrays["bias"].ndim != 1:
        raise NotAModel(str(path.parent), missing=f"weight (K, D) and bias (K) in {path.name}")
    try:
        return HeadWeights(weight=arrays["weight"], bias=arrays["bias"], **about)
    except TypeError as error:
        raise damaged(path.with_name(MANIFEST), f"the head: {error}") from error


def _check_head(folder: Path, backbone: Backbone, task: Task, head: HeadWeights | None) -> None:
    """Raise ``NotAModel`` where body, head and task were not made for each other."""
    native = backbone.head_module().out_features - backbone.no_object
    outputs = native if head is None else len(head.weight)
    if outputs != task.outputs or (head is not None and len(head.bias) != outputs):
        raise NotAModel(str(folder), missing=f"head with {task.outputs} outputs (found {outputs})")
    if head is None:
        return
    widths = backbone.pooled_widths
    reads = {"head": backbone.head_module().in_features, "last": widths[-1], "all": sum(widths)}
    if reads.get(head.features) != head.weight.shape[1]:
        raise NotAModel(str(folder), missing=f"head that reads `{head.features}` of this body")
