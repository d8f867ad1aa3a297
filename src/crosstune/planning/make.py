"""The plan of a training run: every rule in order, a user's value always wins."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from crosstune.core.plan import Basis, Decision, Plan
from crosstune.core.settings import Settings
from crosstune.planning import optimisation, places, strategy
from crosstune.planning.domains import choose_select_by
from crosstune.planning.facts import ANSWERS, PLACES, DataFacts, ModelFacts, TimeFacts


def settle(
    plan: Plan, decision: Decision, user: Mapping[str, Any], measured: Mapping[str, Decision] | None = None
) -> Plan:
    """Add a decision to the plan; in its place what was measured, and before that the user's value."""
    decision = (measured or {}).get(decision.setting, decision)
    if decision.setting in user:
        decision = decision.by_user(user[decision.setting])
    return plan.extended(decision)


def make_plan(
    plan: Plan,
    data: DataFacts,
    model: ModelFacts,
    time: TimeFacts,
    user: Mapping[str, Any],
    measured: Mapping[str, Decision] | None = None,
) -> Plan:
    """Decide every setting that ``plan`` leaves open. Equal facts give equal plans.

    Args:
        plan: what was decided before (model, sizes).
        data: counts from the data.
        model: shapes and speeds of the opened model.
        time: seconds left and needed.
        user: the settings that a person has chosen.
        measured: decisions that trials have taken; they replace those of the rules.
    """

    def add(plan: Plan, decision: Decision) -> Plan:
        return settle(plan, decision, user, measured)

    plan = add(plan, strategy.choose_strategy(data, model, time))
    moves = plan["strategy"]
    plan = add(plan, strategy.choose_last_blocks(data, model, time))
    plan = add(plan, strategy.choose_epochs(data, model, time, moves, plan["last_blocks"]))
    if data.task in PLACES:
        fitting = strategy.fitting_epochs(data, model, time, moves, plan["last_blocks"])
        examples = data.train_rows * min(plan["epochs"], fitting)
        plan = add(plan, places.choose_batch_size(examples))
        plan = add(plan, places.choose_warmup(examples, plan["batch_size"]))
    else:
        plan = add(plan, optimisation.choose_batch_size(data))
    if data.task == ANSWERS:
        plan = add(plan, optimisation.choose_gradient_checkpointing())
    plan = add(plan, optimisation.choose_optimizer())
    plan = add(plan, optimisation.choose_lr(data, model, moves, plan["optimizer"]))
    plan = add(plan, optimisation.choose_head_lr(data, model, moves, plan["lr"]))
    plan = add(plan, optimisation.choose_layer_decay(data, model))
    if user.get("l2_sp"):
        plan = add(plan, optimisation.choose_weight_decay())
    plan = add(plan, optimisation.choose_batchnorm(moves))
    plan = add(plan, optimisation.choose_average(data, plan["epochs"]))
    plan = add(plan, optimisation.choose_augment(data, model, moves))
    plan = add(plan, optimisation.choose_class_weights(data))
    plan = add(plan, choose_select_by(data))
    return with_defaults(plan, user)


def with_defaults(plan: Plan, user: Mapping[str, Any]) -> Plan:
    """Add the default of every setting that no rule decided, so that the plan is complete."""
    for field in fields(Settings):
        if field.name not in plan:
            default = Decision(field.name, field.default, Basis.ASSUMED, "the default")
            plan = settle(plan, default, user)
    return plan


def settings_of(plan: Plan) -> Settings:
    """Give the settings that a complete plan decides."""
    return Settings(**{field.name: plan[field.name] for field in fields(Settings)})
