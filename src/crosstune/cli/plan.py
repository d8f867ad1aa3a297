"""``crosstune plan``: every decision of a run, why, and a recipe to carry it out."""

from pathlib import Path
from typing import Annotated

import typer

from crosstune.cli.arguments import (
    BudgetOption,
    DataArgument,
    DomainOption,
    GroupOption,
    HeldOutDomainOption,
    InputsOption,
    JsonOption,
    ModelOption,
    ModelsOption,
    SelectByOption,
    SetsOption,
    TargetOption,
    TaskOption,
)
from crosstune.cli.console import say, say_json, say_table


def plan(
    data: DataArgument,
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
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The recipe to write.")] = Path(
        "plan.toml"
    ),
    sets: SetsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decide all that `fit` would decide before it trains, say why, and write it as a recipe.

    Trains nothing. The frozen pass is kept in the cache, so that `fit` need not make it again.
    """
    from crosstune import pipeline
    from crosstune.core.errors import BadValue
    from crosstune.core.interruption import heeding
    from crosstune.options import fit_options
    from crosstune.reports.live import make_reporter

    if out.exists():
        raise BadValue(
            f"the file `{out}` exists",
            found="an earlier recipe, perhaps one that you have changed",
            expected="a new file",
            fix="name another file with --out, or remove this one",
        )
    texts = {"data": data, "target": target, "group": group, "task": task, "model": model, "budget": budget}
    domains = {"domain": domain, "held_out_domain": held_out_domain, "select_by": select_by}
    lists = {**domains, "inputs": inputs, "models": models}
    given = {name: value for name, value in {**texts, **lists}.items() if value}
    options = fit_options(given, sets=sets or ())
    with heeding(), make_reporter() as reporter:
        advice = pipeline.plan(options, reporter=reporter)
    pipeline.write_recipe(advice, options, out)
    if as_json:
        say_json(advice.plan.to_json())
        return
    say_table(
        ("setting", "value", "basis", "because"),
        ((row.setting, row.value, row.basis.value, row.because) for row in advice.plan
         if row.because != "the default"),
    )  # fmt: skip
    for name, why in advice.skipped:
        say(f"not compared: {name} ({why})")
    say(f"recipe: {out}")
