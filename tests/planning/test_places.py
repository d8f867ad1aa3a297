"""What the rules say about masks and boxes: a default model, a decoder's rate, epochs, no augmentation."""

from dataclasses import replace

import pytest

from crosstune.core.plan import Plan
from crosstune.planning.facts import PLACES, DataFacts
from crosstune.planning.make import make_plan
from crosstune.planning.opening import choose_model
from crosstune.planning.strategy import wanted_epochs
from tests.planning.test_strategy import DATA, MODEL, TIMELESS


@pytest.fixture(params=PLACES)
def few(request: pytest.FixtureRequest) -> DataFacts:
    return replace(DATA, task=request.param, modality="image", closed_form=False, train_rows=500)


def test_any_picture_model_does_it(few: DataFacts) -> None:
    assert choose_model(few).value == "package:efficientnet-lite0"


def test_a_decoder_that_starts_new_is_given_time_and_a_rate_of_its_own(few: DataFacts) -> None:
    assert wanted_epochs(few) == 40.0
    assert wanted_epochs(replace(few, task="image-classification")) == 15.0
    plan = make_plan(Plan(), few, MODEL, TIMELESS, {})
    assert plan["strategy"] == "full"
    assert plan["head_lr"] >= 2e-3
    assert plan["augment"] == "none"
    assert "augment=flip" in plan.decision("augment").because
    assert make_plan(Plan(), few, MODEL, TIMELESS, {"augment": "flip"})["augment"] == "flip"
