"""Every engine gives what torch gives, for every family, on batches of other shapes than its example."""

from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from crosstune.frozen.engines.base import stream
from crosstune.frozen.engines.openvino_engine import _parts
from crosstune.frozen.engines.registry import ENGINES
from crosstune.frozen.engines.torch_engine import TorchCompiled, TorchEngine
from crosstune.frozen.taps import OutputModel, PrefixModel, TapModel
from crosstune.sources.base import Backbone, Batch
from tests.frozen.helpers import MakeItems, OpenTiny
from tests.support.tiny import KINDS, Kind

BY_NAME = {engine.name: engine for engine in ENGINES}


def _arrays(
    engine: str, module: nn.Module, example: Batch, other: Batch, *, exact: bool
) -> tuple[NDArray[np.float32], ...]:
    return BY_NAME[engine].compile(module, example, exact=exact)(other)


def _batches(opened: Backbone, items: MakeItems, kind: Kind) -> tuple[Batch, Batch]:
    examples = items(kind, 14)
    return opened.preprocessing(examples.batch(range(3))), opened.preprocessing(examples.batch(range(3, 14)))


@pytest.mark.parametrize(
    ("kind", "exact"), [*((kind, True) for kind in KINDS), ("bert", False), ("efficientnet", False)]
)
def test_openvino_agrees_with_torch(kind: Kind, exact: bool, backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone(kind)
    opened.model.eval()
    module = TapModel(opened).eval()
    example, other = _batches(opened, items, kind)
    expected = _arrays("torch", module, example, other, exact=True)
    for ours, theirs in zip(_arrays("openvino", module, example, other, exact=exact), expected, strict=True):
        assert ours.dtype == np.float32
        if exact:
            assert np.abs(ours - theirs).max() < 1e-4
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


@pytest.mark.parametrize(
    "kind", ["efficientnet", *(pytest.param(k, marks=pytest.mark.slow) for k in KINDS if k != "efficientnet")]
)
def test_onnx_runtime_agrees_with_torch(kind: Kind, backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone(kind)
    opened.model.eval()
    module = TapModel(opened).eval()
    example, other = _batches(opened, items, kind)
    expected = _arrays("torch", module, example, other, exact=True)
    for ours, theirs in zip(
        _arrays("onnxruntime", module, example, other, exact=True), expected, strict=True
    ):
        assert np.abs(ours - theirs).max() < 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_bf16_torch_agrees_with_float32(kind: Kind, backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone(kind)
    opened.model.eval()
    module = TapModel(opened).eval()
    _, other = _batches(opened, items, kind)
    device = torch.device("cpu")
    expected = TorchCompiled(module, device, half=False, exact=True)(other)
    for ours, theirs in zip(
        TorchCompiled(module, device, half=True, exact=False)(other), expected, strict=True
    ):
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.999


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize("kind", ["bert", "efficientnet"])
def test_a_stream_gives_what_single_calls_give(
    engine: str, kind: Kind, backbone: OpenTiny, items: MakeItems
) -> None:
    opened = backbone(kind)
    opened.model.eval()
    examples = items(kind, 40)
    sizes = [9, 1, 16, 5, 9]
    cuts = [range(sum(sizes[:place]), sum(sizes[: place + 1])) for place in range(len(sizes))]
    given = [opened.preprocessing(examples.batch(cut)) for cut in cuts]
    compiled = BY_NAME[engine].compile(TapModel(opened).eval(), given[0], exact=True)
    expected = [compiled(batch) for batch in given]
    for taken in (len(given), 2, len(given)):  # leaving early does no harm to what comes next
        found = list(islice(stream(compiled, enumerate(given)), taken))
        assert [key for key, _ in found] == list(range(taken))
        for (_, ours), theirs in zip(found, expected, strict=False):
            for one, other in zip(ours, theirs, strict=True):
                np.testing.assert_array_equal(one, other)


def test_a_request_that_fails_ends_the_stream_and_not_the_engine(
    backbone: OpenTiny, items: MakeItems
) -> None:
    opened = backbone("efficientnet")
    opened.model.eval()
    batch = opened.preprocessing(items("efficientnet", 8).batch(range(8)))
    compiled = BY_NAME["openvino"].compile(TapModel(opened).eval(), batch, exact=True)
    expected = compiled(batch)
    wrong = {name: tensor[:, :1] for name, tensor in batch.items()}
    with pytest.raises(RuntimeError):
        list(stream(compiled, [(0, batch), (1, wrong)]))
    np.testing.assert_array_equal(compiled(batch)[0], expected[0])


def test_prefixes_and_outputs_convert_too(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("bert")
    opened.model.eval()
    example, other = _batches(opened, items, "bert")
    # The first block of a text model does not read the mask: an input without use.
    for module in (PrefixModel(opened, 1).eval(), OutputModel(opened).eval()):
        (expected,) = _arrays("torch", module, example, other, exact=True)
        (ours,) = _arrays("openvino", module, example, other, exact=True)
        assert np.abs(ours - expected).max() < 1e-4


@pytest.mark.slow
def test_onnx_runtime_stops_at_the_cut(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("resnet")
    opened.model.eval()
    example, other = _batches(opened, items, "resnet")
    module = PrefixModel(opened, 2).eval()
    (expected,) = _arrays("torch", module, example, other, exact=True)
    (ours,) = _arrays("onnxruntime", module, example, other, exact=True)
    assert np.abs(ours - expected).max() < 1e-4


def test_the_fast_torch_engine_leaves_the_callers_weights_alone(backbone: OpenTiny, items: MakeItems) -> None:
    opened = backbone("efficientnet")
    opened.model.eval()
    before = {name: (t.stride(), t.dtype) for name, t in opened.model.state_dict().items()}
    TorchEngine().compile(TapModel(opened).eval(), _batches(opened, items, "efficientnet")[0], exact=False)
    assert before == {name: (t.stride(), t.dtype) for name, t in opened.model.state_dict().items()}


def test_parts_cover_all_rows_and_none_is_tiny() -> None:
    assert _parts(64, 2) == [(0, 32), (32, 64)]
    assert _parts(5, 4) == [(0, 5)]
    assert _parts(1, 4) == [(0, 1)]
    assert _parts(13, 3) == [(0, 4), (4, 8), (8, 13)]
