"""Names of what adapters can be, for people."""

from collections.abc import Mapping

from crosstune.core.plan import Plan

VARIANTS: Mapping[str, str] = {"lora": "LoRA", "dora": "DoRA", "rslora": "rsLoRA"}
"""By the values of the setting ``lora_variant``: the names that their papers gave them."""


def moved(plan: Plan) -> str:
    """Name what a plan moves: its strategy, with the kind of its adapters where they are not the plain ones.

    Checked by: ``tests/core/test_adapters.py``.
    """
    strategy = str(plan["strategy"])
    variant = plan.value("lora_variant", "lora")
    return f"lora, {VARIANTS[variant]}" if strategy == "lora" and variant != "lora" else strategy
