"""The arms take away one thing each, and the first question is about what the run itself did."""

import pytest

from crosstune.core.errors import BadValue
from crosstune.options import FitOptions
from crosstune.planning.controls import (
    FROZEN,
    FROZEN_RANDOM,
    OWN,
    RAW,
    TUNED,
    TUNED_RANDOM,
    propose_arms,
    questions,
    require_crossing,
)


def test_every_arm_can_be_asked_of_a_run_and_names_are_told_apart() -> None:
    arms = propose_arms("package:efficientnet-lite0")
    assert len({arm.name for arm in arms}) == len(arms) == 6
    for arm in arms:
        FitOptions(data="pictures", **arm.changes)  # every change is an option or a setting
    assert [arm.name for arm in arms if not arm.crosses] == [OWN]
    assert OWN not in [arm.name for arm in propose_arms(None)]
    changes = {arm.name: dict(arm.changes) for arm in arms}
    assert changes[FROZEN_RANDOM] == changes[FROZEN] | {"pretrained": False}


def test_the_question_is_about_the_runs_own_strategy() -> None:
    assert questions("fpt")[0] == (FROZEN, FROZEN_RANDOM)
    assert questions("orca")[0] == (TUNED, TUNED_RANDOM)
    assert questions("closed-form")[0] == (TUNED, TUNED_RANDOM)
    assert (FROZEN, RAW) in questions("fpt")
    assert all(len({*pair}) == 2 for pair in questions("orca"))


def test_only_what_changes_its_modality_has_controls() -> None:
    require_crossing("package:minilm", crosses=True)
    with pytest.raises(BadValue, match="change their modality"):
        require_crossing("package:efficientnet-lite0", crosses=False)
