"""Torch tries bf16 only where it may pay."""

from typing import Any

import numpy as np
import pytest
import torch

from crosstune.frozen.engines import torch_engine
from crosstune.frozen.engines.torch_engine import TorchCompiled, TorchEngine, multiplies_bf16, placed

X86 = {"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": False}


@pytest.mark.parametrize(
    ("known", "pays"),
    [
        (X86, False),
        ({**X86, "avx512_bf16": True}, True),
        ({**X86, "amx_bf16": True}, True),
        ({"architecture": "aarch64"}, True),
        ({"architecture": "x86_64"}, True),
    ],
)
def test_bf16_is_tried_where_the_processor_has_it_or_nobody_knows(
    known: dict[str, Any], pays: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known, raising=False)
    assert multiplies_bf16(torch.device("cpu")) is pays
    assert multiplies_bf16(torch.device("cuda"))
    monkeypatch.setattr(torch_engine, "rate", lambda compiled, _: 2.0 if compiled.half else 1.0)
    compiled = TorchEngine().compile(torch.nn.Identity(), {"x": torch.zeros(1)}, exact=False)
    assert isinstance(compiled, TorchCompiled)
    assert compiled.half is pays


def test_without_the_question_a_benchmark_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert multiplies_bf16(torch.device("cpu"))


@pytest.mark.parametrize(("first", "expected", "calls"), [(1.5, 64 / 0.4, 2), (6.0, 64 / 6.0, 1)])
def test_a_first_call_counts_only_where_another_would_take_too_long(
    first: float, expected: float, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, made = [0.0], list[float]()

    def compiled(_batch: object) -> None:
        made.append(0.4 if made else first)
        clock[0] += made[-1]

    monkeypatch.setattr(torch_engine.time, "perf_counter", lambda: clock[0])
    found = torch_engine.rate(compiled, {"x": torch.zeros(64, 1)})  # type: ignore[arg-type]
    assert found == pytest.approx(expected)
    assert len(made) == calls


def test_pictures_lie_channels_last_on_a_processor_and_give_the_same() -> None:
    seen: list[bool] = []

    class Watched(torch.nn.Conv2d):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:  # type: ignore[override]
            seen.append(x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous())
            return (super().forward(x),)

    torch.manual_seed(0)
    module = Watched(3, 5, 3).eval()
    batch = {"x": torch.randn(2, 3, 8, 8)}
    (found,) = TorchEngine().compile(module, batch, exact=True)(batch)
    (known,) = module(**batch)
    np.testing.assert_allclose(found, known.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert seen == [True, False]
    assert module.weight.is_contiguous(), "the caller's weights keep their layout"


def test_what_is_no_picture_keeps_its_layout() -> None:
    batch = {"x": torch.zeros(2, 3, 4), "ids": torch.zeros(2, 7, dtype=torch.long)}
    for name, tensor in placed(batch, torch.device("cpu")).items():
        assert tensor is batch[name]
