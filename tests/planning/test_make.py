"""The whole plan: complete, pure, and the user's value always wins."""

from dataclasses import fields, replace

from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.settings import Settings
from crosstune.planning.facts import DataFacts, ModelFacts, TimeFacts
from crosstune.planning.make import make_plan, settings_of
from tests.planning.test_strategy import DATA, MODEL

TIME = TimeFacts(left=400.0, reserve=50.0)
START = Plan((Decision("model", MODEL.name, Basis.PRIOR, "the default"),))


def planned(user: dict[str, object], data: DataFacts = DATA, model: ModelFacts = MODEL) -> Plan:
    return make_plan(START, data, model, TIME, user)


def test_every_setting_is_decided() -> None:
    plan = planned({})
    assert {field.name for field in fields(Settings)} <= {decision.setting for decision in plan}
    assert isinstance(settings_of(plan), Settings)


def test_equal_facts_give_equal_plans() -> None:
    assert planned({}).to_json() == planned({}).to_json()


def test_a_users_value_wins_and_what_it_replaced_is_kept() -> None:
    decision = planned({"lr": 0.125}).decision("lr")
    assert (decision.value, decision.basis) == (0.125, Basis.USER)
    assert decision.replaced == planned({})["lr"]
    assert str(decision.replaced) in decision.because


def test_a_users_strategy_leads_the_later_rules() -> None:
    assert planned({"strategy": "lora"})["lr"] == 1e-3
    assert planned({"optimizer": "sgd"})["lr"] == 1e-2


def test_random_weights_all_move_at_one_rate() -> None:
    text = replace(DATA, modality="text")
    assert planned({}, text, replace(MODEL, convolutional=False))["layer_decay"] == 0.9
    assert planned({}, text, replace(MODEL, convolutional=False, pretrained=False))["layer_decay"] == 1.0
    answers = planned({}, replace(text, closed_form=False), replace(MODEL, convolutional=False))
    assert answers["layer_decay"] == 1.0
    assert answers["head_lr"] == answers["lr"]  # the head has learnt these outputs in pretraining


def test_a_plan_survives_json() -> None:
    plan = planned({"lr": 0.125})
    assert Plan.from_json(plan.to_json()) == plan


def test_what_trials_measured_replaces_the_rule_and_the_user_replaces_both() -> None:
    trial = Decision("lr", 0.25, Basis.MEASURED, "the best of 3 trials", ("trial/1.1",))
    plan = make_plan(START, DATA, MODEL, TIME, {}, {"lr": trial})
    assert plan.decision("lr") == trial
    plan = make_plan(START, DATA, MODEL, TIME, {"lr": 0.5}, {"lr": trial})
    assert (plan["lr"], plan.decision("lr").replaced) == (0.5, 0.25)
