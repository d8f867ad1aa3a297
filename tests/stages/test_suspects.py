"""Labels that were swapped on purpose are listed, and nothing is changed."""

from pathlib import Path

import pandas as pd

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.options import FitOptions
from crosstune.stages.opening import open_planned
from crosstune.stages.prepare import prepare
from crosstune.stages.probe import probe
from crosstune.stages.run import Run, new_folder
from crosstune.stages.suspects import list_suspects
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


def suspects(data: Path, body: Path, out: Path) -> pd.DataFrame | None:
    run = Run(FitOptions(data=data, model=str(body), engine="torch"), new_folder(out), Budget(None), Silent())
    prepared = prepare(run)
    opened = open_planned(run, prepared)
    list_suspects(run, prepared, probe(run, prepared, opened))
    return pd.read_csv(run.folder.suspects) if run.folder.suspects.exists() else None


def test_swapped_labels_come_first(tmp_path: Path) -> None:
    body, data = tiny_bert_dir(tmp_path / "bert"), write_texts(tmp_path / "texts.csv", 240)
    table = pd.read_csv(data)
    assert suspects(data, body, tmp_path / "clean") is None or len(table) == 240
    names = sorted(table["label"].unique())
    swapped = list(range(5, 240, 24))
    for row in swapped:
        others = [name for name in names if name != table.loc[row, "label"]]
        table.loc[row, "label"] = others[0]
    table.to_csv(tmp_path / "swapped.csv", index=False)
    found = suspects(tmp_path / "swapped.csv", body, tmp_path / "run")
    assert found is not None
    assert list(found.columns) == ["origin", "target", "suggested", "margin"]
    assert found["margin"].is_monotonic_decreasing
    assert (found["target"] != found["suggested"]).all()
    planted = {f"swapped.csv:{row + 2}" for row in swapped}
    listed = {origin.rpartition("/")[2] for origin in found["origin"]}
    assert len(planted & listed) >= 4, (sorted(listed), sorted(planted))
