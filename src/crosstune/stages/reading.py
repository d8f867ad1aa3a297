"""Reading data for a task: labelled rows, or conversations."""

from collections.abc import Sequence
from typing import Any

from crosstune.core.errors import DoesNotApply, shown
from crosstune.data.conversations.labelled import read_labelled
from crosstune.data.infer import GENERATION
from crosstune.data.labelled import LabelledData
from crosstune.data.read import read


def read_for(
    task: str | None,
    data: Any,  # noqa: ANN401
    *,
    target: str | None = None,
    inputs: Sequence[str] = (),
    group: str | None = None,
    domain: str | None = None,
) -> LabelledData:
    """Read ``data`` as ``task`` needs it; ``None``: the task follows from the data.

    Raises:
        DoesNotApply: a column is named, and the columns of conversations are known by their names.
        UserError: as :func:`crosstune.data.read.read` and
            :func:`crosstune.data.conversations.labelled.read_labelled`.
    """
    if task != GENERATION:
        return read(data, target=target, inputs=inputs, group=group, domain=domain, task=task)
    named = {"target": target, "input": shown(inputs), "group": group, "domain": domain}
    given = [f"{name}={value}" for name, value in named.items() if value]
    if given:
        raise DoesNotApply(
            "the columns of conversations are known by their names, and others are not read",
            found=shown(given),
            expected="columns as docs/guides/conversations.md shows them",
            fix="leave these out, and rename columns where they are called otherwise",
        )
    return read_labelled(data)
