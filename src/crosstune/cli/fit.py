"""``crosstune fit``: check, measure, plan, train, evaluate, report."""

import time

from crosstune.cli.arguments import (
    AdaptToOption,
    BudgetOption,
    ClassesOption,
    ControlsOption,
    DomainOption,
    ExtendableOption,
    FitDataArgument,
    GroupOption,
    HeldOutDomainOption,
    InputsOption,
    KeepOption,
    MaxBadOption,
    ModelOption,
    ModelsOption,
    PretrainOnOption,
    RecipeOption,
    RunOption,
    SelectByOption,
    SetsOption,
    StrictOption,
    TargetOption,
    TaskOption,
    TrackersOption,
)
from crosstune.cli.console import say
from crosstune.core.settings import SETTING_NAMES

EPILOG = (
    "Settings for --set and for recipes, all optional, each decided by measurement or rule otherwise: "
    f"{', '.join(SETTING_NAMES)}."
)


def fit(
    data: FitDataArgument = None,
    target: TargetOption = None,
    inputs: InputsOption = None,
    group: GroupOption = None,
    domain: DomainOption = None,
    held_out_domain: HeldOutDomainOption = None,
    select_by: SelectByOption = None,
    task: TaskOption = None,
    model: ModelOption = None,
    models: ModelsOption = None,
    budget: BudgetOption = None,
    out: RunOption = None,
    recipe: RecipeOption = None,
    sets: SetsOption = None,
    classes: ClassesOption = None,
    adapt_to: AdaptToOption = None,
    pretrain_on: PretrainOnOption = None,
    max_bad: MaxBadOption = None,
    strict: StrictOption = False,
    extendable: ExtendableOption = False,
    keep_at_least: KeepOption = None,
    controls: ControlsOption = False,
    trackers: TrackersOption = None,
) -> None:
    """Fine-tune a pretrained model on DATA.

    Checks, measures, plans, trains within the time budget and reports. Flags beat --set, --set the recipe.
    """
    started = time.monotonic()  # the budget covers the imports too
    from crosstune import pipeline
    from crosstune.core.interruption import heeding
    from crosstune.core.processes import launched
    from crosstune.options import fit_options
    from crosstune.reports.live import make_reporter

    texts = {"data": data, "target": target, "group": group, "task": task, "model": model, "budget": budget}
    domains = {"domain": domain, "held_out_domain": held_out_domain, "select_by": select_by}
    lists = {**domains, "inputs": inputs, "models": models, "classes": classes, "trackers": trackers}
    switches = {"strict": strict, "extendable": extendable, "controls": controls}
    every = {**texts, **lists, **switches, "adapt_to": adapt_to, "out": out, "max_bad": max_bad}
    every |= {"keep_at_least": keep_at_least, "pretrain_on": pretrain_on}
    given = {name: value for name, value in every.items() if value or type(value) is float}
    options = fit_options(given, recipe=recipe, sets=sets or ())
    with heeding(), make_reporter() as reporter:
        run = pipeline.fit(options, reporter=reporter, started=started)
    if launched().leads:
        say(f"run directory: {run.root}")
        say(f"report:        {run.report}")
