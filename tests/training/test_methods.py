"""A method that cannot act is an error that says why."""

import pytest

from crosstune.core.errors import DoesNotApply
from crosstune.core.settings import Settings, with_values
from crosstune.training.methods import NO_BODY, require_methods


@pytest.mark.parametrize("strategy", sorted(NO_BODY))
def test_l2_sp_needs_a_body_that_moves(strategy: str) -> None:
    settings = with_values(Settings(), {"l2_sp": 0.01, "strategy": strategy})
    with pytest.raises(DoesNotApply, match=f"strategy={strategy}, which") as caught:
        require_methods(settings, domains=None)
    assert caught.value.code == "does-not-apply"


@pytest.mark.parametrize("name", ["coral", "group_dro"])
def test_what_compares_domains_needs_two_of_them(name: str) -> None:
    settings = with_values(Settings(), {name: 0.5})
    with pytest.raises(DoesNotApply, match="no column of domains was named"):
        require_methods(settings, domains=None)
    with pytest.raises(DoesNotApply, match="the same domain"):
        require_methods(settings, domains=1)
    require_methods(settings, domains=2)
    with pytest.raises(DoesNotApply, match="take mixup out"):
        require_methods(with_values(settings, {"augment": "flip+mixup"}), domains=2)
    with pytest.raises(DoesNotApply, match="take classmix out"):
        require_methods(with_values(settings, {"augment": "classmix"}), domains=2)


def test_what_is_off_asks_for_nothing() -> None:
    for strategy in ("closed-form", "head", "lora", "full"):
        require_methods(with_values(Settings(), {"strategy": strategy}), domains=None)
    require_methods(with_values(Settings(), {"l2_sp": 0.1, "strategy": "surgical"}), domains=None)
