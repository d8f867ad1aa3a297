"""Half precision is taken only where features are the same by it, measured against how examples differ."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from crosstune.frozen.engines import precision, registry
from crosstune.frozen.engines.precision import deviation, tolerates_half
from crosstune.frozen.engines.registry import choose_engine
from crosstune.frozen.engines.torch_engine import TorchEngine


class Shifted(nn.Module):
    """A linear map of the input, on top of a constant that says nothing."""

    def __init__(self, constant: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.map = nn.Linear(16, 32)
        self.constant = constant

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Multiply, and add."""
        return (self.map(x) + self.constant,)


EXAMPLE: Mapping[str, Tensor] = {"x": torch.randn(8, 16, generator=torch.Generator().manual_seed(1))}


@pytest.fixture(autouse=True)
def _with_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda _device: True)


def test_a_large_constant_drowns_what_differs() -> None:
    assert tolerates_half(Shifted(0.0).eval(), EXAMPLE)
    assert not tolerates_half(Shifted(1000.0).eval(), EXAMPLE)


@pytest.mark.parametrize(("constant", "exact"), [(0.0, False), (1000.0, True)])
def test_the_choice_of_an_engine_heeds_it(
    constant: float, exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    class Asked(TorchEngine):
        def compile(self, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool):  # type: ignore[no-untyped-def] # noqa: ANN202
            asked.append(exact)
            return super().compile(module, example, exact=True)

    monkeypatch.setattr("crosstune.frozen.engines.registry.ENGINES", (Asked(),))
    choose_engine("torch", Shifted(constant).eval(), EXAMPLE, exact=False)
    assert asked == [exact]


def test_where_there_is_no_bf16_nothing_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda _device: False)
    monkeypatch.setattr(precision, "with_precision", None)
    assert not tolerates_half(Shifted(0.0), EXAMPLE)


def test_one_example_differs_from_nothing() -> None:
    assert not tolerates_half(Shifted(0.0), {"x": EXAMPLE["x"][:1]})


def test_a_module_that_knows_no_bf16_stays_in_float32() -> None:
    class Refuses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.map = nn.Linear(16, 4)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            found = self.map(x)
            if found.dtype == torch.bfloat16:
                raise RuntimeError("not implemented for 'BFloat16'")
            return (found,)

    assert not tolerates_half(Refuses().eval(), EXAMPLE)


def test_deviations_are_counted_in_spreads_and_constant_columns_are_passed_over() -> None:
    exact = np.array([[0.0, 7.0], [2.0, 7.0], [4.0, 7.0]], dtype=np.float32)
    found = exact + np.array([[0.5, 3.0], [-0.5, 3.0], [0.5, 3.0]], dtype=np.float32)
    assert deviation(found, exact) == pytest.approx(0.5 / np.std([0.0, 2.0, 4.0]))
    assert deviation(exact[:, 1:], exact[:, 1:]) == 0.0
    assert deviation(exact.reshape(3, 2, 1), exact.reshape(3, 2, 1)) == 0.0


@pytest.mark.parametrize("value", [7.0, float("nan")])
def test_examples_that_do_not_differ_say_nothing(value: float) -> None:
    exact = np.full((4, 3), value, dtype=np.float32)
    assert deviation(exact + 1.0, exact) == float("inf")


def test_one_bad_block_is_seen_among_many_good_ones() -> None:
    class Blocks(Shifted):
        """A narrow block that a constant drowns, beside a wide one."""

        widths = (2, 30)

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            """Add the constant to the first two columns alone."""
            found = self.map(x)
            return (torch.cat([found[:, :2] + self.constant, found[:, 2:]], dim=1),)

    module = Blocks(30.0).eval()
    assert not tolerates_half(module, EXAMPLE)
    module.widths = (32,)  # as one block the two columns drown in the others
    assert tolerates_half(module, EXAMPLE)


def test_what_an_engine_makes_of_it_is_compared_too(monkeypatch: pytest.MonkeyPatch) -> None:
    module, asked = Shifted(0.0).eval(), list[bool]()

    class Rough:
        name = "openvino"

        def available(self) -> bool:
            return True

        def compile(self, module: nn.Module, example: Mapping[str, Tensor], *, exact: bool):  # type: ignore[no-untyped-def] # noqa: ANN202, ARG002
            asked.append(exact)
            return lambda batch: tuple(one.detach().numpy() + (not exact) for one in module(**batch))

    monkeypatch.setattr(registry, "ENGINES", (Rough(),))
    compiled, *_ = choose_engine("openvino", module, EXAMPLE, exact=False)
    assert asked == [False, True]
    np.testing.assert_allclose(compiled(EXAMPLE)[0], module(**EXAMPLE)[0].detach().numpy(), rtol=1e-6)
