"""Several runs on several sets: each cell is what evaluating that pair gives, and bad pairs are all named."""

import csv
import json
import shutil
from pathlib import Path

import pytest

import crosstune
from crosstune import pipeline
from crosstune.core.cross_table import CrossTable
from crosstune.core.errors import BadValue, UnknownName
from crosstune.options import FitOptions
from crosstune.stages.cross import NotMeasured
from tests.support.sets import write_texts
from tests.support.tiny import tiny_bert_dir


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make two sets of texts with the same classes, a run on the first, and a copy of that run."""
    folder = tmp_path_factory.mktemp("cross")
    tiny_bert_dir(folder / "bert", layers=2)
    for seed, name in enumerate(("one", "two")):
        write_texts(folder / f"{name}.csv", 60, seed=seed)
    pipeline.fit(
        FitOptions(
            data=folder / "one.csv", model=str(folder / "bert"), out=folder / "one", budget="none",
            strategy="closed-form", features="head", engine="torch",
        )
    )  # fmt: skip
    shutil.copytree(folder / "one", folder / "two")
    return folder


def test_every_cell_is_the_evaluation_of_its_pair(place: Path) -> None:
    runs, sets = [place / "one", place / "two"], [place / "one.csv", place / "two.csv"]
    table = crosstune.cross_evaluate(runs, sets, engine="torch", out=place / "table.json")
    assert table.sets == tuple(map(str, sets))
    assert table.trained_on == dict.fromkeys(table.runs, str(place / "one.csv"))
    for run in runs:
        for data in sets:
            cell = table.cell(str(run), str(data))
            assert cell.metrics == crosstune.evaluate(run, data, engine="torch")
            assert (cell.rows, cell.split) == (60, "all")
    assert CrossTable.from_json(json.loads((place / "table.json").read_text())) == table
    own, other = (table.cell(str(runs[0]), str(data)).between["seen"] for data in sets)
    assert own > 40 > other


def test_names_and_other_files(place: Path) -> None:
    table = crosstune.cross_evaluate(
        {"first": place / "one"}, {"here": str(place / "two.csv")}, engine="torch", out=place / "table.csv"
    )
    assert (table.runs, table.sets) == (("first",), ("here",))
    rows = list(csv.DictReader((place / "table.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["metric"] for row in rows} == set(table.cells[0].metrics)
    with pytest.raises(BadValue, match=r"table\.txt"):
        crosstune.cross_evaluate([place / "one"], [place / "one.csv"], out=place / "table.txt")
    with pytest.raises(UnknownName, match="did you mean `accuracy`"):
        pipeline.cross_evaluate({"one": place / "one"}, {"a": place / "one.csv"}, metric="acuracy")


def test_every_pair_that_cannot_be_measured_is_named(place: Path) -> None:
    (place / "other.csv").write_text("text,mood\ngood,good\n", encoding="utf-8")
    with pytest.raises(NotMeasured) as caught:
        crosstune.cross_evaluate([place / "one", place / "two"], [place / "other.csv", place / "gone.csv"])
    assert "4 of the pairs" in caught.value.problem
    for words in ("[missing-column]", "[data-not-found]", f"{place / 'two'} on {place / 'other.csv'}"):
        assert words in caught.value.found
