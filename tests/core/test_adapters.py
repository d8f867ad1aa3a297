"""What a report says of adapters."""

import pytest

from crosstune.core.adapters import VARIANTS, moved
from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.settings import CHOICES


@pytest.mark.parametrize(
    ("strategy", "variant", "words"),
    [
        ("lora", "lora", "lora"),
        ("lora", "dora", "lora, DoRA"),
        ("lora", "rslora", "lora, rsLoRA"),
        ("full", "lora", "full"),
        ("lora", None, "lora"),
    ],
)
def test_the_kind_of_adapters_is_named(strategy: str, variant: str | None, words: str) -> None:
    rows = [Decision("strategy", strategy, Basis.USER, "")]
    if variant is not None:  # a run of an older version decided nothing about it
        rows.append(Decision("lora_variant", variant, Basis.USER, ""))
    assert moved(Plan(tuple(rows))) == words


def test_every_choice_has_a_name() -> None:
    assert set(CHOICES["lora_variant"]) == set(VARIANTS)
