"""Every kind keeps the contract: it knows its own columns, and hashes a row in one way."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset

from crosstune.core.progress import Silent
from crosstune.data.kinds.base import Kind
from crosstune.data.kinds.registry import KINDS, kind_called
from crosstune.data.read import read
from tests.data.making import png
from tests.data.sounding import babble, sound_bytes

EXAMPLES: dict[str, list[Any]] = {
    "image": [png(seed) for seed in range(4)],
    "audio": [sound_bytes(babble(seed, seconds=0.2)) for seed in range(4)],
    "text": ["some words", "other words", "third", "fourth one"],
}
EVERY = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@EVERY
def test_a_kind_is_found_by_its_name_and_by_what_a_column_holds(kind: Kind) -> None:
    assert kind_called(kind.name) is kind
    data = read(Dataset.from_dict({kind.columns[0]: EXAMPLES[kind.name], "label": list("abab")}))
    assert (data.modality, data.inputs) == (kind.name, (kind.columns[0],))
    assert not any(kind.suffixes & other.suffixes for other in KINDS if other is not kind)


@EVERY
def test_class_folders_of_a_kind_are_read(kind: Kind, tmp_path: Path) -> None:
    suffix = min(kind.suffixes)
    for place, content in enumerate(EXAMPLES[kind.name]):
        file = tmp_path / "ab"[place % 2] / f"{place}{suffix}"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    data = read(tmp_path)
    assert (data.modality, data.inputs, data.rows()) == (kind.name, (kind.column,), 4)
    assert len(data.items("all").batch([0, 3])) == 2


@EVERY
def test_a_look_hashes_rows_as_items_do_and_gives_facts(kind: Kind) -> None:
    data = read(Dataset.from_dict({kind.column: EXAMPLES[kind.name], "label": list("abab")}))
    look = kind.look(data.splits["all"], data.inputs, Silent(), done=0, prints=True)
    assert look.problems == {}
    assert list(look.digests()) == list(data.items("all").row_digests)
    assert len(look.table()) == 4
    assert all(np.isfinite(list(kind.facts(look.table()).values())))
    for values in kind.properties(look.table().astype(float)).values():
        assert len(values) == 4
