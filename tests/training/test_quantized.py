"""Weights under adapters in 4 bits: refused in time, handed to bitsandbytes as meant, whole at the end.

Neither a GPU nor the package is needed: a stand-in of the same form rounds to 15 levels for each row.
"""

from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import crosstune
from crosstune.core.errors import DoesNotApply, MissingExtra
from crosstune.core.interruption import Interrupted
from crosstune.training import quantized
from crosstune.training.errors import NoCuda
from crosstune.training.lora import add_adapters, remove_adapters
from crosstune.training.quantized import require_quantized
from tests.support.chats import open_writer, tiny_writer_dir
from tests.training.small import plain
from tests.training.test_packing import MIXED
from tests.training.test_speech import Ends, weights
from tests.training.test_text_generation import trained

ON: dict[str, Any] = {"strategy": "lora", "quantize_base": True}


class Params4bit(nn.Parameter):
    """Rounds when it is moved."""

    quant_state: Tensor | None
    asked: dict[str, Any]

    def __new__(cls, data: Tensor, requires_grad: bool, **asked: Any) -> "Params4bit":
        """Hold the whole numbers until then."""
        made = torch.Tensor._make_subclass(cls, data, requires_grad)
        made.quant_state, made.asked = None, asked
        return made

    def to(self, *_: Any, **__: Any) -> Any:
        """Become whole numbers from -7 to 7, the first time."""
        if self.quant_state is None:
            scale = self.data.abs().amax(dim=1, keepdim=True) / 7.0
            self.data, self.quant_state = torch.round(self.data / scale).to(torch.int8), scale
        return self


class Linear4bit(nn.Linear):
    """Computes with the numbers that these stand for."""

    def __init__(self, inputs: int, outputs: int, bias: bool, device: str, **asked: Any) -> None:
        super().__init__(inputs, outputs, bias=bias, device=device)
        self.asked, self.quant_state = asked, None

    def forward(self, x: Tensor) -> Tensor:
        """Multiply in the numbers of ``x``."""
        return functional.linear(x, dequantize_4bit(self.weight.data, self.weight.quant_state), self.bias)


def dequantize_4bit(data: Tensor, state: Any) -> Tensor:
    return data.float() * state


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    made = ModuleType("bitsandbytes")
    made.__dict__.update(
        nn=SimpleNamespace(Linear4bit=Linear4bit, Params4bit=Params4bit),
        functional=SimpleNamespace(dequantize_4bit=dequantize_4bit),
    )
    monkeypatch.setattr(quantized, "has_cuda", lambda: True)
    monkeypatch.setattr(quantized, "require", lambda *_, **__: made)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_writer_dir(tmp_path_factory.mktemp("tiny") / "llama")


def layers(model: nn.Module) -> dict[str, Linear4bit]:
    return {name: one for name, one in model.named_modules() if isinstance(one, Linear4bit)}


def test_what_does_not_go_together_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_quantized(plain(), "full")
    with pytest.raises(DoesNotApply, match="strategy=left open"):
        require_quantized(plain(**ON), None)
    with pytest.raises(DoesNotApply, match="lora_variant=dora"):
        require_quantized(plain(**ON, lora_variant="dora"), "lora")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(DoesNotApply, match="several processes"):
        require_quantized(plain(**ON), "lora")


def test_without_a_gpu_or_the_package_the_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "has_cuda", lambda: False)
    with pytest.raises(NoCuda, match=r'pip install "crosstune\[quantized\]"'):
        require_quantized(plain(**ON), "lora")
    monkeypatch.setattr(quantized, "has_cuda", lambda: True)
    monkeypatch.setattr("crosstune.core.extras.installed", lambda _: False)
    with pytest.raises(MissingExtra, match=r'pip install "crosstune\[quantized\]"'):
        require_quantized(plain(**ON), "lora")


def test_a_run_ends_before_a_model_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quantized, "has_cuda", lambda: False)
    rows = tmp_path / "rows.jsonl"
    lines = [f'{{"prompt": "say {n}", "completion": "{n}"}}\n' for n in range(60)]
    rows.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(NoCuda):
        crosstune.fit(
            rows, task="text-generation", model=str(tmp_path / "nowhere"), out=tmp_path / "run", **ON
        )


@pytest.mark.usefixtures("stand_in")
def test_layers_under_adapters_are_held_as_qlora_says(folder: Path) -> None:
    backbone = open_writer(folder)
    before, names = weights(backbone), list(backbone.model.state_dict())
    targets = add_adapters(backbone, plain(**ON))
    backbone.model.to("cpu")
    held = layers(backbone.model)
    assert sorted(held) == sorted(f"{path}.base_layer" for path in targets)
    for one in held.values():
        assert one.asked == {
            "compute_dtype": torch.float32, "quant_type": "nf4", "compress_statistics": True,
        }  # fmt: skip
        weight: Any = one.weight
        assert weight.asked == {"module": one, "quant_type": "nf4", "compress_statistics": True}
        assert weight.dtype == torch.int8
    assert all("lora_" in name for name, p in backbone.model.named_parameters() if p.requires_grad)
    remove_adapters(backbone)
    after = weights(backbone)
    assert list(backbone.model.state_dict()) == names
    for name, tensor in before.items():
        if name.removesuffix(".weight") in targets:
            rounding = tensor.abs().amax(dim=1, keepdim=True) / 14.0
            assert bool(((after[name] - tensor).abs() <= rounding * 1.001).all()), name
            assert not torch.equal(after[name], tensor)
        else:
            assert torch.equal(after[name], tensor), name
    assert not layers(backbone.model)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("variant", ["lora", "rslora"])
def test_a_training_merges_what_it_trained_and_goes_on_bit_for_bit(
    folder: Path, tmp_path: Path, variant: str
) -> None:
    how: dict[str, Any] = {**ON, "items": MIXED, "epochs": 6, "lora_variant": variant, "lr": 0.02}
    whole, one = trained(folder, tmp_path / "whole", **how)  # the merge is verified: outputs before and after
    losses = [row["train_loss"] for row in one.history]
    assert losses[-1] < losses[0]
    assert not layers(whole.model)
    start = weights(open_writer(folder))
    assert weights(whole).keys() == start.keys()
    assert all(tensor.dtype == torch.float32 for tensor in weights(whole).values())
    with pytest.raises(Interrupted):
        trained(folder, tmp_path / "broken", reporter=Ends(2), **how)
    again, _ = trained(folder, tmp_path / "broken", resume=True, **how)
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(again)[name]), name
