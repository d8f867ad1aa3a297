"""Torch tries bf16 only where it may pay."""

from typing import Any

import pytest
import torch

from crosstune.frozen.engines import torch_engine
from crosstune.frozen.engines.torch_engine import TorchCompiled, TorchEngine, multiplies_bf16

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
