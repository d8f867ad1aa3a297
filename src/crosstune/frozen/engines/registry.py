"""All engines, and the choice between them by a short benchmark.

Under ``auto``, on a GPU: torch. On a CPU torch is timed first, because it needs no preparation; a
converting engine is tried only where the pass is long enough to pay for its conversion:

- OpenVINO where torch would need more than ``WORTH["openvino"]`` seconds for the pass,
- ONNX Runtime where the best engine so far would need more than ``WORTH["onnxruntime"]`` seconds (its
  conversion is the slowest, and its gain over OpenVINO small).

The fastest wins. An engine that fails to convert or run is passed over, with a warning that says why.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from crosstune.core.errors import MissingExtra, UnknownName
from crosstune.core.progress import Reporter, Silent
from crosstune.frozen.engines.base import Compiled, Engine
from crosstune.frozen.engines.onnx_engine import OnnxEngine
from crosstune.frozen.engines.openvino_engine import OpenVinoEngine
from crosstune.frozen.engines.precision import is_close, tolerates_half
from crosstune.frozen.engines.torch_engine import TorchEngine, rate, with_precision
from crosstune.frozen.errors import EngineFailed

ENGINES: tuple[Engine, ...] = (TorchEngine(), OpenVinoEngine(), OnnxEngine())
"""In the order in which ``auto`` tries them."""

WORTH: Mapping[str, float] = {"openvino": 8.0, "onnxruntime": 300.0}
"""Seconds of work from which a conversion pays: about twice and thirty times what it costs."""

BENCHMARK_ROWS = 8
"""Examples in a benchmark batch: enough to rank engines, quick on a slow one."""

RANKING_SECONDS = 0.15
"""Of timing each engine: one is usually twice as fast as the next, or it does not matter."""

Choice = tuple[Compiled, str, dict[str, float]]

_KEPT: OrderedDict[tuple[str, ...], Choice] = OrderedDict()
_MOST_KEPT = 2


@dataclass(frozen=True, kw_only=True)
class _Torch:
    """That torch was the fastest, and how it ran.

    It runs the live module, whose weights may change under it, so nothing compiled is kept. To find the rest
    out again took a second for each pass of MiniLM (MEASURED).
    """

    examples: float
    """Of the pass that it was found for."""
    half: bool
    exact: bool
    rates: dict[str, float]

    def again(self, module: nn.Module, example: Mapping[str, Tensor]) -> Choice:
        """Run ``module`` in the same way."""
        return with_precision(module, example, half=self.half, exact=self.exact), "torch", self.rates


_TORCH: dict[tuple[str, ...], _Torch] = {}
_TOLERANT: dict[tuple[str, ...], bool] = {}
"""Whether a model stands half precision; by what :data:`_KEPT` is kept by."""


def choose_engine(
    name: str,
    module: nn.Module,
    example: Mapping[str, Tensor],
    exact: bool,
    *,
    examples: int | None = None,
    identity: str | None = None,
    reporter: Reporter | None = None,
) -> Choice:
    """Compile ``module`` with the engine called ``name``, or with the fastest.

    Args:
        name: ``auto`` or the name of an engine.
        module: in eval mode, called with keywords as in ``example``, returns a tuple of tensors.
        example: one batch that is typical in shape, with padding where the data has padding.
        exact: float32 throughout. Otherwise in half precision where that is faster and as good
            (:func:`tolerates_half`).
        examples: how many the pass has; ``None`` means many.
        identity: hash of weights and structure. With it, a converted engine is kept and used again for
            the next pass of the same module (train, then validation) without a second conversion.
        reporter: hears about engines that fail.

    Returns:
        The compiled module, the engine's name, and examples per second of every engine that was timed
        (empty where nothing was).

    Raises:
        UnknownName: no such engine.
        MissingExtra: the engine that was named is not installed.
        EngineFailed: the engine that was named cannot run this module.

    Cost: ``auto`` takes about a second, plus the conversions described above.
    """
    known = {engine.name: engine for engine in ENGINES}
    if name != "auto" and name not in known:
        raise UnknownName("engine", name, ("auto", *known))
    kind = "|".join(f"{key}:{tuple(value.shape[2:])}" for key, value in sorted(example.items()))
    key = (name, identity or "", type(module).__name__, str(exact), kind)
    if identity is not None and key in _KEPT:
        _KEPT.move_to_end(key)
        return _KEPT[key]
    many = float("inf") if examples is None else examples
    if identity is not None and key in _TORCH and many <= _TORCH[key].examples:
        return _TORCH[key].again(module, example)
    exact = exact or not _tolerates(key, identity, module, example)

    def chosen(*, exact: bool) -> Choice:
        if name == "auto":
            return _fastest(module, example, exact=exact, examples=examples, reporter=reporter or Silent())
        return _named(known[name], module, example, exact=exact), name, {}

    choice = chosen(exact=exact)
    if not exact and choice[1] != "torch" and not is_close(choice[0], module, example):
        choice = chosen(exact=True)
    if identity is not None:
        _keep(key, choice, many)
    return choice


def _keep(key: tuple[str, ...], choice: Choice, examples: float) -> None:
    compiled, name, rates = choice
    if name == "torch":
        half = bool(getattr(compiled, "half", False))
        _TORCH[key] = _Torch(examples=examples, half=half, exact=compiled.exact, rates=rates)
        return
    _KEPT[key] = choice
    if len(_KEPT) > _MOST_KEPT:
        _KEPT.popitem(last=False)


def _tolerates(
    key: tuple[str, ...], identity: str | None, module: nn.Module, example: Mapping[str, Tensor]
) -> bool:
    """Ask once for each model, so that all of its passes are computed alike."""
    if identity is None:
        return tolerates_half(module, example)
    if key not in _TOLERANT:
        _TOLERANT[key] = tolerates_half(module, example)
    return _TOLERANT[key]


def _named(engine: Engine, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool) -> Compiled:
    try:
        compiled = engine.compile(module, example, exact=exact)
        compiled(_rows(example, 2))
    except MissingExtra:
        raise
    except Exception as error:
        if engine.name == "torch":
            raise
        raise EngineFailed(engine.name, reason=_reason(error)) from error
    return compiled


def _fastest(
    module: nn.Module, example: Mapping[str, Tensor], *, exact: bool, examples: int | None, reporter: Reporter
) -> Choice:
    small = _rows(example, BENCHMARK_ROWS)
    best: Compiled = ENGINES[0].compile(module, small, exact=exact)
    name = ENGINES[0].name
    if torch.cuda.is_available():
        return best, name, {}
    rates = {name: rate(best, small, seconds=RANKING_SECONDS)}
    for engine in ENGINES[1:]:
        expected = float("inf") if examples is None else examples / rates[name]
        if expected < WORTH[engine.name] or not engine.available():
            continue
        try:
            compiled = engine.compile(module, small, exact=exact)
            rates[engine.name] = rate(compiled, small, seconds=RANKING_SECONDS)
        except Exception as error:  # noqa: BLE001 - a converter may fail in any way; another engine works
            reporter.warn(f"engine {engine.name} cannot run this model, going on without: {_reason(error)}")
            continue
        if rates[engine.name] > rates[name]:
            best, name = compiled, engine.name
    return best, name, rates


def _rows(example: Mapping[str, Tensor], most: int) -> dict[str, Tensor]:
    return {name: tensor[:most] for name, tensor in example.items()}


def _reason(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
