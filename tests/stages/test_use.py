"""Tables and texts named to ``predict`` and ``evaluate``: read as the model learnt them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from crosstune.core.errors import BadValue
from crosstune.data.check import check
from crosstune.data.errors import MissingColumn
from crosstune.stages.use import gather, look
from tests.data.making import class_folders, write


def model(*inputs: str, modality: str = "text") -> Any:
    task = SimpleNamespace(name=f"{modality}-classification", classes=("0", "1"))
    return SimpleNamespace(
        backbone=SimpleNamespace(modality=modality), inputs=inputs, target="label", task=task
    )


def test_what_is_wrong_with_a_row_is_known_beside_other_tables_too(tmp_path: Path) -> None:
    first = write(tmp_path / "a.csv", "text,id\nfine,1\n")
    second = write(tmp_path / "b.csv", b"text,id\nGreat film, loved it,7\ngood,8\nlatin \xe9,9\n")
    for tables in ([second], [first, second]):
        data, origins = gather(model("text"), [str(one) for one in tables])
        problems = {origins[item.index]: item.code for item in check(data).bad}
        assert problems == {"b.csv:2": "broken-row", "b.csv:4": "invalid-utf8"}


def test_a_text_alone_is_no_pair(tmp_path: Path) -> None:
    table = write(tmp_path / "pairs.csv", "question,answer\nwhy,so\n")
    pairs = model("question", "answer")
    assert gather(pairs, [str(table)])[1] == ["pairs.csv:2"]
    for named in (["why"], ["why", str(table)], [str(table), "why"]):
        with pytest.raises(BadValue, match="no pair"):
            gather(pairs, named)


def test_a_folder_of_tables_is_evaluated_on_the_columns_of_training(tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path / f"{name}.csv", "summary,text,label\n" + "short,long,0\nbrief,wide,1\n" * 4)
    seen = look(model("summary"), tmp_path, target=None, max_bad=None)
    assert set(seen.items.batch(range(len(seen.items)))) == {"short", "brief"}
    with pytest.raises(MissingColumn, match="headline"):
        look(model("headline"), tmp_path, target=None, max_bad=None)


def test_class_folders_name_their_column_themselves(tmp_path: Path) -> None:
    class_folders(tmp_path, {"0": 3, "1": 3})
    seen = look(model("photo", modality="image"), tmp_path, target=None, max_bad=None)
    assert len(seen.items) == 6
