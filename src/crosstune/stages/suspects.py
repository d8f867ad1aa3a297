"""Labels of the training rows that are probably wrong: listed for a person to look at, never changed."""

from scipy.special import softmax

from crosstune.core.cells import safe_cell
from crosstune.core.files import replacing
from crosstune.probing.suspects import find_suspects
from crosstune.stages.prepare import Prepared
from crosstune.stages.probe import Probed
from crosstune.stages.run import Run
from crosstune.stages.tables import labelled_table

SHOWN = 5
"""Suspects that are said; the file holds all."""


def list_suspects(run: Run, prepared: Prepared, probed: Probed) -> None:
    """Write ``suspects.csv``: training rows whose label the others contradict, the surest first.

    Confident learning (``probing/suspects.py``) on the answers of the best ridge head for rows that it had
    not seen. Only where a row has one class; with clean labels these are the hard rows.
    """
    ridge = next((one for one in probed.heads if one.left_out is not None), None)
    if prepared.task.linear_kind() != "classes" or ridge is None or ridge.left_out is None:
        return
    rows, encoded = ridge.left_out_rows, probed.encoded["train"]
    assert rows is not None  # noqa: S101 - it comes with the answers
    found = find_suspects(softmax(ridge.left_out, axis=1), encoded[rows])
    if not found:
        return
    items = probed.items
    places = [int(rows[one.row]) for one in found]
    classes = prepared.task.classes  # type: ignore[attr-defined]
    origins, given = items.origins(), items.targets()
    table = labelled_table(
        [origins[place] for place in places],
        [{"suggested": classes[one.suggested], "margin": one.margin} for one in found],
        [given[place] for place in places],
    )
    with replacing(run.folder.suspects) as temporary:
        table.map(safe_cell).to_csv(temporary, index=False)
    share = len(found) / len(rows)
    run.reporter.say(
        f"{len(found)} of {len(rows)} training labels looked at ({share:.1%}) may be wrong, or are hard: "
        f"{run.folder.suspects.name}"
    )
    for place, one in list(zip(places, found, strict=True))[:SHOWN]:
        run.reporter.say(f"  {origins[place]}: `{given[place]}`, perhaps `{classes[one.suggested]}`")
