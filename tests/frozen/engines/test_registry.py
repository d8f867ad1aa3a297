"""The choice of an engine: the fastest that works, an explicit one or an error."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crosstune.core.errors import UnknownName
from crosstune.core.progress import Silent
from crosstune.core.settings import CHOICES
from crosstune.frozen.engines import registry
from crosstune.frozen.engines.base import Compiled
from crosstune.frozen.engines.registry import choose_engine
from crosstune.frozen.engines.torch_engine import TorchEngine
from crosstune.frozen.errors import EngineFailed
from crosstune.sources.base import Batch


class Doubling(nn.Module):
    """Twice the input."""

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Double."""
        return (x * 2,)


class Fake:
    """Stands for a converting engine."""

    def __init__(self, name: str, error: Exception | None = None) -> None:
        self.name, self.error, self.compiled = name, error, 0

    def available(self) -> bool:
        """Say yes."""
        return True

    def compile(self, module: nn.Module, example: Batch, *, exact: bool) -> Compiled:  # noqa: ARG002
        """Run the module as it is, or fail."""
        self.compiled += 1
        if self.error:
            raise self.error
        return lambda batch: tuple(t.numpy() for t in module(**batch))


class Warned(Silent):
    """Keeps the warnings."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, text: str) -> None:
        """Keep one."""
        self.lines.append(text)


UseEngines = Callable[[list[Fake], list[float]], None]
EXAMPLE = {"x": torch.ones(3, 2)}


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> UseEngines:
    """Replace the engines, and what they measure, by fakes."""

    def use(converting: list[Fake], rates: list[float]) -> None:
        monkeypatch.setattr(registry, "ENGINES", (TorchEngine(), *converting))
        speeds = iter(rates)
        monkeypatch.setattr(registry, "rate", lambda *_, **__: next(speeds))
        monkeypatch.setattr(registry, "_KEPT", type(registry._KEPT)())
        monkeypatch.setattr(registry, "_TORCH", {})

    return use


def test_the_names_are_those_of_the_setting() -> None:
    assert {"auto", *(engine.name for engine in registry.ENGINES)} == set(CHOICES["engine"])


def test_auto_takes_the_fastest(engines: UseEngines) -> None:
    engines([Fake("openvino"), Fake("onnxruntime")], [10.0, 50.0, 30.0])
    compiled, name, rates = choose_engine("auto", Doubling(), EXAMPLE, True)
    assert (name, rates) == ("openvino", {"torch": 10.0, "openvino": 50.0, "onnxruntime": 30.0})
    assert np.array_equal(compiled(EXAMPLE)[0], np.full((3, 2), 2.0))


def test_a_short_pass_pays_for_no_conversion(engines: UseEngines) -> None:
    fakes = [Fake("openvino"), Fake("onnxruntime")]
    engines(fakes, [10.0])
    assert choose_engine("auto", Doubling(), EXAMPLE, True, examples=70)[1] == "torch"
    engines(fakes, [10.0, 50.0])
    assert choose_engine("auto", Doubling(), EXAMPLE, True, examples=2000)[1] == "openvino"
    assert [fake.compiled for fake in fakes] == [1, 0]


def test_what_torch_was_chosen_for_is_not_found_out_again(engines: UseEngines) -> None:
    engines([Fake("openvino")], [10.0, 12.0, 10.0, 50.0])
    module = Doubling()

    def chosen(examples: int, identity: str = "weights") -> tuple[str, dict[str, float]]:
        compiled, *told = choose_engine("auto", module, EXAMPLE, True, examples=examples, identity=identity)
        assert np.array_equal(compiled(EXAMPLE)[0], np.full((3, 2), 2.0))
        return tuple(told)  # type: ignore[return-value]

    assert chosen(70) == ("torch", {"torch": 10.0})
    assert chosen(20) == ("torch", {"torch": 10.0}), "timed once"
    assert chosen(70, "other weights") == ("torch", {"torch": 12.0})
    assert chosen(5_000) == ("openvino", {"torch": 10.0, "openvino": 50.0}), (
        "many more are worth another look"
    )


def test_a_failing_engine_is_passed_over_aloud(engines: UseEngines) -> None:
    engines([Fake("openvino", RuntimeError("no such operation\nmore")), Fake("onnxruntime")], [10.0, 30.0])
    warned = Warned()
    assert choose_engine("auto", Doubling(), EXAMPLE, True, reporter=warned)[1] == "onnxruntime"
    assert warned.lines == [
        "engine openvino cannot run this model, going on without: RuntimeError: no such operation"
    ]


def test_a_failing_engine_that_was_named_is_an_error(engines: UseEngines) -> None:
    engines([Fake("openvino", RuntimeError("no such operation"))], [])
    with pytest.raises(EngineFailed, match="no such operation"):
        choose_engine("openvino", Doubling(), EXAMPLE, True)
    with pytest.raises(UnknownName, match="did you mean `openvino`"):
        choose_engine("openvin", Doubling(), EXAMPLE, True)


def test_a_converted_module_is_kept_for_the_next_pass(engines: UseEngines) -> None:
    fake = Fake("openvino")
    engines([fake], [10.0, 50.0, 10.0, 50.0])
    first = choose_engine("auto", Doubling(), EXAMPLE, True, identity="one")
    assert choose_engine("auto", Doubling(), {"x": torch.ones(5, 2)}, True, identity="one") is first
    assert choose_engine("auto", Doubling(), EXAMPLE, True, identity="two") is not first
    assert fake.compiled == 2


def test_the_live_torch_module_is_never_kept(engines: UseEngines) -> None:
    engines([], [10.0, 10.0])
    one = choose_engine("auto", Doubling(), EXAMPLE, True, identity="one")[0]
    assert choose_engine("auto", Doubling(), EXAMPLE, True, identity="one")[0] is not one
