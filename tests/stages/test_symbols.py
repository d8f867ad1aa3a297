"""What a run says about characters that the opened model cannot write."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crosstune.core.clock import Budget
from crosstune.core.progress import Silent
from crosstune.core.spelling import Spelling
from crosstune.data.errors import CheckFailed
from crosstune.data.gate.characters import RARE, UNSEEN
from crosstune.options import FitOptions
from crosstune.stages.prepare import Prepared, prepare
from crosstune.stages.run import Run, new_folder
from crosstune.stages.symbols import with_symbols
from tests.support.speech import write_songs


def prepared(data: Path, out: Path, **options: Any) -> tuple[Run, Prepared]:
    made = FitOptions(data=data, target="text", inputs=("path",), **options)
    run = Run(made, new_folder(out), Budget(None), Silent())
    return run, prepare(run)


def opened(letters: str) -> Any:
    return SimpleNamespace(backbone=SimpleNamespace(spelling=Spelling.of([letters])))


def test_what_the_model_cannot_write_is_told_where_the_run_makes_the_splits(tmp_path: Path) -> None:
    table = write_songs(tmp_path / "songs", 40)
    _, before = prepared(table, tmp_path / "first")
    odd = before.items["test"].origins()[0]
    lines = table.read_text().splitlines()
    row = int(odd.rpartition(":")[2]) - 1
    lines[row] += " q"
    table.write_text("\n".join(lines) + "\n")

    run, found = prepared(table, tmp_path / "second")
    assert odd in found.items["test"].origins()
    assert {finding.code: finding.items for finding in found.report.findings}[RARE] == (f"{odd} (q)",)
    after = with_symbols(run, found, opened("abc"))
    (finding,) = [one for one in after.report.findings if one.code == UNSEEN]
    assert (finding.items, finding.severity) == ((f"{odd} (q)",), "warning")
    assert "they cannot be recognised" in finding.sentence
    assert len(after.items["test"]) == len(found.items["test"])
    again = with_symbols(run, after, opened("abc"))
    assert [one.code for one in again.report.findings].count(UNSEEN) == 1
    assert with_symbols(run, found, opened("abcq")).report is found.report

    strict, found = prepared(table, tmp_path / "third", strict=True)
    with pytest.raises(CheckFailed, match="unseen-characters"):
        with_symbols(strict, found, opened("abc"))
