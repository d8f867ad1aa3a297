"""The cut: run a model from a cached activation on, through its own ``forward``.

The modules of the frozen blocks get another ``forward`` on the instance: the last of them returns the
cached activation, the others a stand-in. The rest of the model, glue code included, runs as it is, so
no architecture needs code of its own, and loss and gradients are those of the uncut model, bit for bit.

Shapes: B batch, T tokens or frames, K head outputs.
"""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from crosstune.frozen.errors import CannotCut
from crosstune.frozen.freeze import check_range, evaluating
from crosstune.frozen.stand_ins import Shapes, StandIn, axes, shapes, skeleton, tensors
from crosstune.frozen.taps import OutputModel, PrefixModel
from crosstune.sources.base import Backbone, Batch

_PROBE_ROWS, _PROBE_TOKENS = 2, 4


class Cut:
    """A model cut behind its first blocks; a context, entered once for many batches.

    ``with Cut(backbone, cut, batch) as suffix: logits = suffix(batch, activation)``. While it is entered
    the model itself computes only the suffix. Leaving restores it, whatever happened.
    """

    def __init__(self, backbone: Backbone, cut: int, example: Mapping[str, Tensor]) -> None:
        """Learn the shapes of the frozen modules' outputs from the prefix on a few rows of ``example``.

        Args:
            backbone: its model is patched while the context is entered, and used in place.
            cut: number of frozen blocks; 0 leaves the model as it is.
            example: a batch like those to come; its picture entries may be dummies.

        Raises:
            CannotCut: a frozen module runs more than once, or not at all.
        """
        check_range(backbone, cut)
        self.backbone, self.cut = backbone, cut
        self.paths = [path for block in backbone.blocks[:cut] for path in block.modules]
        self._stand_ins = _learn(backbone, cut, self.paths, example) if cut else {}
        self._saved: list[tuple[nn.Module, Any]] = []
        self._activation: Tensor | None = None
        self._rows, self._tokens = 0, 1

    def __enter__(self) -> Self:
        """Patch the frozen modules."""
        if self._saved:
            raise RuntimeError("this cut is already entered")
        try:
            for path in self.paths:
                module = self.backbone.model.get_submodule(path)
                self._saved.append((module, module.__dict__.get("forward")))
                module.__dict__["forward"] = self._stub(path)
        except BaseException:
            self._restore()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give every module its own ``forward`` back."""
        self._restore()

    def __call__(
        self, batch: Batch, activation: Tensor | None, model: Callable[..., Any] | None = None
    ) -> Tensor:
        """Compute the head's outputs from the activation at the cut.

        Args:
            batch: the small entries that the suffix still reads; pictures may be dummies.
            activation: what ``PrefixModel(backbone, cut)`` gave; a suffix with in-place operations may
                overwrite it. ``None`` only for cut 0.
            model: what to call in place of ``backbone.model``: a wrapper around it (autocast, DDP).

        Returns:
            ``(B, K)`` logits, with their graph.
        """
        if self.cut and not self._saved:
            raise RuntimeError("enter the cut before calling it")
        if self.cut and activation is None:
            raise ValueError("an activation is needed behind a cut")
        self._activation = activation
        self._rows = len(next(iter(batch.values())))
        self._tokens = places(self.backbone, batch) or 1
        try:
            return self.backbone.logits((model or self.backbone.model)(**batch))
        finally:
            self._activation = None

    def _stub(self, path: str) -> Callable[..., Any]:
        last = path == self.paths[-1]

        def forward(*_arguments: Any, **_named: Any) -> Any:  # noqa: ANN401 - any module's signature
            if self._activation is None:
                raise RuntimeError("the model is cut: call it through the cut, with an activation")
            lead = self._activation if last else None
            device = self._activation.device
            return self._stand_ins[path].make(self._rows, self._tokens, device, lead=lead)

        return forward

    def _restore(self) -> None:
        for module, forward in reversed(self._saved):
            if forward is None:
                module.__dict__.pop("forward", None)
            else:
                module.__dict__["forward"] = forward
        self._saved.clear()


def suffix_outputs(backbone: Backbone, cut: int, batch: Batch, activation: Tensor | None) -> Tensor:
    """Compute ``(B, K)`` logits of one batch from the activation at the cut; see :class:`Cut`.

    For many batches enter a :class:`Cut` once instead: this learns the shapes anew each time.

    Checked by: ``tests/frozen/test_cut.py``, against the uncut model, for every family and cut.
    """
    with Cut(backbone, cut, batch) as suffix:
        return suffix(batch, activation)


def check_cut(backbone: Backbone, cut: int, batch: Batch) -> None:
    """Compare the cut with the uncut model on one real batch, in eval mode.

    Raises:
        CannotCut: the logits differ by more than rounding: something behind the cut reads more than
            the activation (a skip connection over it, a value made inside the prefix).

    Cost: two forward passes of the batch.
    """
    if cut == 0:
        return
    with evaluating(backbone.model), torch.no_grad():
        (whole,) = OutputModel(backbone).eval()(**batch)
        (activation,) = PrefixModel(backbone, cut).eval()(**batch)
        pieced = suffix_outputs(backbone, cut, batch, activation).float()
    if not torch.allclose(whole, pieced, rtol=1e-4, atol=1e-5):
        gap = (whole - pieced).abs().max().item()
        reason = f"the outputs behind the cut differ from the uncut model's by {gap:.2g}"
        raise CannotCut(backbone.name, cut, reason=reason)


def token_count(batch: Mapping[str, Tensor]) -> int | None:
    """Return the length of axis 1 where the batch holds arrays ``(B, T)`` of whole numbers, else ``None``.

    Those are ids of tokens, and masks of texts and sounds.
    """
    for tensor in batch.values():
        if tensor.dim() == 2 and not tensor.is_floating_point():
            return int(tensor.shape[1])
    return None


def places(backbone: Backbone, batch: Mapping[str, Tensor]) -> int | None:
    """Count the tokens or frames of the longest example of a batch; ``None`` where all have one length."""
    present = token_count(batch)
    return present if present is None or backbone.frames is None else backbone.frames.count(present)


def _learn(
    backbone: Backbone, cut: int, paths: list[str], example: Mapping[str, Tensor]
) -> dict[str, StandIn]:
    """Run the prefix on a tiny batch, on more rows, and on one more token, and see which axes grow."""
    few, more = _entries(backbone, _PROBE_TOKENS), _entries(backbone, _PROBE_TOKENS + 1)
    small = _resized(example, _PROBE_ROWS, few)
    with evaluating(backbone.model), torch.no_grad():
        outputs, first, written = _probe(backbone, cut, paths, small)
        _, wide, _ = _probe(backbone, cut, paths, _resized(example, _PROBE_ROWS + 1, few))
        long = first
        if token_count(example) is not None:
            _, long, _ = _probe(backbone, cut, paths, _resized(example, _PROBE_ROWS, more))
    probe = (_PROBE_ROWS, places(backbone, small) or 1)
    try:
        return {
            path: StandIn(
                outputs[path], axes(first[path], wide[path], long[path]), probe, written=path in written
            )
            for path in paths
        }
    except ValueError as error:
        raise CannotCut(backbone.name, cut, reason=str(error)) from error


def _entries(backbone: Backbone, tokens: int) -> int:
    """Return how many entries of a batch's axis 1 make so many tokens or frames."""
    return tokens if backbone.frames is None else backbone.frames.samples(tokens)


def _probe(
    backbone: Backbone, cut: int, paths: list[str], batch: Batch
) -> tuple[dict[str, Any], dict[str, Shapes], set[str]]:
    """Run the prefix; return its modules' outputs without their numbers, their shapes, and what is written.

    Written are the outputs that the code between the modules changes in place.
    """
    outputs: dict[str, Any] = {}
    sizes: dict[str, Shapes] = {}
    writes = _Writes()

    def watch(path: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def hook(_module: nn.Module, _arguments: tuple[Any, ...], output: Any) -> None:  # noqa: ANN401
            if path in outputs:
                raise CannotCut(backbone.name, cut, reason=f"`{path}` runs more than once")
            outputs[path], sizes[path] = skeleton(output), shapes(output)
            writes.leave(path, output)

        return hook

    modules = {path: backbone.model.get_submodule(path) for path in paths}
    handles = [module.register_forward_hook(watch(path)) for path, module in modules.items()]
    handles += [module.register_forward_pre_hook(writes.enter) for module in modules.values()]
    try:
        PrefixModel(backbone, cut).eval()(**batch)
    finally:
        for handle in handles:
            handle.remove()
    if missing := [path for path in paths if path not in outputs]:
        raise CannotCut(backbone.name, cut, reason=f"`{missing[0]}` does not run before the cut")
    return outputs, sizes, writes.paths


class _Writes:
    """Finds outputs of modules that code outside these modules changes in place, by torch's own counters."""

    def __init__(self) -> None:
        self.paths: set[str] = set()
        self._made: list[tuple[str, Tensor, int]] = []

    def enter(self, *_: object) -> None:
        """Look, before a module runs, for what was changed since the last one ran."""
        self.paths |= {path for path, tensor, version in self._made if tensor._version > version}

    def leave(self, path: str, output: Any) -> None:  # noqa: ANN401
        """Remember what a module made; what it changed itself, it will not change when it does not run."""
        self._made = [(name, tensor, tensor._version) for name, tensor, _ in self._made]
        self._made += [(path, tensor, tensor._version) for tensor in tensors(output)]


def _resized(batch: Mapping[str, Tensor], rows: int, tokens: int) -> Batch:
    """Repeat the first example, with its first tokens (again from the start where it has fewer)."""
    present = token_count(batch)
    resized = {}
    for name, tensor in batch.items():
        chosen = tensor[torch.zeros(rows, dtype=torch.long, device=tensor.device)]
        if present is not None and tensor.dim() >= 2 and tensor.shape[1] == present:
            chosen = chosen[:, torch.arange(tokens, device=tensor.device) % present]
        resized[name] = chosen
    return resized
