"""Precision and memory format for several short trainings of one model: measured once, with time enough.

A twentieth of half a minute is too little to time a whole batch of texts even once: trials would go on in
float32 where bf16 takes half as long (decision 0034).
"""

from contextlib import ExitStack
from dataclasses import replace

from crosstune.core.clock import Budget
from crosstune.core.head import HeadWeights
from crosstune.core.items import Items
from crosstune.core.progress import Reporter
from crosstune.core.settings import Settings
from crosstune.sources.base import Backbone
from crosstune.tasks.base import Task
from crosstune.training.aside import unchanged
from crosstune.training.rows import Rows
from crosstune.training.session import make_accelerator, prepare


def numerics_for(
    backbone: Backbone, task: Task, items: Items, settings: Settings, *, budget: Budget,
    reporter: Reporter, head: HeadWeights | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Give ``precision`` and ``memory_format``, as settings, that trainings like this one are fastest in.

    Args:
        backbone: left as it was.
        task: fitted on the training targets.
        items: of the training.
        settings: of one of the trainings; what is named there stays.
        budget: of all of them: a twentieth of it may be spent, 20 seconds at most.
        reporter: told what is decided.
        head: that the training starts from.

    Checked by: ``tests/training/test_numerics.py``.
    """
    accelerator = make_accelerator(settings, None, ())
    chosen = replace(settings, cache="off", workers=0)
    with unchanged(backbone, accelerator.device), ExitStack() as stack:
        session = prepare(
            backbone, task, items, Rows(items, [0]), chosen, accelerator=accelerator, budget=budget,
            reporter=reporter, head=head, stack=stack,
        )  # fmt: skip
        found = session.numerics
    return found.precision, found.memory_format
