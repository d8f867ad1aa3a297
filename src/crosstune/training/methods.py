"""Which methods can act in a training: one that cannot is an error that says why, and never ignored."""

from crosstune.core.errors import DoesNotApply
from crosstune.core.settings import MIXING, Settings

NO_BODY = {
    "closed-form": "takes no gradient at all",
    "head": "moves no weight of the body",
    "lora": "moves adapters and no weight of the body, which stay near it by their rank",
}
"""Strategies under which a pull of the body to its start has nothing to pull, and why."""


def require_methods(settings: Settings, *, domains: int | None) -> None:
    """Hold the settings of a training to what it is made on.

    Args:
        settings: as planned, or as far as a person has chosen them.
        domains: how many different ones the training rows have; ``None`` where no column of them was named.

    Raises:
        DoesNotApply: L2-SP where no weight of the body moves; CORAL or GroupDRO without at least two domains,
            or where mixup or CutMix mixes rows of several.

    Checked by: ``tests/training/test_methods.py``.
    """
    if settings.l2_sp > 0.0 and settings.strategy in NO_BODY:
        raise DoesNotApply(
            "L2-SP pulls the weights of the body to where they started, and here they do not move",
            found=f"l2_sp={settings.l2_sp:g} with strategy={settings.strategy}, "
            f"which {NO_BODY[settings.strategy]}",
            expected="a strategy that moves weights of the body: full, lp-ft, last, gradual or surgical",
            fix="leave `l2_sp` out, or name another strategy",
        )
    for name, value in (("coral", settings.coral), ("group_dro", settings.group_dro)):
        if value > 0.0:
            _require_domains(f"{name}={value:g}", settings, domains)


def _require_domains(asked: str, settings: Settings, domains: int | None) -> None:
    if domains is None or domains < 2:
        found = (
            "no column of domains was named" if domains is None else "every training row has the same domain"
        )
        raise DoesNotApply(
            f"{asked.partition('=')[0]} compares domains, and the training rows do not have several",
            found=f"{asked}, and {found}",
            expected="a column that names the domain of each row, with two domains or more in training",
            fix=f"name it with --domain, or leave out `{asked.partition('=')[0]}`",
        )
    mixing = [name for name in settings.augment.split("+") if name in MIXING]
    if mixing:
        raise DoesNotApply(
            f"{asked.partition('=')[0]} needs the domain of each row, and mixed rows have none",
            found=f"{asked} with augment={settings.augment}",
            expected=f"none of {', '.join(MIXING)}",
            fix=f"take {' and '.join(mixing)} out of `augment`",
        )
